import type { Db } from '../../core/store/store.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Graph } from '../../know/graph/graph.ts'
import { usersOf } from '../../know/graph/users.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { type CredentialView, credentialView, namesOf, resolveEntity } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import { credentialsOfIdentity, isEnded } from '../incident/subject.ts'
import type { ServiceMap } from './services.ts'

/** Something that an identity, or one credential of it, is for: a workload, or a service where no workload is told. */
export interface Use {
  readonly workloadId?: string
  /** The service itself, or those of the workload. */
  readonly serviceIds: readonly string[]
  readonly name: string
  readonly why: string
  /** Absent where the identity itself is used: it is run as, or said to be a part of something. */
  readonly credentialId?: string
}

export interface InUse {
  readonly credentials: readonly CredentialView[]
  readonly uses: readonly Use[]
}

export interface UsesWorld {
  readonly db: Db
  readonly keys: Keys
  readonly roots: Roots
  readonly graph: Graph
  readonly services: ServiceMap
}

/** All that has not ended of an identity, and who uses any of it. */
export async function identityInUse(world: UsesWorld, identityId: string): Promise<InUse> {
  const { db, keys } = world
  const credentials: CredentialView[] = []
  for (const id of await credentialsOfIdentity(db, identityId))
    if (!(await isEnded(db, id))) credentials.push(await credentialView(db, keys, id))
  const uses = await usesOfIdentity(world, identityId)
  for (const view of credentials) uses.push(...(await usesOfCredential(world, view)))
  return { credentials, uses }
}

async function usesOfIdentity(world: UsesWorld, identityId: string): Promise<Use[]> {
  const { db, roots, services } = world
  const members = await membersOf(db, [identityId])
  const said = await db
    .selectFrom('edge')
    .select(['to_id as by_id', 'why'])
    .where('from_id', 'in', members)
    .where('crossing', '=', 'part-of')
    .where('gone_at', 'is', null)
    .execute()
  const run = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.from_id')
    .select(['edge.from_id as by_id', 'edge.why'])
    .where('to_id', 'in', members)
    .where('crossing', 'in', ['runs-as', 'federates-into'])
    .where('entity.type', '=', 'workload')
    .where('entity.gone_at', 'is', null)
    .where('edge.gone_at', 'is', null)
    .execute()
  const uses: Use[] = []
  for (const { by_id, why } of [...said, ...run]) {
    const id = roots.of(by_id)
    uses.push(services.names.has(id) ? useByService(world, id, why) : await useByWorkload(world, id, why))
  }
  return uses
}

/** Who reads it, and in whose code it stands. */
export async function usesOfCredential(world: UsesWorld, view: CredentialView): Promise<Use[]> {
  const { db, graph, services } = world
  const uses: Use[] = []
  for (const { id, why } of await usersOf(db, graph, view.id)) uses.push(await useByWorkload(world, id, why))
  for (const copy of view.copies) {
    if (copy.goneAt !== undefined || !copy.occurrences.some(({ atHead }) => atHead)) continue
    const container = await containerOf(world, copy.id)
    for (const { path } of copy.occurrences.filter(({ atHead }) => atHead)) {
      const service = services.serviceAt(container, path)
      if (service !== undefined)
        uses.push(useByService(world, service, `a copy of its credential stands in ${path}`))
    }
  }
  return uses.map(use => ({ ...use, credentialId: view.id }))
}

function useByService({ services }: UsesWorld, id: string, why: string): Use {
  return { serviceIds: [id], name: services.names.get(id)!, why }
}

async function useByWorkload({ db, services }: UsesWorld, workloadId: string, why: string): Promise<Use> {
  const [name] = await namesOf(db, workloadId)
  return {
    workloadId,
    serviceIds: services.servicesOf(workloadId),
    name: name ?? (await resolveEntity(db, workloadId)).native,
    why,
  }
}

async function containerOf({ db, roots }: UsesWorld, copyId: string): Promise<string> {
  const row = await db
    .selectFrom('copy')
    .select('container_id')
    .where('id', '=', copyId)
    .executeTakeFirstOrThrow()
  return roots.of(row.container_id)
}
