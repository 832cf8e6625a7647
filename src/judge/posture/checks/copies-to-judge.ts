import { type ExpressionBuilder, sql } from 'kysely'
import type { Ms, PlaceRef } from '../../../core/contract/ref.ts'
import { isValue } from '../../../core/contract/secret-parts.ts'
import type { Row, Schema } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import { claimedIdentities } from '../../../know/inventory/claim.ts'
import { approvedPlaces, copyViews, entitiesById } from '../../../know/inventory/copy-view.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { loadRoots, type Roots } from '../../../know/inventory/roots.ts'
import type { CheckContext } from '../check.ts'
import { isOwn, LEAST_CONFIDENCE, type PlaceNames, placeNames, type Standing } from './standing.ts'

/** A copy as it is stored, or was. */
export interface StoredCopy {
  readonly sourceId: string
  /** The document that it stands in: two sources that see one file of this machine agree on it. */
  readonly file: string
  readonly where: string
  readonly isApproved: boolean
  readonly confidence: number
  readonly allowance: string | null
  readonly isReport: boolean
  readonly firstSeen: Ms
  readonly goneAt: Ms | undefined
}

export interface Copies {
  readonly byCredential: ReadonlyMap<string, readonly StoredCopy[]>
  /** When each source had first been read to the end. */
  readonly baselines: ReadonlyMap<string, Ms>
  readonly approvedFiles: ReadonlySet<string>
  /** Of each credential the places in sources that were never read to the end, one of them by name. */
  readonly unsettled: ReadonlyMap<string, { readonly place: string; readonly places: number }>
}

/**
 * Of what may be new somewhere all copies in the same documents, those that are gone with them; and all of what stands in an approved
 * place. What stood where it stands when its source was first read to the end, and nowhere else, is not read.
 */
