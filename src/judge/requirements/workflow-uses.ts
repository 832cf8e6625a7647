import { sql } from 'kysely'
import type { Db } from '../../core/store/store.ts'
import { inChunks } from '../../know/inventory/in-chunks.ts'
import { outOfSight } from '../../know/inventory/out-of-sight.ts'
import { namesById } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'

/** A workload that runs as an identity, or reads a credential of it. */
export interface WorkflowUse {
  readonly workloadId: string
  readonly name: string
  /** The workload is there no more, or uses it no more. */
  readonly isGone: boolean
  /** It is gone only as its source was disconnected: nobody can tell whether it is there still. */
  readonly isOutOfSight: boolean
  readonly why: string
}

const RUNS = ['runs-as', 'federates-into', 'logs-in-as']
const READS = ['reads', 'reads-secret']
const WRITTEN = 'written-in'

/** Who is told to use these identities, by the identity’s id; also who did. */
export async function workflowUses(
  db: Db,
  roots: Roots,
  identityIds: readonly string[],
): Promise<ReadonlyMap<string, readonly WorkflowUse[]>> {
  const members = identityIds.flatMap(id => [id, ...roots.membersOf(id)])
  const found: (Omit<WorkflowUse, 'name'> & { readonly identityId: string })[] = []
  const run = await edgesTo(db, members, RUNS)
  for (const { to_id, from_id, ...said } of run)
    found.push({ identityId: roots.of(to_id), workloadId: roots.of(from_id), ...said })
  const { read, places } = await readsOf(db, roots, members)
  for (const { to_id, from_id, ...said } of read)
    for (const identityId of places.get(to_id) ?? [])
      found.push({ identityId, workloadId: roots.of(from_id), ...said })
  const names = await namesById(
    db,
    roots,
    found.map(({ workloadId }) => workloadId),
  )
  const uses = found.map(one => ({ ...one, name: names.get(one.workloadId)?.[0] ?? one.workloadId }))
  return new Map(
    [...Map.groupBy(uses, ({ identityId }) => identityId)].map(([id, own]) => [id, withoutRepeated(own)]),
  )
}

/** One that uses it still in some way does not count as gone, nor one that may. */
function withoutRepeated(uses: readonly WorkflowUse[]): WorkflowUse[] {
  const byName = new Map<string, WorkflowUse>()
  const rank = ({ isGone, isOutOfSight }: WorkflowUse) => (isGone ? (isOutOfSight ? 1 : 2) : 0)
  for (const { workloadId, name, isGone, isOutOfSight, why } of uses.toSorted((a, b) => rank(a) - rank(b)))
    if (!byName.has(name)) byName.set(name, { workloadId, name, isGone, isOutOfSight, why })
  return [...byName.values()]
}

interface Edge extends Pick<WorkflowUse, 'isGone' | 'isOutOfSight' | 'why'> {
  readonly from_id: string
  readonly to_id: string
}

function edges(db: Db, crossings: readonly string[]) {
  return db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.from_id')
    .innerJoin('source', 'source.id', 'edge.source_id')
    .select(['edge.from_id', 'edge.to_id', 'edge.why', 'edge.gone_at', 'entity.gone_at as from_gone_at'])
    .select('source.observed_at')
    .select(sql<number>`case when ${outOfSight('entity')} then 1 else 0 end`.as('out_of_sight'))
    .where('edge.crossing', 'in', crossings)
    .where('entity.type', '=', 'workload')
}

async function edgesTo(db: Db, ids: readonly string[], crossings: readonly string[]): Promise<Edge[]> {
  if (ids.length <= MANY)
    return (
      await inChunks(ids, chunk => edges(db, crossings).where('edge.to_id', 'in', chunk).execute())
    ).map(edgeOf)
  const isMeant = new Set(ids)
  return (await edges(db, crossings).execute()).filter(({ to_id }) => isMeant.has(to_id)).map(edgeOf)
}

/** Of more, all edges of the kind are read: that is sooner done than to look up each. */
const MANY = 20_000

function edgeOf(row: {
  from_id: string
  to_id: string
  why: string
  gone_at: number | null
  from_gone_at: number | null
  observed_at: number | null
  out_of_sight: number
}): Edge {
  const { from_id, to_id, why, gone_at, from_gone_at, observed_at, out_of_sight } = row
  return {
    from_id,
    to_id,
    why,
    isGone: gone_at !== null || from_gone_at !== null,
    isOutOfSight: out_of_sight === 1 || (gone_at !== null && gone_at > (observed_at ?? -1)),
  }
}

/** Of more, it is asked which places are read at all, which are few, before it is asked what stands there. */
const FEW = 100

