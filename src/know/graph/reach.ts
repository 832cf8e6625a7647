import type { Certainty } from '../../core/contract/ref.ts'
import { type Adjacency, CERTAINTIES, type Graph, incomingOf } from './graph.ts'

/**
 * What one node gets to, or what gets to it: each by the most certain way, and of those by the shortest. A way is as
 * certain as its weakest hop. What was reached is numbered from 0 in the order of certainty, and then of distance.
 */
export interface Reach {
  readonly direction: 'out' | 'in'
  readonly count: number
  /** How many are proven, how many at least conditional, and how many there are. */
  readonly upTo: readonly number[]
  /** For each certainty, by distance, how many of them stand before those that are farther. */
  readonly within: readonly (readonly number[])[]
  /** A step is taken when a node becomes known, or nearer: here where it comes to, and the step before it; 0 is the start. */
  readonly nodes: Uint32Array
  readonly before: Uint32Array
  /** The steps of what is not proven; those of all else count up from 1. */
  readonly late: Uint32Array
}

/** All that whoever has the node gets to. */
export function reach(graph: Graph, start: number): Reach {
  return { ...spread(graph.size, graph.out, start), direction: 'out' }
}

/** All from which the node is got to. */
export function reachedFrom(graph: Graph, start: number): Reach {
  return { ...spread(graph.size, incomingOf(graph), start), direction: 'in' }
}

export function nodeAt(reach: Reach, index: number): number {
  return reach.nodes[stepAt(reach, index)]!
}

export function certaintyAt({ upTo }: Reach, index: number): Certainty {
  return CERTAINTIES[levelAt(upTo, index)]!
}

/** How many hops lie between. */
export function depthAt({ upTo, within }: Reach, index: number): number {
  return within[levelAt(upTo, index)]!.findIndex(count => index < count)
}

/** The edges of the way to, or from, what was reached, in the order in which they are walked. */
export function wayAt(graph: Graph, reach: Reach, index: number): number[] {
  const { direction, nodes, before, upTo } = reach
  const { offsets, ends } = direction === 'out' ? graph.out : incomingOf(graph)
  const level = levelAt(upTo, index)
  const way: number[] = []
  for (let step = stepAt(reach, index); step !== 0; step = before[step]!) {
    const at = 3 * nodes[before[step]!]!
    // The surest of those that lead there.
    const place = ends.subarray(0, offsets[at + level + 1]!).indexOf(nodes[step]!, offsets[at]!)
    way.push(direction === 'out' ? place : incomingOf(graph).edges[place]!)
  }
  return direction === 'out' ? way.reverse() : way
}

/** Tells of all that was reached, in its order, by which edge it was come to. */
export function eachEdge(graph: Graph, reach: Reach, tell: (index: number, edge: number) => void): void {
  const { direction, nodes, before, count, upTo } = reach
  const { offsets, ends } = direction === 'out' ? graph.out : incomingOf(graph)
  const edges = direction === 'out' ? undefined : incomingOf(graph).edges
  // What was come to from one node was come to in the order of its edges.
  let [parent, next] = [-1, 0]
  for (let index = 0; index < count; index++) {
    const step = stepAt(reach, index)
    const at = 3 * nodes[before[step]!]!
    if (before[step] !== parent || index === upTo[0] || index === upTo[1]) next = offsets[at]!
    parent = before[step]!
    const target = nodes[step]!
    while (ends[next] !== target) next++
    tell(index, edges === undefined ? next : edges[next]!)
  }
}

function stepAt({ upTo, late }: Reach, index: number): number {
  return index < upTo[0]! ? index + 1 : late[index - upTo[0]!]!
}

function levelAt(upTo: Reach['upTo'], index: number): number {
  return upTo.findIndex(count => index < count)
}

/**
 * A breadth-first search over proven edges, and then for each weaker kind only what those change: a node that becomes
 * nearer is looked at again, and of all others only the edges of that kind are. So in most graphs nearly every edge is
 * looked at once, and little is written: memory costs more than edges do.
 */
function spread(size: number, adjacency: Adjacency, start: number): Omit<Reach, 'direction'> {
  return (
    // Distances in single bytes stay in the processor's cache; where ways are very long they do not suffice.
    new Search(adjacency, new Uint8Array(size).fill(0xff), 0xff).from(start) ??
    new Search(adjacency, new Uint32Array(size).fill(0xffffffff), 0xffffffff).from(start)!
  )
}

class Search {
  readonly offsets: Uint32Array
  readonly ends: Uint32Array
  /** From the start over all edges that were allowed so far; `none` where there is no way. */
  readonly distance: Uint8Array | Uint32Array
  readonly none: number
  readonly nodes: Uint32Array
  readonly before: Uint32Array
  /** For each step whether its node has conditional edges (1) and potential ones (2). */
  readonly weaker: Uint8Array
  readonly late: Uint32Array
  steps = 1
  lateCount = 0

