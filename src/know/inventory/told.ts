import type { Ms } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import { inChunks } from './in-chunks.ts'
import { type Coverage, isWithin } from './standing.ts'

/** Where what documents tell beside copies is kept. */
const TABLES = ['sighting', 'edge', 'fact', 'owner', 'policy'] as const

/** These documents were read anew: what an earlier reading made of them, and this one does not, was never so. */
export async function forgetUntold(
  tx: Tx,
  sourceId: string,
  documents: readonly string[],
  at: Ms,
): Promise<void> {
  const unseen = await inChunks(documents, chunk =>
    tx
      .deleteFrom('sighting')
      .where('source_id', '=', sourceId)
      .where('document', 'in', chunk)
      .where('last_seen', '<', at)
      .returning('entity_id')
      .execute(),
  )
  for (const table of ['edge', 'fact', 'owner', 'policy'] as const)
    await inChunks(documents, async chunk => {
      await tx
        .deleteFrom(table)
        .where('source_id', '=', sourceId)
        .where('document', 'in', chunk)
        .where(table === 'edge' ? 'last_seen' : ('learnt_at' as 'last_seen'), '<', at)
        .execute()
      return []
    })
  await goneEntities(
    tx,
    unseen.map(({ entity_id }) => entity_id),
    at,
  )
}

/** Which of a source's documents stand at a run's end, as far as the run can tell. */
export interface Standing {
  has(document: string): boolean
  /** Whether one that it does not have is known to be gone. */
  readonly complete: boolean
}

/**
 * At a run's end: what a document told stands if the document does, and is gone with it; it comes back when the document
 * does. `documents` are those of the source that tell of anything.
 */
export async function markTold(
  tx: Tx,
  sourceId: string,
  at: Ms,
  documents: readonly string[],
  standing: Standing,
  coverage: readonly Coverage[],
): Promise<void> {
  const stands = documents.filter(document => standing.has(document))
  const absent = standing.complete ? documents.filter(document => !standing.has(document)) : []
  await setGone(tx, sourceId, stands, null)
  await setGone(tx, sourceId, await notHidden(tx, sourceId, { absent, stands }, coverage), at)
  await inChunks(stands, async chunk => {
    const told = tx
      .selectFrom('sighting')
      .select('entity_id')
      .where('source_id', '=', sourceId)
      .where('document', 'in', chunk)
    await tx
      .updateTable('entity')
      .set({ last_seen: at, gone_at: null })
      .where('last_seen', '<=', at)
      .where('id', 'in', told)
      .execute()
    return []
  })
  const unseen = await inChunks(absent, chunk =>
    tx
      .selectFrom('sighting')
      .select('entity_id')
      .where('source_id', '=', sourceId)
      .where('document', 'in', chunk)
      .where('gone_at', '=', at)
      .execute(),
  )
  await goneEntities(
    tx,
    unseen.map(({ entity_id }) => entity_id),
    at,
  )
}

/**
 * The source is read no more: nothing that it told stands. What it alone told of is out of sight, which is not to say that it
 * is gone from where it is (`outOfSight`).
 */
export async function markUntold(tx: Tx, sourceId: string, at: Ms): Promise<void> {
  const seen = await tx
    .selectFrom('sighting')
    .select('entity_id')
    .distinct()
    .where('source_id', '=', sourceId)
    .where('gone_at', 'is', null)
    .execute()
  await restamp(tx, sourceId, null, at)
  await goneEntities(
    tx,
    seen.map(({ entity_id }) => entity_id),
    at,
  )
}

/** When a source was disconnected that was not looked at since; by that stamp all is known that `markUntold` has marked. */
export async function untoldAt(
  db: Db,
  { id, observed_at }: Pick<Row<'source'>, 'id' | 'observed_at'>,
): Promise<Ms | undefined> {
  const { at } = await db
    .selectFrom('sighting')
    .select(({ fn }) => fn.max('gone_at').as('at'))
    .where('source_id', '=', id)
    .where('gone_at', '>', observed_at ?? -1)
    .executeTakeFirstOrThrow()
  return at ?? undefined
}

/**
 * The source is read again: what it told until `at`, when it was disconnected, stands as before until it is seen to be gone. Who
 * cannot look at all of it this time cannot say that of the rest.
 */
export async function standAgain(tx: Tx, sourceId: string, at: Ms): Promise<void> {
  await restamp(tx, sourceId, at, null)
  await tx
    .updateTable('copy')
    .set({ gone_at: null })
    .where('source_id', '=', sourceId)
    .where('gone_at', '=', at)
    .execute()
  await tx
    .updateTable('entity')
    .set({ gone_at: null })
    .where('gone_at', '=', at)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('sighting')
          .select('sighting.source_id')
          .whereRef('sighting.entity_id', '=', 'entity.id')
          .where('sighting.source_id', '=', sourceId)
          .where('sighting.gone_at', 'is', null),
      ),
    )
    .execute()
}

