import type { Db } from '../../core/store/store.ts'
import { entitiesById } from '../inventory/copy-view.ts'
import { namesById, namesOrNative, refOf } from '../inventory/queries.ts'
import type { Roots } from '../inventory/roots.ts'
import { authenticationHop, copyHop } from './credential-edges.ts'
import { type Graph, type GraphNode, type Hop, NODE_TYPES, sourceOf } from './graph.ts'

/** What a person is shown of these nodes, in their order. */
export async function nodeViews(
  db: Db,
  graph: Graph,
  numbers: ArrayLike<number> & Iterable<number>,
): Promise<GraphNode[]> {
  const ids = Array.from(numbers, number => graph.ids.idOf(number))
  const entities = await entitiesById(db, ids)
  const names = await namesById(db, rootsOf(graph), ids)
  return Array.from(numbers, (number, index) => {
    const entity = entities.get(ids[index]!)!
    return {
      id: entity.id,
      type: NODE_TYPES[graph.types[number]!]!,
      ref: refOf(entity),
      names: namesOrNative(names.get(entity.id), entity),
    }
  })
}

/** The edges as hops with their reasons, in their order. */
export async function hopViews(db: Db, graph: Graph, edges: readonly number[]): Promise<Hop[]> {
  const hops = new Map<number, Hop>()
  const wanted = [...new Set(edges)]
  for (const edge of wanted) {
    const { crossing, certainty, origin } = graph.kinds[graph.kindOf[edge]!]!
    const from = graph.ids.idOf(sourceOf(graph, edge))
    const to = graph.ids.idOf(graph.out.ends[edge]!)
    const found =
      origin === 'kept'
        ? graph.kept.get(edge)
        : origin === 'credential'
          ? authenticationHop(from, to, certainty)
          : origin === 'copy'
            ? await copyHop(db, rootsOf(graph), from, to)
            : await storedHop(db, graph, edge)
    hops.set(edge, found ?? { from, to, crossing, certainty, why: 'it was so when the graph was loaded' })
  }
  return edges.map(edge => hops.get(edge)!)
}

/** Of several rows that say the same of the same two each edge has one of its own. */
async function storedHop(db: Db, graph: Graph, edge: number): Promise<Hop | undefined> {
  const { ids, out, kindOf, kinds } = graph
  const source = sourceOf(graph, edge)
  const target = out.ends[edge]!
  const { crossing, certainty } = kinds[kindOf[edge]!]!
  let rank = 0
  for (let other = out.offsets[3 * source]!; other < edge; other++)
    if (out.ends[other] === target && kindOf[other] === kindOf[edge]) rank++
  const [from, to] = [ids.idOf(source), ids.idOf(target)]
  const rows = await db
    .selectFrom('edge')
    .select(['id', 'condition', 'why'])
    .where('from_id', 'in', [from, ...ids.aliasesOf(source)])
    .where('to_id', 'in', [to, ...ids.aliasesOf(target)])
    .where('crossing', '=', crossing)
    .where('certainty', '=', certainty)
    .where('gone_at', 'is', null)
    .execute()
  rows.sort((a, b) => (a.id < b.id ? -1 : 1))
  const row = rows[rank] ?? rows.at(-1)
  if (!row) return undefined
  const condition = row.condition === null ? {} : { condition: row.condition }
  return { from, to, crossing, certainty, ...condition, why: row.why }
}

function rootsOf({ ids }: Graph): Roots {
  return {
    of: id => {
      const number = ids.numberOf(id)
      return number === undefined ? id : ids.idOf(number)
    },
    membersOf: id => {
      const number = ids.numberOf(id)
      return number === undefined ? [] : ids.aliasesOf(number)
    },
    merged: [],
  }
}
