import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { hides, type MemberGap } from '../readers/archive/member-gap.ts'
import { laterSeen } from './later-seen.ts'

/** A document that a source lists at a path, and that was read before. */
export interface Listed {
  readonly document: string
  readonly path: string
}

/**
 * The copies in a listed document still stand, and stand at this path too where the same content was read at another
 * one. What its latest reading did not find again stays gone.
 */
export async function restate(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  sourceId: string,
  listed: readonly Listed[],
  at: Ms,
): Promise<void> {
  for (const { document, path } of listed) {
    const copies = await tx
      .selectFrom('copy')
      .innerJoin('document', join =>
        join
          .onRef('document.source_id', '=', 'copy.source_id')
          .onRef('document.document', '=', 'copy.document'),
      )
      .selectAll('copy')
      .where('copy.source_id', '=', sourceId)
      .where('copy.document', '=', document)
      .whereRef('copy.last_seen', '>=', 'document.read_at')
      .orderBy('copy.id')
      .execute()
    const known = new Map<string, Row<'copy'>>()
    for (const copy of copies) {
      const key = JSON.stringify([copy.member, copy.fingerprint, copy.slots])
      if (!known.has(key) || copy.path === path) known.set(key, copy)
    }
    for (const copy of known.values())
      await tx
        .insertInto('copy')
        .values({ ...copy, id: newId(io), path, first_seen: at, last_seen: at, gone_at: null })
        .onConflict(conflict =>
          conflict
            .columns(['source_id', 'document', 'path', 'member', 'fingerprint', 'slots'])
            .doUpdateSet({ last_seen: laterSeen('copy'), gone_at: null }),
        )
        .execute()
  }
}

/** These documents were read anew: what a former version of the readers found in them, and this one does not, is gone. */
export async function dropUnread(
  tx: Tx,
  sourceId: string,
  documents: readonly string[],
  at: Ms,
): Promise<void> {
  if (documents.length === 0) return
  await tx
    .updateTable('copy')
    .set({ gone_at: at })
    .where('source_id', '=', sourceId)
    .where('document', 'in', documents)
    .where('last_seen', '<', at)
    .where('gone_at', 'is', null)
    .execute()
}

/** Where this reading could not look, what an earlier one found still stands. */
export async function keepWithin(
  tx: Tx,
  sourceId: string,
  document: string,
  gaps: readonly MemberGap[],
  at: Ms,
): Promise<void> {
  if (gaps.length === 0) return
  const unseen = await tx
    .selectFrom('copy')
    .select(['id', 'member'])
    .where('source_id', '=', sourceId)
    .where('document', '=', document)
    .where('last_seen', '<', at)
    .where('gone_at', 'is', null)
    .execute()
  for (const { id, member } of unseen)
    if (gaps.some(gap => hides(gap, member)))
      await tx.updateTable('copy').set({ last_seen: at }).where('id', '=', id).execute()
}

export interface Coverage {
  readonly scope: string
  readonly complete: boolean
  readonly why?: string
  /** It was meant to be read, and could not be. */
  readonly failed?: boolean
  /** A reader of its content could not make sense of all of it: for secrets it was looked into. */
  readonly told?: boolean
  /** The kinds of things that a gap may hide. */
  readonly hides?: readonly string[]
  /** The kinds of containers of which only what is new was listed. */
  readonly keeps?: readonly string[]
}

/** What was not looked at: by path, or by kind. */
interface Gaps {
  readonly paths: readonly string[]
  readonly kinds: ReadonlySet<string>
}

/** What earlier runs said of what they searched holds no more. */
export async function dropCoverage(tx: Tx, sourceId: string, at: Ms): Promise<void> {
  await tx.deleteFrom('coverage').where('source_id', '=', sourceId).where('at', '<', at).execute()
}

/** It holds still: this run found nothing that it would have had to read. */
export async function keepCoverage(tx: Tx, sourceId: string, at: Ms): Promise<void> {
  await tx.updateTable('coverage').set({ at }).where('source_id', '=', sourceId).execute()
}