/** Of all that a source told beside copies: what is gone since `from` is gone since `to`; null is what stands. */
async function restamp(tx: Tx, sourceId: string, from: Ms | null, to: Ms | null): Promise<void> {
  const since = from === null ? 'is' : '='
  for (const table of ['sighting', 'fact', 'owner', 'policy'] as const)
    await tx
      .updateTable(table)
      .set({ gone_at: to })
      .where('source_id', '=', sourceId)
      .where('gone_at', since, from)
      .execute()
  await tx
    .updateTable('edge')
    .set({ gone_at: to })
    .where('source_id', '=', sourceId)
    .where('gone_at', since, from)
    // What the fold itself concluded is stated by no source.
    .where('crossing', '<>', 'same-value')
    .execute()
}

async function setGone(
  tx: Tx,
  sourceId: string,
  documents: readonly string[],
  gone_at: Ms | null,
): Promise<void> {
  for (const table of TABLES)
    await inChunks(documents, async chunk => {
      await tx
        .updateTable(table)
        .set({ gone_at })
        .where('source_id', '=', sourceId)
        .where('document', 'in', chunk)
        .where('gone_at', gone_at === null ? 'is not' : 'is', null)
        .execute()
      return []
    })
}

/**
 * Whoever could not look at a folder cannot say that what lay in it is gone. Of what has no place: nor can who could not
 * ask for some kinds of things, of a document that told of such; nor who could not read anything else, but of a document
 * in whose stead another tells of the same.
 */
async function notHidden(
  tx: Tx,
  sourceId: string,
  { absent, stands }: { readonly absent: readonly string[]; readonly stands: readonly string[] },
  coverage: readonly Coverage[],
): Promise<string[]> {
  const incomplete = coverage.filter(({ complete }) => !complete)
  if (incomplete.length === 0) return [...absent]
  const gaps = incomplete.map(({ scope }) => scope)
  const stood = await inChunks(absent, chunk =>
    tx
      .selectFrom('occurrence')
      .select(['document', 'path'])
      .where('source_id', '=', sourceId)
      .where('document', 'in', chunk)
      .execute(),
  )
  const paths = Map.groupBy(stood, ({ document }) => document)
  const kinds = new Set(incomplete.flatMap(({ hides }) => hides ?? []))
  const hidden = await tellingOf(tx, sourceId, absent, [...kinds])
  const anything = incomplete.some(({ hides }) => hides === undefined)
  const replaced = anything ? await replacedBy(tx, sourceId, absent, stands) : undefined
  return absent.filter(document => {
    const at = paths.get(document)
    if (at !== undefined) return !at.some(({ path }) => isWithin(path, gaps))
    return !hidden.has(document) && (replaced?.has(document) ?? true)
  })
}

/** Those of the documents that told of something of the source's own system of which one that stands tells too. */
async function replacedBy(
  tx: Tx,
  sourceId: string,
  documents: readonly string[],
  standing: readonly string[],
): Promise<Set<string>> {
  const told = (some: readonly string[]) =>
    inChunks(some, chunk =>
      tx
        .selectFrom('sighting')
        .innerJoin('entity', 'entity.id', 'sighting.entity_id')
        .innerJoin('source', join =>
          join.onRef('source.id', '=', 'sighting.source_id').onRef('source.system', '=', 'entity.system'),
        )
        .select(['sighting.document', 'sighting.entity_id'])
        .where('sighting.source_id', '=', sourceId)
        .where('sighting.document', 'in', chunk)
        .execute(),
    )
  const toldNow = new Set((await told(standing)).map(({ entity_id }) => entity_id))
  const before = await told(documents)
  return new Set(before.filter(({ entity_id }) => toldNow.has(entity_id)).map(({ document }) => document))
}

/** Those of the documents that told of things of these kinds. */
async function tellingOf(
  tx: Tx,
  sourceId: string,
  documents: readonly string[],
  kinds: readonly string[],
): Promise<Set<string>> {
  if (kinds.length === 0) return new Set()
  const rows = await inChunks(documents, chunk =>
    tx
      .selectFrom('sighting')
      .innerJoin('entity', 'entity.id', 'sighting.entity_id')
      .select('sighting.document')
      .distinct()
      .where('sighting.source_id', '=', sourceId)
      .where('sighting.document', 'in', chunk)
      .where('entity.kind', 'in', kinds)
      .execute(),
  )
  return new Set(rows.map(({ document }) => document))
}

/** Those of the entities that no source tells of any more. */
async function goneEntities(tx: Tx, entityIds: readonly string[], at: Ms): Promise<void> {
  await inChunks([...new Set(entityIds)], async chunk => {
    await tx
      .updateTable('entity')
      .set({ gone_at: at })
      .where('gone_at', 'is', null)
      .where('id', 'in', chunk)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('sighting')
              .select('sighting.source_id')
              .whereRef('sighting.entity_id', '=', 'entity.id')
              .where('sighting.gone_at', 'is', null),
          ),
        ),
      )
      .execute()
    return []
  })
}
