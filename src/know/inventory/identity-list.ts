import type { Ref } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { refOf } from './entity.ts'
import { namesById, namesOrNative } from './queries.ts'
import { loadRoots } from './roots.ts'

/** An identity as a list of very many has it; `listIdentities` tells all that is known of each. */
export interface IdentityInBrief {
  readonly id: string
  readonly ref: Ref
  readonly names: string[]
  /** How many credentials of it stand. */
  readonly credentials: number
}

export async function identitiesInBrief(db: Db): Promise<IdentityInBrief[]> {
  const roots = await loadRoots(db)
  const entities = await db
    .selectFrom('entity')
    .select(['id', 'system', 'instance', 'kind', 'native'])
    .where('type', '=', 'identity')
    .where('merged_into', 'is', null)
    .orderBy('id')
    .execute()
  const names = await namesById(
    db,
    roots,
    entities.map(({ id }) => id),
  )
  const counts = new Map<string, number>()
  const held = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(['credential.identity_id'])
    .select(({ fn }) => fn.countAll<number | string>().as('count'))
    .where('credential.identity_id', 'is not', null)
    .where('entity.merged_into', 'is', null)
    .where('entity.gone_at', 'is', null)
    .groupBy('credential.identity_id')
    .execute()
  for (const { identity_id, count } of held) {
    const root = roots.of(identity_id!)
    counts.set(root, (counts.get(root) ?? 0) + Number(count))
  }
  return entities.map(entity => ({
    id: entity.id,
    ref: refOf(entity),
    names: namesOrNative(names.get(entity.id), entity),
    credentials: counts.get(entity.id) ?? 0,
  }))
}