export async function copiesToJudge(
  { db }: CheckContext,
  population: ReadonlyMap<string, Standing>,
): Promise<Copies> {
  const [roots, places, approved] = [await loadRoots(db), await placeNames(db), await approvedPlaces(db)]
  const watched = await db.selectFrom('watch').select(['source_id', 'baseline_at']).execute()
  const baselines = new Map(
    watched.flatMap(({ source_id, baseline_at }) => (baseline_at === null ? [] : [[source_id, baseline_at]])),
  )
  const recent = await copyRows(db)
    .leftJoin('watch', 'watch.source_id', 'copy.source_id')
    .where('copy.gone_at', 'is', null)
    .where(({ or, and, eb, ref }) =>
      or([
        eb('copy.first_seen', '>', ref('watch.baseline_at')),
        and([eb('watch.baseline_at', 'is', null), eb('copy.version', 'like', 'reported:%')]),
      ]),
    )
    .execute()
  const home = approved.size === 0 ? [] : await copyRows(db).where(mayBeApproved).execute()
  const found = new Map([...recent, ...home].map(row => [row.id, row]))
  const values = [...new Set(home.map(({ fingerprint }) => fingerprint))]
  for (const row of await inChunks(values, chunk =>
    copyRows(db).where('copy.fingerprint', 'in', chunk).execute(),
  ))
    found.set(row.id, row)
  for (const row of await sameDocuments(db, recent, places)) found.set(row.id, row)
  const rows = [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const byFingerprint = Map.groupBy(population.values(), ({ fingerprint }) => fingerprint)
  const owned = await ownersOf(db, roots, byFingerprint)
  const { byCredential, approvedFiles } = await told(db, roots, places, approved, rows, owned)
  const isHome = new Set(values)
  const unsettled = new Map(
    (await unsettledPlaces(db, places)).flatMap(({ fingerprint, claim_id, place, places }) =>
      isHome.has(fingerprint) ? [] : owned(fingerprint, claim_id).map(id => [id, { place, places }] as const),
    ),
  )
  return { byCredential, baselines, approvedFiles, unsettled }
}

/** Whose a copy is: several credentials may have one value. */
type Owners = (fingerprint: string, claimId: string | null) => readonly string[]

async function ownersOf(
  db: Db,
  roots: Roots,
  byFingerprint: ReadonlyMap<string, readonly Standing[]>,
): Promise<Owners> {
  const claims = await db
    .selectFrom('copy')
    .select('claim_id')
    .distinct()
    .where('claim_id', 'is not', null)
    .execute()
  const identities = await claimedIdentities(
    db,
    roots,
    claims.flatMap(({ claim_id }) => claim_id ?? []),
  )
  return (fingerprint, claimId) =>
    (byFingerprint.get(fingerprint) ?? [])
      .filter(one => isOwn(one, claimId === null ? undefined : identities.get(claimId)))
      .map(({ id }) => id)
}

/** Where nothing can be told of what is new, counted by the store: it may be all that there is. */
async function unsettledPlaces(db: Db, places: PlaceNames) {
  const { rows } = await sql<{
    fingerprint: string
    claim_id: string | null
    place: string
    places: number | string
  }>`select fingerprint, claim_id, min(place) as place, count(distinct place) as places from (
      select copy.fingerprint || '' as fingerprint, copy.claim_id, ${places.key} as place
      from copy inner join source on source.id = copy.source_id left join watch on watch.source_id = copy.source_id
      where copy.gone_at is null and watch.baseline_at is null and copy.confidence >= ${sql.lit(LEAST_CONFIDENCE)}
        and coalesce(copy.allowance, '') = '' and coalesce(copy.version, '') not like 'reported:%'
    ) as unsettled group by fingerprint, claim_id`.execute(db)
  return rows.map(row => ({ ...row, place: places.nameOf(row.place), places: Number(row.places) }))
}

type CopyRow = Pick<
  Row<'copy'>,
  | 'id'
  | 'source_id'
  | 'container_id'
  | 'path'
  | 'member'
  | 'version'
  | 'slots'
  | 'fingerprint'
  | 'claim_id'
  | 'confidence'
  | 'allowance'
  | 'first_seen'
  | 'gone_at'
>

function copyRows(db: Db) {
  return db
    .selectFrom('copy')
    .select([
      'copy.id',
      'copy.source_id',
      'copy.container_id',
      'copy.path',
      'copy.member',
      'copy.version',
      'copy.slots',
      'copy.fingerprint',
      'copy.claim_id',
      'copy.confidence',
      'copy.allowance',
      'copy.first_seen',
      'copy.gone_at',
    ])
}

/** By their paths alone, so that it may be another file of that name: which it is, is looked at afterwards. */
function mayBeApproved({ or, eb, selectFrom }: ExpressionBuilder<Schema, 'copy'>) {
  const facts = () =>
    selectFrom('fact')
      .where('fact.name', '=', 'approved')
      .where('fact.value', '=', 'true')
      .where('fact.gone_at', 'is', null)
  return or([
    eb('copy.container_id', 'in', facts().select('fact.entity_id')),
    eb(
      'copy.path',
      'in',
      facts()
        .innerJoin('entity', 'entity.id', 'fact.entity_id')
        .where('entity.kind', '=', 'file')
        .select('entity.native'),
    ),
  ])
}

/** What stands, or stood, in the documents of what may be new: changed content takes over from what is gone. */
async function sameDocuments(db: Db, recent: readonly CopyRow[], places: PlaceNames): Promise<CopyRow[]> {
  const values = new Set(recent.map(({ fingerprint }) => fingerprint))
  const paths = new Set(
    recent.flatMap(({ source_id, path }) => {
      const file = places.absolute(source_id, path)
      return [path, ...(file === undefined ? [] : places.pathsOf(file))]
    }),
  )
  const rows = await inChunks([...paths], chunk =>
    // Of each path, without a walk over all the copies of a value: it may have very many.
    copyRows(db).where(sql<string>`copy.path || ''`, 'in', chunk).execute(),
  )
  return rows.filter(({ fingerprint }) => values.has(fingerprint))
}

async function told(
  db: Db,
  roots: Roots,
  places: PlaceNames,
  approved: ReadonlySet<string>,
  rows: readonly CopyRow[],
  owned: Owners,
): Promise<Pick<Copies, 'byCredential' | 'approvedFiles'>> {
  const containers = await entitiesById(db, [...new Set(rows.map(row => roots.of(row.container_id)))])
  const labels = new Map(
    (await db.selectFrom('source').select(['id', 'system', 'label']).execute()).map(source => [
      source.id,
      `${source.system}:${source.label}`,
    ]),
  )
  const reports = await reportsAmong(db, roots, rows)
  const byCredential = new Map<string, StoredCopy[]>()
  const approvedFiles = new Set<string>()
  for (const row of rows) {
    const container = containers.get(roots.of(row.container_id))
    if (!container) continue
    const { source_id: sourceId, path, member } = row
    const absolute = places.absolute(sourceId, path)
    const file = JSON.stringify([absolute ?? [sourceId, path], member])
    // What lies in an archive cannot be written, whatever is allowed.
    const isApproved =
      member === '' &&
      (approved.has(container.id) ||
        approved.has(JSON.stringify([container.system, container.instance, path])))
    if (isApproved) approvedFiles.add(file)
    const line = (JSON.parse(row.slots) as PlaceRef['slots']).find(isValue)?.line
    const copy: StoredCopy = {
      sourceId,
      file,
      where: `${labels.get(sourceId)}/${path}${member === '' ? '' : `!${member}`}${line === undefined ? '' : `:${line}`}`,
      isApproved,
      confidence: row.confidence,
      allowance: row.allowance,
      isReport: reports.has(row.id),
      firstSeen: row.first_seen,
      goneAt: row.gone_at ?? undefined,
    }
    for (const id of owned(row.fingerprint, row.claim_id)) {
      const own = byCredential.get(id)
      if (own) own.push(copy)
      else byCredential.set(id, [copy])
    }
  }
  return { byCredential, approvedFiles }
}

/** Those that only repeat what a source has read itself. */
async function reportsAmong(db: Db, roots: Roots, rows: readonly CopyRow[]): Promise<ReadonlySet<string>> {
  const reported = rows.filter(({ version }) => version?.startsWith('reported:'))
  const views = await copyViews(db, roots, [...new Set(reported.map(({ fingerprint }) => fingerprint))])
  return new Set(
    [...views.values()].flat().flatMap(({ view }) => (view.reportOf === undefined ? [] : [view.id])),
  )
}
