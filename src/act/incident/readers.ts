import { isFirebreakError } from '../../core/contract/errors.ts'
import type { PlaceRef, Ref } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { membersOf, rootOf } from '../../know/inventory/merge.ts'
import { refOf, resolveEntity } from '../../know/inventory/queries.ts'

/** A workload that reads a place when it starts, and only then. */
export interface Reader {
  readonly workload: Ref
  readonly label: string
  /** The connection that makes it read again; absent where only a person can. */
  readonly sourceId?: string
}

/**
 * Who reads what a place lies in, as its system tells: what is written there is of use to none of them before they start anew. Those
 * that begin anew by themselves are left out.
 */
export async function readersOf(db: Db, connections: Connections, place: PlaceRef): Promise<Reader[]> {
  const { system, instance, kind, id } = place.in
  const container = await db
    .selectFrom('entity')
    .select('id')
    .where('system', '=', system)
    .where('instance', '=', instance)
    .where('kind', '=', kind)
    .where('native', '=', id)
    .executeTakeFirst()
  if (!container) return []
  const rows = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.from_id')
    .select('edge.from_id')
    .distinct()
    .where('edge.to_id', 'in', await membersOf(db, [await rootOf(db, container.id)]))
    .where('edge.crossing', '=', 'reads-secret')
    .where('edge.gone_at', 'is', null)
    .where('entity.type', '=', 'workload')
    .execute()
  const readers: Reader[] = []
  for (const workloadId of new Set(await Promise.all(rows.map(row => rootOf(db, row.from_id))))) {
    const entity = await resolveEntity(db, workloadId)
    if (entity.gone_at !== null) continue
    const how = await restartOf(db, workloadId)
    if (how === undefined || how === 'each run') continue
    const workload = refOf(entity)
    const names = await db.selectFrom('name').select('name').where('entity_id', '=', entity.id).execute()
    const label = names.map(({ name }) => name).sort()[0] ?? workload.id
    const sourceId = how === 'rollout' ? await reloaderOf(db, connections, workload) : undefined
    readers.push({ workload, label, ...(sourceId !== undefined && { sourceId }) })
  }
  return readers.sort((a, b) => (a.label < b.label ? -1 : 1))
}

/** How it comes to read again, as its system tells; undefined where nobody says. */
async function restartOf(db: Db, workloadId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('fact')
    .select('value')
    .where('entity_id', 'in', await membersOf(db, [workloadId]))
    .where('name', '=', 'restartedBy')
    .where('gone_at', 'is', null)
    .orderBy('learnt_at', 'desc')
    .executeTakeFirst()
  return row && String(JSON.parse(row.value))
}

async function reloaderOf(db: Db, connections: Connections, workload: Ref): Promise<string | undefined> {
  for (const source of await connections.forInstance(db, workload.system, workload.instance))
    try {
      if ((await connections.open(db, source.id)).reload) return source.id
    } catch (error) {
      // One that is only away now is asked again when it is its turn.
      if (isFirebreakError(error) && error.retryable) return source.id
      if (!isFirebreakError(error)) throw error
    }
  return undefined
}
