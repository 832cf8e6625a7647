import type { Ref } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import type { Roots } from '../inventory/roots.ts'

/** What stands of a system, for whoever answers what its policies allow. */
export interface ToldThings {
  /** What was merged into another is among them. */
  readonly entities: readonly Pick<
    Row<'entity'>,
    'id' | 'system' | 'instance' | 'kind' | 'native' | 'merged_into'
  >[]
  /** What a policy's reference stands for; undefined where nothing is known of it. */
  idOf(ref: Pick<Ref, 'instance' | 'kind' | 'id'>): string | undefined
}

export async function thingsOf(db: Db, roots: Roots, system: string): Promise<ToldThings> {
  const entities = await db
    .selectFrom('entity')
    .select(['id', 'system', 'instance', 'kind', 'native', 'merged_into'])
    .where('system', '=', system)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  const byRef = new Map(
    entities.map(({ id, instance, kind, native }) => [keyOf({ instance, kind, id: native }), roots.of(id)]),
  )
  return { entities, idOf: ref => byRef.get(keyOf(ref)) }
}

function keyOf({ instance, kind, id }: Pick<Ref, 'instance' | 'kind' | 'id'>): string {
  return `${instance} ${kind} ${id}`
}

/** To what each thing of a system is related so. */
export async function linksOf(
  db: Db,
  roots: Roots,
  system: string,
  crossing: string,
): Promise<Map<string, readonly string[]>> {
  const edges = await db
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.from_id')
    .select(['from_id', 'to_id'])
    .where('entity.system', '=', system)
    .where('crossing', '=', crossing)
    .where('edge.gone_at', 'is', null)
    .execute()
  const links = new Map<string, string[]>()
  for (const { from_id, to_id } of edges) {
    const of = roots.of(from_id)
    links.set(of, [...(links.get(of) ?? []), roots.of(to_id)])
  }
  return links
}