/** Who reads a place that holds a credential of these identities, and by place whose. */
async function readsOf(
  db: Db,
  roots: Roots,
  identityIds: readonly string[],
): Promise<{ read: readonly Edge[]; places: ReadonlyMap<string, ReadonlySet<string>> }> {
  if (identityIds.length <= FEW) {
    const places = await withSecretsIn(db, await placesOf(db, roots, identityIds))
    return { read: await edgesTo(db, [...places.keys()], READS), places }
  }
  const read = (await edges(db, READS).execute()).map(edgeOf)
  if (read.length === 0) return { read, places: new Map() }
  return { read, places: await withSecretsIn(db, await placesRead(db, roots, new Set(identityIds))) }
}

/** Who reads a Secret that a manifest declares reads what stands in its file, where that file is the Secret's alone. */
async function withSecretsIn(
  db: Db,
  places: Map<string, Set<string>>,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await db
    .selectFrom('edge')
    .select(['from_id', 'to_id'])
    .where('crossing', '=', WRITTEN)
    .where('certainty', '=', 'proven')
    .where('gone_at', 'is', null)
    .execute()
  for (const { from_id: secret, to_id: file } of rows) {
    const held = places.get(file)
    if (held) places.set(secret, new Set([...(places.get(secret) ?? []), ...held]))
  }
  return places
}

/** The same as `placesOf`, of what is read by anyone. */
async function placesRead(
  db: Db,
  roots: Roots,
  identityIds: ReadonlySet<string>,
): Promise<Map<string, Set<string>>> {
  const targets = db
    .selectFrom('edge')
    .select('edge.to_id')
    .where('edge.crossing', 'in', [...READS, WRITTEN])
  const read = await db
    .selectFrom('entity')
    .select(['id', 'system', 'instance', 'kind', 'native'])
    .where('id', 'in', targets)
    .execute()
  const isRead = new Set(read.map(({ id }) => id))
  const files = new Map(
    read
      .filter(({ kind }) => kind === 'file')
      .map(({ id, system, instance, native }) => [JSON.stringify([system, instance, native]), id]),
  )
  const credentials = await db
    .selectFrom('credential')
    .select(['identity_id', 'fingerprint'])
    .where('identity_id', 'is not', null)
    .where('fingerprint', 'is not', null)
    .execute()
  const byFingerprint = Map.groupBy(
    credentials.filter(({ identity_id }) => identityIds.has(identity_id!)),
    ({ fingerprint }) => fingerprint!,
  )
  const held = await db
    .selectFrom('copy')
    .innerJoin('entity as container', 'container.id', 'copy.container_id')
    .select(['copy.fingerprint', 'copy.container_id', 'copy.path', 'container.system', 'container.instance'])
    .distinct()
    .where('copy.gone_at', 'is', null)
    .where(({ or, eb, selectFrom }) =>
      or([
        eb('copy.container_id', 'in', targets),
        eb(
          'copy.path',
          'in',
          selectFrom('entity')
            .select('entity.native')
            .where('entity.kind', '=', 'file')
            .where('entity.id', 'in', targets),
        ),
      ]),
    )
    .execute()
  const places = new Map<string, Set<string>>()
  for (const { fingerprint, container_id, path, system, instance } of held) {
    const file = files.get(JSON.stringify([system, instance, path]))
    for (const { identity_id } of byFingerprint.get(fingerprint) ?? [])
      for (const place of [...(isRead.has(container_id) ? [container_id] : []), ...(file ? [file] : [])]) {
        const own = places.get(place) ?? new Set<string>()
        places.set(place, own.add(roots.of(identity_id!)))
      }
  }
  return places
}

/** What a workload reads that holds a credential of theirs: the file, or the store itself. */
async function placesOf(
  db: Db,
  roots: Roots,
  identityIds: readonly string[],
): Promise<Map<string, Set<string>>> {
  const held = await inChunks(identityIds, chunk =>
    db
      .selectFrom('credential')
      .innerJoin('copy', 'copy.fingerprint', 'credential.fingerprint')
      .innerJoin('entity as container', 'container.id', 'copy.container_id')
      .leftJoin('entity as file', join =>
        join
          .onRef('file.system', '=', 'container.system')
          .onRef('file.instance', '=', 'container.instance')
          .on('file.kind', '=', 'file')
          .onRef('file.native', '=', 'copy.path'),
      )
      .select(['credential.identity_id', 'copy.container_id', 'file.id as file_id'])
      .where('credential.identity_id', 'in', chunk)
      .where('copy.gone_at', 'is', null)
      .execute(),
  )
  const places = new Map<string, Set<string>>()
  for (const { identity_id, container_id, file_id } of held)
    for (const place of [container_id, ...(file_id === null ? [] : [file_id])]) {
      const own = places.get(place) ?? new Set<string>()
      places.set(place, own.add(roots.of(identity_id!)))
    }
  return places
}
