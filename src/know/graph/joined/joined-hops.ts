import type { Json } from '../../../core/contract/ref.ts'
import type { Db } from '../../../core/store/store.ts'
import { entitiesById } from '../../inventory/copy-view.ts'
import { inChunks } from '../../inventory/in-chunks.ts'
import { namesById } from '../../inventory/queries.ts'
import type { Roots } from '../../inventory/roots.ts'
import type { Hop } from '../graph.ts'
import { type Estate, joinCrossings, relationsAsked } from './join-crossings.ts'
import { type JoinedCrossing, permissionRelation, systemOf } from './joined-crossing.ts'
import { hashedHosts } from './hashed-hosts.ts'
import { keyHops } from './key-hops.ts'
import { permissionSources } from './permission-sources.ts'

/**
 * What the rules give, of what is known now. `computed` are the hops that follow from policies by other means; `kinds`, where
 * it is given, are the names of all edges that sources told.
 */
export async function joinedHops(
  db: Db,
  roots: Roots,
  rules: readonly JoinedCrossing[],
  computed: readonly Hop[],
  kinds?: ReadonlySet<string>,
): Promise<Hop[]> {
  if (rules.length === 0) return []
  const asked = [...new Set(rules.flatMap(relationsAsked))]
  const told = [
    ...(await edgesOf(
      db,
      roots,
      asked.filter(name => kinds?.has(name) ?? true),
    )),
    ...(await keyHops(db, roots, asked)),
    ...(await hashedHosts(db, roots, asked)),
    ...(await permitted(db, roots, rules)),
    ...computed,
  ]
  if (told.length === 0) return []
  return joinCrossings(await estateOf(db, roots, rules, told), rules)
}

/** They are looked for among all edges: no index is kept for the few that ask for them. */
async function edgesOf(db: Db, roots: Roots, relations: readonly string[]): Promise<Hop[]> {
  if (relations.length === 0) return []
  const rows = await db
    .selectFrom('edge')
    .select(['from_id', 'to_id', 'crossing', 'certainty', 'condition', 'why'])
    .where('crossing', 'in', relations)
    .where('gone_at', 'is', null)
    .execute()
  return rows.map(({ from_id, to_id, condition, ...row }) => ({
    ...row,
    from: roots.of(from_id),
    to: roots.of(to_id),
    ...(condition !== null && { condition }),
  }))
}

async function permitted(db: Db, roots: Roots, rules: readonly JoinedCrossing[]): Promise<Hop[]> {
  const hops: Hop[] = []
  for (const source of permissionSources) {
    const asked = rules
      .filter(rule => systemOf(rule) === source.system)
      .flatMap(({ premises }) => premises.flatMap(premise => ('may' in premise ? premise.may : [])))
    if (asked.length === 0) continue
    for (const { action, ...hop } of await source.allowed(db, roots, new Set(asked)))
      hops.push({ ...hop, crossing: permissionRelation(source.system, action) })
  }
  return hops
}

/** Of each thing that is told of: what it is, how it is called, and the facts that some rule asks for. What is gone is left out. */
async function estateOf(
  db: Db,
  roots: Roots,
  rules: readonly JoinedCrossing[],
  told: readonly Hop[],
): Promise<Estate> {
  const ids = [...new Set(told.flatMap(({ from, to }) => [from, to]))]
  const entities = await entitiesById(db, ids)
  const names = await namesById(db, roots, ids)
  const facts = await factsOf(db, roots, ids, rules)
  return {
    told,
    fact: (id, name) => facts.get(`${id} ${name}`),
    thing(id) {
      const entity = entities.get(id)
      if (!entity || entity.gone_at !== null) return undefined
      const { type, system, kind, native } = entity
      return { type, system, kind, name: names.get(id)?.[0] ?? native }
    },
  }
}

/** What was learnt last counts. */
async function factsOf(
  db: Db,
  roots: Roots,
  ids: readonly string[],
  rules: readonly JoinedCrossing[],
): Promise<Map<string, Json>> {
  const asked = new Set(
    rules.flatMap(({ premises }) => premises.flatMap(premise => ('of' in premise ? premise.fact : []))),
  )
  if (asked.size === 0) return new Map()
  const members = ids.flatMap(id => [id, ...roots.membersOf(id)])
  const rows = await inChunks(members, chunk =>
    db
      .selectFrom('fact')
      .select(['entity_id', 'name', 'value', 'learnt_at'])
      .where('entity_id', 'in', chunk)
      .where('name', 'in', [...asked])
      .where('gone_at', 'is', null)
      .execute(),
  )
  rows.sort((a, b) => a.learnt_at - b.learnt_at)
  return new Map(rows.map(row => [`${roots.of(row.entity_id)} ${row.name}`, JSON.parse(row.value) as Json]))
}
