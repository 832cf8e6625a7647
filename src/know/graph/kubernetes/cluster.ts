import { sql } from 'kysely'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import { accessSchema, type Binding, type Role } from './access.ts'

/** Something in a cluster that is known. */
export interface Thing {
  /** Merges followed. */
  readonly id: string
  readonly type: Row<'entity'>['type']
  readonly kind: string
  /** Undefined for what belongs to none. */
  readonly namespace: string | undefined
  readonly name: string
}

/** All that is known of one cluster, or of the one that some manifests are for. */
export interface Cluster {
  readonly things: readonly Thing[]
  readonly roles: readonly Role[]
  readonly bindings: readonly Binding[]
}

const NAMED = /^(?:([^/]+)\/)?([a-z]+)\/([^/]+)$/

/** Those of which roles and bindings, or workloads, are known. */
export async function loadClusters(db: Db, roots: Roots): Promise<Cluster[]> {
  const entities = await db
    .selectFrom('entity')
    .select(['id', 'type', 'kind', 'instance', 'native', 'gone_at', 'merged_into'])
    .where('system', '=', 'kubernetes')
    .where('type', '<>', 'credential')
    .orderBy('id')
    .execute()
  if (entities.length === 0) return []
  const names = await namesOf(db)
  const policies = Map.groupBy(await policiesOf(db), ({ instance }) => instance)
  return [...Map.groupBy(entities, ({ instance }) => instance)].map(([instance, members]) => {
    const access = (policies.get(instance) ?? []).flatMap(({ text }) => {
      const read = accessSchema.safeParse(JSON.parse(text))
      return read.success ? [read.data] : []
    })
    return {
      things: members
        .filter(({ gone_at, merged_into }) => gone_at === null || merged_into !== null)
        .flatMap(entity => thingOf(entity, names.get(entity.id) ?? [], roots)),
      roles: access.filter(one => 'rules' in one),
      bindings: access.filter(one => 'subjects' in one),
    }
  })
}

function thingOf(
  { id, type, kind, native }: Pick<Row<'entity'>, 'id' | 'type' | 'kind' | 'native'>,
  names: readonly string[],
  roots: Roots,
): Thing[] {
  const root = roots.of(id)
  const own = native.startsWith('?') ? native.slice(1) : native
  // Their names may hold anything.
  if (['user', 'group', 'cluster', 'nodes'].includes(kind))
    return [{ id: root, type, kind, namespace: undefined, name: own }]
  const [, namespace, , name] = [own, ...names].map(each => NAMED.exec(each)).find(Boolean) ?? []
  return name === undefined ? [] : [{ id: root, type, kind, namespace, name }]
}

async function namesOf(db: Db): Promise<Map<string, string[]>> {
  const { rows } = await sql<{ entity_id: string; name: string }>`
    select n.entity_id, n.name from entity e join name n on n.entity_id = e.id
    where e.system = 'kubernetes' and n.name like '%/%'`.execute(db)
  const found = new Map<string, string[]>()
  for (const { entity_id, name } of rows) found.set(entity_id, [...(found.get(entity_id) ?? []), name])
  return found
}

async function policiesOf(db: Db): Promise<{ instance: string; text: string }[]> {
  return await db
    .selectFrom('policy')
    .innerJoin('entity', 'entity.id', 'policy.entity_id')
    .select(['entity.instance', 'policy.text'])
    .distinct()
    .where('policy.language', '=', 'kubernetes-rbac')
    .where('policy.gone_at', 'is', null)
    .orderBy('policy.text')
    .execute()
}