/**
 * At a run's end: what its source did not state again is gone, as far as the run looked. `at` is the run's stamp.
 * `listsAll`: documents() listed every document, so that what it did not list is not there.
 */
export async function markGone(
  tx: Tx,
  sourceId: string,
  at: Ms,
  coverage: readonly Coverage[],
  options: { readonly listsAll: boolean; readonly readsDocuments: boolean },
): Promise<void> {
  if (!coverage.some(({ complete }) => complete)) return
  const incomplete = coverage.filter(({ complete }) => !complete)
  const gaps: Gaps = {
    paths: incomplete.map(({ scope }) => scope),
    kinds: new Set(incomplete.flatMap(({ hides }) => hides ?? [])),
  }
  if (await restateByOccurrence(tx, sourceId, at)) {
    await forgetMoved(tx, sourceId, at)
    await leaveHead(tx, sourceId, at)
  } else if (!options.listsAll) return
  await goneCopies(tx, sourceId, at, gaps, new Set(coverage.flatMap(({ keeps }) => keeps ?? [])))
  // A gap in a tree of documents is a path, which says whose absence proves nothing; elsewhere any gap keeps all.
  if (gaps.paths.length === 0 || options.readsDocuments) await goneEntities(tx, sourceId, at, gaps)
}

/** The source is read no more: no copy in it counts as standing. Gives how many did. */
export async function markUnread(tx: Tx, sourceId: string, at: Ms): Promise<number> {
  await tx.deleteFrom('coverage').where('source_id', '=', sourceId).execute()
  await leaveHead(tx, sourceId, at)
  const { numUpdatedRows } = await tx
    .updateTable('copy')
    .set({ gone_at: at })
    .where('source_id', '=', sourceId)
    .where('gone_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

/** Copies whose document's place was stated again stand, listed or not. Gives whether the source states places. */
async function restateByOccurrence(tx: Tx, sourceId: string, at: Ms): Promise<boolean> {
  // Also in a former run: of what is gone no place is stated, and it may have been the last one.
  const any = await tx
    .selectFrom('occurrence')
    .select('document')
    .where('source_id', '=', sourceId)
    .limit(1)
    .executeTakeFirst()
  const standing = tx
    .updateTable('copy')
    .set({ last_seen: at })
    .where('source_id', '=', sourceId)
    .where('gone_at', 'is', null)
    .where('last_seen', '<', at)
  await standing
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('occurrence')
          .select('occurrence.document')
          .where('occurrence.source_id', '=', sourceId)
          .where('occurrence.last_seen', '>=', at)
          .whereRef('occurrence.document', '=', 'copy.document')
          .whereRef('occurrence.path', '=', 'copy.path'),
      ),
    )
    .execute()
  // A blob is read under one of its paths; it stands as long as it has any, where no other copy tells of it.
  await standing
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('occurrence')
          .select('occurrence.document')
          .where('occurrence.source_id', '=', sourceId)
          .where('occurrence.last_seen', '>=', at)
          .whereRef('occurrence.document', '=', 'copy.document'),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('copy as other')
            .select('other.id')
            .where('other.source_id', '=', sourceId)
            .whereRef('other.document', '=', 'copy.document')
            .where('other.last_seen', '>=', at),
        ),
      ),
    )
    .execute()
  return any !== undefined
}

/** Where what still stands did not stand by a commit, and does not now, it was moved from, or is not staged any more. */
async function forgetMoved(tx: Tx, sourceId: string, at: Ms): Promise<void> {
  await tx
    .deleteFrom('occurrence')
    .where('source_id', '=', sourceId)
    .where('commit', '=', '')
    .where('last_seen', '<', at)
    .where('document', 'in', ({ selectFrom }) =>
      selectFrom('occurrence as now')
        .select('now.document')
        .where('now.source_id', '=', sourceId)
        .where('now.last_seen', '>=', at),
    )
    .execute()
}

