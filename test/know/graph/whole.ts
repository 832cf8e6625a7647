import type { Certainty } from '../../../src/core/contract/ref.ts'
import type { Db } from '../../../src/core/store/store.ts'
import {
  buildGraph,
  CERTAINTIES,
  type Graph,
  type GraphNode,
  type Hop,
} from '../../../src/know/graph/graph.ts'
import { certaintyAt, depthAt, nodeAt, reach, wayAt } from '../../../src/know/graph/reach.ts'
import { hopViews, nodeViews } from '../../../src/know/graph/views.ts'

/** A graph with all its names and reasons at hand: nodes by their numbers, hops by those of their edges. */
export interface Whole {
  readonly graph: Graph
  readonly nodes: readonly GraphNode[]
  readonly hops: readonly Hop[]
}

export async function wholeOf(db: Db, graph: Graph): Promise<Whole> {
  const count = (length: number) => Array.from({ length }, (_, number) => number)
  return {
    graph,
    nodes: await nodeViews(db, graph, count(graph.size)),
    hops: await hopViews(db, graph, count(graph.out.ends.length)),
  }
}

/** Of hops that are all at hand. */
export function wholeFrom(ids: readonly string[], hops: readonly Hop[]): Whole {
  const nodes = ids.map(
    (id): GraphNode => ({
      id,
      type: 'identity',
      ref: { system: 's', instance: 'i', kind: 'k', id },
      names: [],
    }),
  )
  const graph = buildGraph(nodes, hops)
  return { graph, nodes, hops: Array.from(graph.out.ends, (_, edge) => graph.kept.get(edge)!) }
}

export interface Reached extends GraphNode {
  readonly certainty: Certainty
  readonly depth: number
  readonly hops: readonly Hop[]
}

/** All that whoever has the thing gets to, hop by hop. */
export function reachedFrom({ graph, nodes, hops }: Whole, id: string): Reached[] {
  const start = graph.ids.numberOf(id)
  if (start === undefined) return []
  const found = reach(graph, start)
  return Array.from({ length: found.count }, (_, index) => ({
    ...nodes[nodeAt(found, index)]!,
    certainty: certaintyAt(found, index),
    depth: depthAt(found, index),
    hops: wayAt(graph, found, index).map(edge => hops[edge]!),
  }))
}

/**
 * What is reached from a thing, with the place of its certainty and its distance: what is surer reached first, and from
 * there on the nearest. Found by going over all edges until nothing changes.
 */
export function nearest(edges: readonly Hop[], start: string): Map<string, [number, number]> {
  const settled = new Map<string, [number, number]>([[start, [0, 0]]])
  for (const level of CERTAINTIES.keys()) {
    const found = new Map<string, number>()
    for (let changed = true; changed; ) {
      changed = false
      for (const { from, to, certainty } of edges) {
        const before = settled.get(from)?.[1] ?? found.get(from)
        if (before === undefined || settled.has(to) || CERTAINTIES.indexOf(certainty) > level) continue
        if (before + 1 >= (found.get(to) ?? Infinity)) continue
        found.set(to, before + 1)
        changed = true
      }
    }
    for (const [id, depth] of found) settled.set(id, [level, depth])
  }
  settled.delete(start)
  return settled
}
