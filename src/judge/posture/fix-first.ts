import type { Graph } from '../../know/graph/graph.ts'
import { reach } from '../../know/graph/reach.ts'

/** One thing to mend, and what a thief of it would reach no more. */
export interface Removal {
  readonly entityId: string
  /** All that it gets to. */
  readonly reached: number
  /** Of that what none of the others gets to. */
  readonly alone: number
}

/** So many are looked at, and for so long at most: each search may go over all of a large graph. */
const MOST_LOOKED_AT = 256
const MOST_MS = 5000

/**
 * What to mend first: of the things that are found wrong, in the order given, those whose mending takes the most from what can be
 * reached. What several get to stays reachable by the others, and is counted second.
 */
export function fixFirst(
  graph: Graph,
  entityIds: readonly string[],
  most: number,
): { readonly first: readonly Removal[]; readonly lookedAt: number; readonly of: number } {
  const ids = [...new Set(entityIds)]
  const until = performance.now() + MOST_MS
  const times = new Uint16Array(graph.size)
  const looked: { entityId: string; nodes: Uint32Array }[] = []
  let lookedAt = 0
  for (const entityId of ids.slice(0, MOST_LOOKED_AT)) {
    if (performance.now() > until) break
    lookedAt++
    const start = graph.ids.numberOf(entityId)
    if (start === undefined) continue
    const found = reach(graph, start)
    const nodes = found.nodes.slice(1, found.upTo[1]! + 1)
    for (const node of nodes) times[node]!++
    looked.push({ entityId, nodes })
  }
  const first = looked
    .map(({ entityId, nodes }) => ({
      entityId,
      reached: nodes.length,
      alone: nodes.reduce((sum, node) => sum + (times[node] === 1 ? 1 : 0), 0),
    }))
    .filter(({ reached }) => reached > 0)
    .sort((a, b) => b.alone - a.alone || b.reached - a.reached)
    .slice(0, most)
  return { first, lookedAt, of: ids.length }
}
