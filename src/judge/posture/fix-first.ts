import type { Graph } from '../../know/graph/graph.ts'
import { reach } from '../../know/graph/reach.ts'

/** One thing to mend, and what a thief of it would reach no more. */
export interface Removal {
  readonly entityId: string
  /** All that it gets to. */
  readonly reached: number
  /** What nobody gets to any more once it is mended, and those before it are. */
  readonly taken: number
}

/** So many are looked at, and for so long at most: each search may go over all of a large graph. */
const MOST_LOOKED_AT = 256
const MOST_MS = 5000

/**
 * What to mend first: of the things that are found wrong, in the order given, always the one whose mending takes the most from what
 * those that are left get to. What several get to is taken by the last of them.
 */
export function fixFirst(
  graph: Graph,
  entityIds: readonly string[],
  most: number,
): {
  readonly first: readonly Removal[]
  readonly lookedAt: number
  readonly of: number
  /** All that one or the other of those looked at gets to. */
  readonly reached: number
} {
  const ids = [...new Set(entityIds)]
  const until = performance.now() + MOST_MS
  const looked: { readonly entityId: string; readonly nodes: Uint32Array; taken: number }[] = []
  let lookedAt = 0
  for (const entityId of ids.slice(0, MOST_LOOKED_AT)) {
    if (performance.now() > until) break
    lookedAt++
    const start = graph.ids.numberOf(entityId)
    if (start === undefined) continue
    const found = reach(graph, start)
    const nodes = found.nodes.slice(1, found.upTo[1]! + 1)
    if (nodes.length > 0) looked.push({ entityId, nodes, taken: 0 })
  }
  // Of each node, how many get to it, and their numbers added up: where one is left, that is its number.
  const times = new Uint16Array(graph.size)
  const sums = new Uint32Array(graph.size)
  for (const [index, { nodes }] of looked.entries())
    for (const node of nodes) {
      times[node]!++
      sums[node]! += index
    }
  const reached = times.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0)
  for (const one of looked) for (const node of one.nodes) if (times[node] === 1) one.taken++
  const first: Removal[] = []
  const left = new Set(looked)
  while (first.length < most && left.size > 0) {
    const next = [...left].reduce((best, one) =>
      (one.taken - best.taken || one.nodes.length - best.nodes.length) > 0 ? one : best,
    )
    left.delete(next)
    first.push({ entityId: next.entityId, reached: next.nodes.length, taken: next.taken })
    const index = looked.indexOf(next)
    for (const node of next.nodes) {
      times[node]!--
      sums[node]! -= index
      if (times[node] === 1) looked[sums[node]!]!.taken++
    }
  }
  return { first, lookedAt, of: ids.length, reached }
}
