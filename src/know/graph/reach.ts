import type { Certainty } from '../../core/contract/ref.ts'
import { grown } from './edge-list.ts'
import { type Adjacency, CERTAINTIES, type Graph, incomingOf, nodeOf } from './graph.ts'

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
  /** What was reached, behind the start. */
  readonly nodes: Uint32Array
  /** For each node that was reached, by its number: the place, among the ends of that direction, by which it was come to. */
  readonly via: Uint32Array
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
  const { direction, nodes, via } = reach
  const adjacency = direction === 'out' ? graph.out : incomingOf(graph)
  const way: number[] = []
  for (let node = nodeAt(reach, index); node !== nodes[0]; node = nodeOf(adjacency, via[node]!))
    way.push(edgeTo(graph, reach, node))
  return direction === 'out' ? way.reverse() : way
}

/** The edge by which a node that was reached was come to. */
export function edgeTo(graph: Graph, { direction, via }: Reach, node: number): number {
  return direction === 'out' ? via[node]! : incomingOf(graph).edges[via[node]!]!
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

/** What was seen in a wave that has no mark of its own, since marks are bytes and a search may have more waves. */
const UNMARKED = 255

/** A wave of more than one node in so many is put in order. */
const ORDERED_SHARE = 64

class Search {
  readonly size: number
  readonly offsets: Uint32Array
  readonly ends: Uint32Array
  /** 0 for what is not known yet, else the mark of the wave in which it was seen. */
  readonly seen: Uint8Array
  readonly waiting: Notes['waiting']
  readonly nodes: Uint32Array
  readonly via: Uint32Array
  count = 1
  mark = 1

  constructor(adjacency: Adjacency, size: number) {
    this.size = size
    this.offsets = adjacency.offsets
    this.ends = adjacency.ends
    const { seen, waiting } = notesFor(adjacency, size)
    this.seen = seen
    this.waiting = waiting
    this.nodes = new Uint32Array(size)
    this.via = new Uint32Array(size)
  }

  from(start: number): Omit<Reach, 'direction'> {
    this.nodes[0] = start
    this.seen[start] = UNMARKED
    const within: number[][] = []
    const upTo: number[] = []
    for (const level of CERTAINTIES.keys()) {
      within.push(level === 0 ? this.#proven() : this.#level(level))
      upTo.push(this.count - 1)
    }
    return { count: this.count - 1, upTo, within, nodes: this.nodes, via: this.via }
  }

  #proven(): number[] {
    const within = [0]
    for (let [first, depth] = [0, 1]; first < this.count; depth++) {
      const last = this.count
      this.#expand(first, last, 0, depth)
      this.#endWave(last)
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
      for (const { places, from, to } of arrivals[depth] ?? [])
        for (let at = from; at < to; at++) this.#arrive(places[at]!)
      this.#expand(first, last, level, depth)
      this.#endWave(begun)
      first = begun
      last = this.count
      within.push(this.count - 1)
    }
    return within
  }

  #arrive(place: number): void {
    const target = this.ends[place]!
    if (this.seen[target] !== 0) return
    this.seen[target] = this.mark
    this.via[target] = place
    this.nodes[this.count++] = target
  }

  /** Over the edges of what stands from `first` to `last`: those that are allowed now, and the others for later. */
  #expand(first: number, last: number, level: number, depth: number): void {
    const { offsets, ends, seen, nodes, via, mark } = this
    const [conditional, potential] = this.waiting
    let { count } = this
    for (let step = first; step < last; step++) {
      const at = 3 * nodes[step]!
      const allowed = offsets[at + level + 1]!
      for (let place = offsets[at]!; place < allowed; place++) {
        const target = ends[place]!
        if (seen[target] !== 0) continue
        seen[target] = mark
        via[target] = place
        nodes[count++] = target
      }
      if (level === 0) conditional.addUnseen(ends, allowed, offsets[at + 2]!, seen, depth)
      if (level < 2) potential.addUnseen(ends, offsets[at + 2]!, offsets[at + 3]!, seen, depth)
    }
    this.count = count
  }

  /**
   * A large wave is put in the order of its nodes, so that the next one walks through offsets and ends from front to back
   * instead of missing the processor's cache at each node: that is what takes a plain search most of its time.
   */
  #endWave(first: number): void {
    const { seen, nodes, mark, size } = this
    if (mark === UNMARKED) return
    this.mark = mark + 1
    if (this.count - first <= size / ORDERED_SHARE) return
    let count = first
    for (let node = 0; node < size; node++) if (seen[node] === mark) nodes[count++] = node
  }
}

/** A stretch of what waits, all at one distance. */
interface Stretch {
  readonly places: Uint32Array
  readonly from: number
  readonly to: number
}

/** Edges that are not allowed yet, by their places. */
class Waiting {
  #places = new Uint32Array(1024)
  #count = 0
  #depth = -1
  #begins: { readonly depth: number; readonly from: number }[] = []

  clear(): void {
    this.#count = 0
    this.#depth = -1
    this.#begins = []
  }

  /** Those of the ends from `place` on that are not known yet. */
  addUnseen(ends: Uint32Array, place: number, to: number, seen: Uint8Array, depth: number): void {
    for (; place < to; place++) {
      if (seen[ends[place]!] !== 0) continue
      if (depth !== this.#depth) {
        this.#depth = depth
        this.#begins.push({ depth, from: this.#count })
      }
      if (this.#count === this.#places.length) this.#places = grown(this.#places)
      this.#places[this.#count++] = place
    }
  }

  /** By the distance of where they lead to. */
  byDepth(): (readonly Stretch[])[] {
    const found: Stretch[][] = []
    for (const [index, { depth, from }] of this.#begins.entries()) {
      const to = this.#begins[index + 1]?.from ?? this.#count
      found[depth] ??= []
      found[depth].push({ places: this.#places, from, to })
    }
    return found
  }
}
