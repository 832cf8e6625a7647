import type { Certainty } from '../../core/contract/ref.ts'
import { grown } from './edge-list.ts'
import { type Adjacency, CERTAINTIES, type Graph, incomingOf } from './graph.ts'

/**
 * What one node gets to, or what gets to it: each by the most certain way, and of those by the shortest that leaves what is
 * surer reached as it is. A way is as certain as its weakest hop. What was reached is numbered from 0 in the order of
 * certainty, and then of distance.
 */
export interface Reach {
  readonly direction: 'out' | 'in'
  readonly count: number
  /** How many are proven, how many at least conditional, and how many there are. */
  readonly upTo: readonly number[]
  /** For each certainty, by distance, how many of them stand before those that are farther. */
  readonly within: readonly (readonly number[])[]
  /** What was reached, behind the start, and the place there of what it was reached from. */
  readonly nodes: Uint32Array
  readonly before: Uint32Array
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
  return reach.nodes[index + 1]!
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
  for (let step = index + 1; step !== 0; step = before[step]!) {
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
    const step = index + 1
    const at = 3 * nodes[before[step]!]!
    if (before[step] !== parent || index === upTo[0] || index === upTo[1]) next = offsets[at]!
    parent = before[step]!
    const target = nodes[step]!
    while (ends[next] !== target) next++
    tell(index, edges === undefined ? next : edges[next]!)
  }
}

function levelAt(upTo: Reach['upTo'], index: number): number {
  return upTo.findIndex(count => index < count)
}

/**
 * A breadth-first search over proven edges, which is then gone on with over conditional and over potential ones. An edge is
 * looked at once, beside the others of its node: one that is not allowed yet waits if it leads to what is not known yet.
 */
function spread(size: number, adjacency: Adjacency, start: number): Omit<Reach, 'direction'> {
  return new Search(adjacency, size).from(start)
}

/** What a search notes on its way. It is kept for the next one: memory that is new costs more than edges do. */
interface Notes {
  readonly seen: Uint8Array
  readonly waiting: readonly [Waiting, Waiting]
}

const notes = new WeakMap<Adjacency, Notes>()

function notesFor(adjacency: Adjacency, size: number): Notes {
  const known = notes.get(adjacency)
  if (!known) {
    const made: Notes = { seen: new Uint8Array(size), waiting: [new Waiting(), new Waiting()] }
    notes.set(adjacency, made)
    return made
  }
  known.seen.fill(0)
  for (const waiting of known.waiting) waiting.clear()
  return known
}

class Search {
  readonly offsets: Uint32Array
  readonly ends: Uint32Array
  readonly seen: Uint8Array
  readonly waiting: Notes['waiting']
  readonly nodes: Uint32Array
  readonly before: Uint32Array
  count = 1

  constructor(adjacency: Adjacency, size: number) {
    this.offsets = adjacency.offsets
    this.ends = adjacency.ends
    const { seen, waiting } = notesFor(adjacency, size)
    this.seen = seen
    this.waiting = waiting
    this.nodes = new Uint32Array(size)
    this.before = new Uint32Array(size)
  }

  from(start: number): Omit<Reach, 'direction'> {
    this.nodes[0] = start
    this.seen[start] = 1
    const within: number[][] = []
    const upTo: number[] = []
    for (const level of CERTAINTIES.keys()) {
      within.push(level === 0 ? this.#proven() : this.#level(level))
      upTo.push(this.count - 1)
    }
    return { count: this.count - 1, upTo, within, nodes: this.nodes, before: this.before }
  }

  #proven(): number[] {
    const within = [0]
    for (let [first, depth] = [0, 1]; first < this.count; depth++) {
      const last = this.count
      this.#expand(first, last, 0, depth)
      first = last
      within.push(this.count - 1)
    }
    return within
  }

  /** What waited for this level, by distance, and what lies behind it. */
  #level(level: number): number[] {
    const within = [this.count - 1]
    const arrivals = this.waiting[level - 1]!.byDepth()
    let [first, last] = [this.count, this.count]
    for (let depth = 1; depth < arrivals.length || first < last; depth++) {
      const begun = this.count
      for (const { targets, steps, from, to } of arrivals[depth] ?? [])
        for (let at = from; at < to; at++) this.#arrive(targets[at]!, steps[at]!)
      this.#expand(first, last, level, depth)
      first = begun
      last = this.count
      within.push(this.count - 1)
    }
    return within
  }

  #arrive(target: number, step: number): void {
    if (this.seen[target]) return
    this.seen[target] = 1
    this.nodes[this.count] = target
    this.before[this.count++] = step
  }

  /** Over the edges of what stands from `first` to `last`: those that are allowed now, and the others for later. */
  #expand(first: number, last: number, level: number, depth: number): void {
    const { offsets, ends, seen, nodes, before } = this
    const [conditional, potential] = this.waiting
    let { count } = this
    for (let step = first; step < last; step++) {
      const at = 3 * nodes[step]!
      const allowed = offsets[at + level + 1]!
      for (let place = offsets[at]!; place < allowed; place++) {
        const target = ends[place]!
        if (seen[target] !== 0) continue
        seen[target] = 1
        nodes[count] = target
        before[count++] = step
      }
      if (level === 0) conditional.addUnseen(ends, allowed, offsets[at + 2]!, seen, step, depth)
      if (level < 2) potential.addUnseen(ends, offsets[at + 2]!, offsets[at + 3]!, seen, step, depth)
    }
    this.count = count
  }
}

/** A stretch of what waits, all at one distance. */
interface Stretch {
  readonly targets: Uint32Array
  readonly steps: Uint32Array
  readonly from: number
  readonly to: number
}

/** Edges that are not allowed yet: where each leads, and the place of what it leaves. */
class Waiting {
  #targets = new Uint32Array(1024)
  #steps = new Uint32Array(1024)
  #count = 0
  #depth = -1
  #begins: { readonly depth: number; readonly from: number }[] = []

  clear(): void {
    this.#count = 0
    this.#depth = -1
    this.#begins = []
  }

  /** Those of the ends from `place` on that are not known yet. */
  addUnseen(
    ends: Uint32Array,
    place: number,
    to: number,
    seen: Uint8Array,
    step: number,
    depth: number,
  ): void {
    for (; place < to; place++) {
      const target = ends[place]!
      if (seen[target] !== 0) continue
      if (depth !== this.#depth) {
        this.#depth = depth
        this.#begins.push({ depth, from: this.#count })
      }
      if (this.#count === this.#targets.length) {
        this.#targets = grown(this.#targets)
        this.#steps = grown(this.#steps)
      }
      this.#targets[this.#count] = target
      this.#steps[this.#count++] = step
    }
  }

  /** By the distance of where they lead to. */
  byDepth(): (readonly Stretch[])[] {
    const found: Stretch[][] = []
    for (const [index, { depth, from }] of this.#begins.entries()) {
      const to = this.#begins[index + 1]?.from ?? this.#count
      found[depth] ??= []
      found[depth].push({ targets: this.#targets, steps: this.#steps, from, to })
    }
    return found
  }
}
