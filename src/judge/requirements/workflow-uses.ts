import type { Db } from '../../core/store/store.ts'
import { inChunks } from '../../know/inventory/in-chunks.ts'
import { namesById } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'

/** A workload that runs as an identity, or reads a credential of it. */
export interface WorkflowUse {
  readonly name: string
  /** The workload is there no more, or uses it no more. */
  readonly isGone: boolean
  readonly why: string
}

const RUNS = ['runs-as', 'federates-into', 'logs-in-as']
const READS = ['reads', 'reads-secret']

/** Who is told to use these identities, by the identity’s id; also who did. */
export async function workflowUses(
  db: Db,
  roots: Roots,
  identityIds: readonly string[],
): Promise<ReadonlyMap<string, readonly WorkflowUse[]>> {
  const members = identityIds.flatMap(id => [id, ...roots.membersOf(id)])
  const found: { identityId: string; workloadId: string; isGone: boolean; why: string }[] = []
  const run = await inChunks(members, chunk => edgesTo(db, chunk, RUNS))
  for (const { to_id, from_id, why, gone } of run)
    found.push({ identityId: roots.of(to_id), workloadId: roots.of(from_id), isGone: gone, why })
  const places = await placesOf(db, roots, members)
  const read = await inChunks([...places.keys()], chunk => edgesTo(db, chunk, READS))
  for (const { to_id, from_id, why, gone } of read)
    for (const identityId of places.get(to_id) ?? [])
      found.push({ identityId, workloadId: roots.of(from_id), isGone: gone, why })
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

/** One that uses it still in some way does not count as gone. */
function withoutRepeated(uses: readonly WorkflowUse[]): WorkflowUse[] {
  const byName = new Map<string, WorkflowUse>()
  for (const { name, isGone, why } of uses.toSorted((a, b) => Number(a.isGone) - Number(b.isGone)))
    if (!byName.has(name)) byName.set(name, { name, isGone, why })
  return [...byName.values()]
}

interface Edge {
  readonly from_id: string
  readonly to_id: string
  readonly why: string
  readonly gone: boolean
}

async function edgesTo(db: Db, ids: readonly string[], crossings: readonly string[]): Promise<Edge[]> {
  const rows = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.from_id')
    .select(['edge.from_id', 'edge.to_id', 'edge.why', 'edge.gone_at', 'entity.gone_at as from_gone_at'])
    .where('edge.to_id', 'in', ids)
    .where('edge.crossing', 'in', crossings)
    .where('entity.type', '=', 'workload')
    .execute()
  return rows.map(({ from_id, to_id, why, gone_at, from_gone_at }) => ({
    from_id,
    to_id,
    why,
    gone: gone_at !== null || from_gone_at !== null,
  }))
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
