import type { Db } from '../../core/store/store.ts'
import { type CrossingRules, loadCrossingRules } from '../../know/graph/crossing-rules.ts'
import type { Graph, Hop } from '../../know/graph/graph.ts'
import { keepCrossings } from '../../know/graph/history.ts'
import { loadGraph } from '../../know/graph/load-graph.ts'
import { hopViews, nodeViews } from '../../know/graph/views.ts'
import type { World } from './operation.ts'
import { called } from './subject.ts'
import { wrap } from './wrap.ts'

/** The graph as it is now, computed crossings and all; `rules` for who has the rules of those already. */
export async function graphOf(world: World, rules?: CrossingRules): Promise<Graph> {
  rules ??= await loadCrossingRules(world.rulesDirectory)
  return await loadGraph(world.db, rules, world.io.now().getTime())
}

/** To be called when something was observed: what policies allow now can be asked about later. */
export async function keepCrossingsOf(world: World): Promise<void> {
  await keepCrossings(world.db, world.io, () => loadCrossingRules(world.rulesDirectory))
}

/** The hops of a way as sentences, one after the other. */
export function hopLines(hops: readonly Hop[], width: number): string[] {
  return hops.map((hop, index) => {
    const condition = hop.condition === undefined ? '' : `, if ${hop.condition}`
    return wrap(
      `${index + 1}. ${hop.why} [${hop.crossing}, ${hop.certainty}${condition}]`,
      width,
      '     ',
      '       ',
    )
  })
}

/** A hop with both its ends named, for JSON and for pictures. */
export interface NamedHop extends Hop {
  readonly fromName: string
  readonly toName: string
}

export async function namedHops(db: Db, graph: Graph, edges: readonly number[]): Promise<NamedHop[]> {
  const hops = await hopViews(db, graph, edges)
  const ids = [...new Set(hops.flatMap(({ from, to }) => [from, to]))]
  const nodes = await nodeViews(
    db,
    graph,
    ids.map(id => graph.ids.numberOf(id)!),
  )
  const names = new Map(nodes.map((node, index) => [ids[index]!, called(node)]))
  return hops.map(hop => ({ ...hop, fromName: names.get(hop.from)!, toName: names.get(hop.to)! }))
}