async function leaveHead(tx: Tx, sourceId: string, at: Ms): Promise<void> {
  await tx
    .updateTable('occurrence')
    .set({ at_head: 0 })
    .where('source_id', '=', sourceId)
    .where('last_seen', '<', at)
    .where('at_head', '=', 1)
    .execute()
}

async function goneCopies(
  tx: Tx,
  sourceId: string,
  at: Ms,
  { paths, kinds }: Gaps,
  kept: ReadonlySet<string>,
): Promise<void> {
  const unseen = await tx
    .selectFrom('copy')
    .innerJoin('entity', 'entity.id', 'copy.container_id')
    .select(['copy.id', 'copy.path', 'entity.kind', 'entity.native'])
    .where('copy.source_id', '=', sourceId)
    .where('copy.last_seen', '<', at)
    .where('copy.gone_at', 'is', null)
    .execute()
  for (const { id, path, kind, native } of unseen)
    if (!kinds.has(kind) && !kept.has(kind) && !isWithin(path, paths) && !isWithin(native, paths))
      await tx.updateTable('copy').set({ gone_at: at }).where('id', '=', id).execute()
}

async function goneEntities(tx: Tx, sourceId: string, at: Ms, { paths, kinds }: Gaps): Promise<void> {
  const unseen = await tx
    .selectFrom('sighting')
    .innerJoin('entity', 'entity.id', 'sighting.entity_id')
    .select(['sighting.entity_id', 'entity.native', 'entity.kind'])
    .where('sighting.source_id', '=', sourceId)
    .where('sighting.document', '=', '')
    .where('sighting.last_seen', '<', at)
    .where('sighting.gone_at', 'is', null)
    .execute()
  for (const { entity_id, native, kind } of unseen) {
    if (kinds.has(kind) || isWithin(native, paths)) continue
    await tx
      .updateTable('sighting')
      .set({ gone_at: at })
      .where('entity_id', '=', entity_id)
      .where('source_id', '=', sourceId)
      .where('document', '=', '')
      .execute()
    const still = await tx
      .selectFrom('sighting')
      .select('source_id')
      .where('entity_id', '=', entity_id)
      .where('gone_at', 'is', null)
      .executeTakeFirst()
    if (!still) await tx.updateTable('entity').set({ gone_at: at }).where('id', '=', entity_id).execute()
  }
  await goneEdges(tx, sourceId, at, { paths, kinds })
}

/** An edge is hidden by what hides one of its ends. */
async function goneEdges(tx: Tx, sourceId: string, at: Ms, { paths, kinds }: Gaps): Promise<void> {
  const unseen = await tx
    .selectFrom('edge')
    .innerJoin('entity as source', 'source.id', 'edge.from_id')
    .innerJoin('entity as target', 'target.id', 'edge.to_id')
    .select([
      'edge.id',
      'source.kind',
      'source.native',
      'target.kind as to_kind',
      'target.native as to_native',
    ])
    .where('edge.source_id', '=', sourceId)
    .where('edge.document', '=', '')
    .where('edge.last_seen', '<', at)
    .where('edge.gone_at', 'is', null)
    // What the fold itself concluded is stated by no source.
    .where('edge.crossing', '<>', 'same-value')
    .execute()
  for (const { id, kind, native, to_kind, to_native } of unseen) {
    if (kinds.has(kind) || kinds.has(to_kind)) continue
    if (isWithin(native, paths) || isWithin(to_native, paths)) continue
    await tx.updateTable('edge').set({ gone_at: at }).where('id', '=', id).execute()
  }
}

/** Whether the path, or a folder that it lies in, is one of the scopes that could not be looked at. */
export function isWithin(path: string, gaps: readonly string[]): boolean {
  if (gaps.length === 0) return false
  const parts = path.split('/')
  return parts.some((_, index) => {
    const folder = parts.slice(0, index + 1).join('/')
    return gaps.some(gap => gap === folder || gap.endsWith(`/${folder}`))
  })
}
