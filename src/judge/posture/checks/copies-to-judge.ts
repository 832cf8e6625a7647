import { type ExpressionBuilder, sql } from 'kysely'
import type { Ms, PlaceRef } from '../../../core/contract/ref.ts'
import { isValue } from '../../../core/contract/secret-parts.ts'
import type { Row, Schema } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import { approvedPlaces, copyViews, entitiesById } from '../../../know/inventory/copy-view.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { loadRoots, type Roots } from '../../../know/inventory/roots.ts'
import type { CheckContext } from '../check.ts'
import { copied } from './copied.ts'
import { type CopyKey, copyKeyOf } from './copied-values.ts'
import type { PlaceNames } from './place-names.ts'
import { claimants, isOwn, type Standing } from './standing.ts'
import { GROUP } from './values-of-copies.ts'

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
  context: CheckContext,
  population: ReadonlyMap<string, Standing>,
): Promise<Copies> {
  const { db } = context
  const { places, baselines, values: all, newKeys } = await copied(context)
  const [roots, approved] = [await loadRoots(db), await approvedPlaces(db)]
  const home = approved.size === 0 ? [] : await copyRows(db).where(mayBeApproved).execute()
  const values = [...new Set(home.map(({ fingerprint }) => fingerprint))]
  const key = sql.ref<CopyKey>(`copy.${copyKeyOf(db)}`)
  const found = new Map(
    [
      ...home,
      ...(await inChunks(values, chunk => copyRows(db).where('copy.fingerprint', 'in', chunk).execute())),
      ...(await inChunks(newKeys, chunk => copyRows(db).where(key, 'in', chunk).execute())),
    ].map(row => [row.id, row]),
  )
  const rows = [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const owned = await ownersOf(context, population)
  const { byCredential, approvedFiles } = await told(
    db,
    roots,
    places,
    approved,
    rows,
    (fingerprint, claimId) => owned(fingerprint, all.numberOfClaim(claimId)),
  )
  const isHome = new Set(values)
  const unsettled = new Map<string, { place: string; places: number }>()
  for (let value = 0; value < all.count; value++)
    for (const group of all.groupsOf(value)) {
      const key = all.placeOf(group, GROUP.unsettled)
      if (key === undefined) continue
      const fingerprint = all.fingerprintOf(value)
      if (isHome.has(fingerprint)) break
      for (const id of owned(fingerprint, all.claimOf(group)))
        unsettled.set(id, { place: places.nameOf(key), places: all.unsettledPlaces(group) })
    }
  return { byCredential, baselines, approvedFiles, unsettled }
}

/** Whose a copy is: several credentials may have one value. */
type Owners = (fingerprint: string, claim: number) => readonly string[]

async function ownersOf(context: CheckContext, population: ReadonlyMap<string, Standing>): Promise<Owners> {
  const byFingerprint = Map.groupBy(population.values(), ({ fingerprint }) => fingerprint)
  const identityOf = await claimants(context)
  return (fingerprint, claim) =>
    (byFingerprint.get(fingerprint) ?? []).filter(one => isOwn(one, identityOf(claim))).map(({ id }) => id)
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

async function told(
  db: Db,
  roots: Roots,
  places: PlaceNames,
  approved: ReadonlySet<string>,
  rows: readonly CopyRow[],
  owned: (fingerprint: string, claimId: string | null) => readonly string[],
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
