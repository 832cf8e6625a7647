import type { Facts } from '../../core/contract/observation.ts'
import type { Ms, PlaceRef, Ref } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { connectedSources } from '../connections/registry.ts'
import { refOf } from './entity.ts'
import { claimedIdentities } from './claim.ts'
import { inChunks } from './in-chunks.ts'
import type { Roots } from './roots.ts'

export interface CopyView {
  readonly id: string
  readonly sourceId: string
  readonly place: PlaceRef
  readonly kind: string
  /** Whom the text names; a provisional reference where no connection has told who that is. */
  readonly claim?: Ref
  readonly confidence: number
  /** Why so sure. */
  readonly reasons: readonly string[]
  /** What the credential, or the text around this copy, says of it. */
  readonly facts: Facts
  readonly firstSeen: Ms
  readonly goneAt?: Ms
  /** The directory's owner allows Firebreak to write this file, and it is no archive. */
  readonly approved: boolean
  /** The reason given beside it for its standing there; empty where a mark gives none. */
  readonly allowance?: string
  /** The copy that another source read at this very place: this one is a report of it, and no place more. */
  readonly reportOf?: string
  readonly occurrences: { path: string; commit?: string; author?: string; at?: Ms; atHead: boolean }[]
}

export interface ClaimedCopy {
  /** Whom the text names, as far as that is known. */
  readonly identityId: string | undefined
  readonly view: CopyView
}

/** The copies by fingerprint. */
export async function copyViews(
  db: Db,
  roots: Roots,
  fingerprints: readonly string[],
): Promise<Map<string, ClaimedCopy[]>> {
  const rows = await inChunks(fingerprints, chunk =>
    db.selectFrom('copy').selectAll().where('fingerprint', 'in', chunk).orderBy('id').execute(),
  )
  const documents = [...new Set(rows.map(row => row.document))]
  const occurrences = Map.groupBy(
    await inChunks(documents, chunk =>
      db
        .selectFrom('occurrence')
        .selectAll()
        .where('document', 'in', chunk)
        .orderBy('at', order => order.asc().nullsFirst())
        .orderBy('path')
        .orderBy('commit')
        .execute(),
    ),
    row => `${row.source_id} ${row.document}`,
  )
  const claims = rows.flatMap(row => (row.claim_id ? [roots.of(row.claim_id)] : []))
  const containerOf = (row: Row<'copy'>) => roots.of(row.container_id)
  const entities = await entitiesById(db, [...new Set([...rows.map(containerOf), ...claims])])
  const identities = await claimedIdentities(db, roots, claims)
  const approved = await approvedPlaces(db)
  const paths = new Map<string, Set<string>>()
  for (const { source_id, document, path } of rows) {
    const key = `${source_id} ${document}`
    paths.set(key, (paths.get(key) ?? new Set()).add(path))
  }
  const reasonsIn = memoized(text => JSON.parse(text) as string[])

  const found = new Map<string, ClaimedCopy[]>()
  for (const row of rows) {
    const container = entities.get(containerOf(row))
    if (!container) continue
    const claimId = row.claim_id === null ? undefined : roots.of(row.claim_id)
    const claim = claimId === undefined ? undefined : entities.get(claimId)
    const key = `${row.source_id} ${row.document}`
    const others = paths.get(key)
    const view: CopyView = {
      id: row.id,
      sourceId: row.source_id,
      place: {
        in: refOf(container),
        path: row.path,
        ...(row.member !== '' && { member: row.member }),
        ...(row.version !== null && { version: row.version }),
        slots: JSON.parse(row.slots) as PlaceRef['slots'],
      },
      kind: row.kind,
      ...(claim && { claim: refOf(claim) }),
      confidence: row.confidence,
      reasons: row.reasons === null ? [] : reasonsIn(row.reasons),
      facts: row.facts === null ? {} : (JSON.parse(row.facts) as Facts),
      firstSeen: row.first_seen,
      ...(row.gone_at !== null && { goneAt: row.gone_at }),
      ...(row.allowance !== null && { allowance: row.allowance }),
      // What lies in an archive cannot be written, whatever is allowed.
      approved:
        row.member === '' &&
        (approved.has(container.id) ||
          approved.has(JSON.stringify([container.system, container.instance, row.path]))),
      // The same content at another path is told by the copy there, where there is one.
      occurrences: (occurrences.get(key) ?? [])
        .filter(({ path }) => path === row.path || !others?.has(path))
        .map(({ path, commit, author, at, at_head }) => ({
          path,
          ...(commit !== '' && { commit }),
          ...(author !== null && { author }),
          ...(at !== null && { at }),
          atHead: at_head === 1,
        })),
    }
    const group = found.get(row.fingerprint)
    const identityId = claimId === undefined ? undefined : identities.get(claimId)
    if (group) group.push({ identityId, view })
    else found.set(row.fingerprint, [{ identityId, view }])
  }
  const connected = new Set((await connectedSources(db).select('id').execute()).map(({ id }) => id))
  for (const group of found.values()) tellReports(group, connected)
  return found
}

/** Most copies are held to be secrets for one of a few reasons. */
function memoized<Value>(make: (text: string) => Value): (text: string) => Value {
  const made = new Map<string, Value>()
  return text => {
    const known = made.get(text)
    if (known !== undefined) return known
    const fresh = make(text)
    made.set(text, fresh)
    return fresh
  }
}

/**
 * What another tool reports, of a version of a file that a source has read itself. The source has told all places in that
 * version where the value stands, also where the tool counts lines in its own way. Of a source that was disconnected the
 * report alone tells.
 */
function tellReports(group: ClaimedCopy[], connected: ReadonlySet<string>): void {
  const read = new Map<string, string>()
  for (const { view } of group)
    if (!isReported(view) && connected.has(view.sourceId))
      for (const key of versionsOf(view)) if (!read.has(key)) read.set(key, view.id)
  for (const [index, { identityId, view }] of group.entries()) {
    const reportOf = isReported(view) ? versionsOf(view).map(key => read.get(key))[0] : undefined
    if (reportOf !== undefined) group[index] = { identityId, view: { ...view, reportOf } }
  }
}

/** Only its report has seen the content, so that there is no place in it to the byte. */
function isReported({ place }: CopyView): boolean {
  return place.version?.startsWith('reported:') === true
}

/** By commit; and, since a report without one tells of what stands now, as what stands at the head. */
function versionsOf({ place, occurrences }: CopyView): string[] {
  return occurrences.flatMap(({ path, commit, atHead }) => [
    ...(commit === undefined ? [] : [JSON.stringify([place.in, path, commit])]),
    ...(atHead ? [JSON.stringify([place.in, path, 'head'])] : []),
  ])
}

/** Files by their path in what they lie in; what is one place by itself, as a stored secret is, by its entity. */
export async function approvedPlaces(db: Db): Promise<Set<string>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['entity.id', 'entity.kind', 'entity.system', 'entity.instance', 'entity.native'])
    .where('fact.name', '=', 'approved')
    .where('fact.value', '=', 'true')
    .where('fact.gone_at', 'is', null)
    .execute()
  return new Set(
    rows.map(row => (row.kind === 'file' ? JSON.stringify([row.system, row.instance, row.native]) : row.id)),
  )
}

export async function entitiesById(db: Db, ids: readonly string[]): Promise<Map<string, Row<'entity'>>> {
  const rows = await inChunks(ids, chunk =>
    db.selectFrom('entity').selectAll().where('id', 'in', chunk).execute(),
  )
  return new Map(rows.map(row => [row.id, row]))
}