  constructor({ offsets, ends }: Adjacency, distance: Uint8Array | Uint32Array, none: number) {
    this.offsets = offsets
    this.ends = ends
    this.distance = distance
    this.none = none
    const size = distance.length
    // No more than a step for each node and certainty; what is not used of it takes no memory.
    this.nodes = new Uint32Array(3 * size)
    this.before = new Uint32Array(3 * size)
    this.weaker = new Uint8Array(3 * size)
    this.late = new Uint32Array(size)
  }

  /** Undefined where a distance is larger than can be held. */
  from(start: number): Omit<Reach, 'direction'> | undefined {
    this.nodes[0] = start
    this.distance[start] = 0
    const ends = [1]
    for (let depth = 1; ends.at(-1)! > (ends.at(-2) ?? 0); depth++) {
      if (depth === this.none) return undefined
      this.#proven(ends.at(-2) ?? 0, ends.at(-1)!, depth)
      ends.push(this.steps)
    }
    const proven = this.steps - 1
    const within = [ends.map(end => end - 1)]
    const upTo = [proven]
    let sources = [ends]
    for (const level of [1, 2] as const) {
      const leads = this.#leadsOn(level) || (level === 1 && this.#leadsOn(2))
      const found = leads ? this.#widen(level, sources) : { counts: [], ends: [] }
      if (!found) return undefined
      within.push(found.counts.map(count => proven + count))
      upTo.push(proven + this.lateCount)
      sources = [ends, found.ends]
    }
    const { nodes, before } = this
    const late = this.late.subarray(0, this.lateCount)
    return { count: proven + this.lateCount, upTo, within, nodes, before, late }
  }

  #proven(first: number, last: number, depth: number): void {
    const { offsets, ends, distance, none, nodes, before, weaker } = this
    let { steps } = this
    for (let step = first; step < last; step++) {
      const at = 3 * nodes[step]!
      const middle = offsets[at + 1]!
      for (let place = offsets[at]!; place < middle; place++) {
        const target = ends[place]!
        if (distance[target] !== none) continue
        distance[target] = depth
        nodes[steps] = target
        before[steps++] = step
      }
      const next = offsets[at + 2]!
      weaker[step] = Number(middle !== next) | (Number(next !== offsets[at + 3]!) << 1)
    }
    this.steps = steps
  }

  /** Whether any edge of the level comes from what was found to what was not. */
  #leadsOn(level: 1 | 2): boolean {
    const { offsets, ends, distance, none, nodes, weaker, steps } = this
    for (let step = 0; step < steps; step++) {
      if ((weaker[step]! & level) === 0) continue
      const at = 3 * nodes[step]! + level
      const end = offsets[at + 1]!
      for (let place = offsets[at]!; place < end; place++) if (distance[ends[place]!] === none) return true
    }
    return false
  }

  /**
   * Allows the edges of one level more. `sources` are the steps so far, each series in the order of their depths, as the
   * ends of each depth. Gives the ends of the series that is added, and how many were found that were not before.
   */
  #widen(
    level: 1 | 2,
    sources: readonly (readonly number[])[],
  ): { counts: number[]; ends: number[] } | undefined {
    const deepest = Math.max(...sources.map(ends => ends.length))
    const counts = [this.lateCount]
    const ends = [this.steps]
    for (let depth = 1; depth <= deepest || ends.at(-1)! > (ends.at(-2) ?? this.steps); depth++) {
      if (depth === this.none) return undefined
      if (depth > 1) this.#onFrom(ends.at(-2)!, ends.at(-1)!, level, depth)
      for (const [index, series] of sources.entries()) {
        const first = depth === 1 ? (index === 0 ? 0 : (series[0] ?? 0)) : (series[depth - 2] ?? 0)
        this.#beside(first, series[depth - 1] ?? first, level, depth)
      }
      ends.push(this.steps)
      counts.push(this.lateCount)
    }
    return { counts, ends }
  }

  /** Over all edges that are allowed, from what became nearer by the last steps. */
  #onFrom(first: number, last: number, level: number, depth: number): void {
    const { offsets, nodes, weaker } = this
    for (let step = first; step < last; step++) {
      const at = 3 * nodes[step]!
      weaker[step] = Number(offsets[at + 2] !== offsets[at + 3]) << 1
      this.#look(step, offsets[at]!, offsets[at + level + 1]!, depth)
    }
  }

  /** Over the edges of this level alone, from what is as near as before. */
  #beside(first: number, last: number, level: number, depth: number): void {
    const { offsets, nodes, distance, weaker } = this
    for (let step = first; step < last; step++) {
      // What became nearer since then has another step.
      if ((weaker[step]! & level) === 0 || distance[nodes[step]!] !== depth - 1) continue
      const at = 3 * nodes[step]! + level
      this.#look(step, offsets[at]!, offsets[at + 1]!, depth)
    }
  }

  #look(step: number, from: number, to: number, depth: number): void {
    const { ends, distance } = this
    for (let place = from; place < to; place++) {
      const target = ends[place]!
      const known = distance[target]!
      if (known <= depth) continue
      distance[target] = depth
      if (known === this.none) this.late[this.lateCount++] = this.steps
      this.nodes[this.steps] = target
      this.before[this.steps++] = step
    }
  }
}
