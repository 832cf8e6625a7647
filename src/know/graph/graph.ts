import assert from 'node:assert/strict'
import type { Certainty, Ref } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import { EdgeList, grown } from './edge-list.ts'
import { Ids } from './ids.ts'

export type NodeType = Row<'entity'>['type']
export const NODE_TYPES: readonly NodeType[] = ['identity', 'resource', 'workload', 'credential']
export const CERTAINTIES: readonly Certainty[] = ['proven', 'conditional', 'potential']

/** One step of an attacker: who has `from` gains `to`. */
export interface Hop {
  readonly from: string
  readonly to: string
  readonly crossing: string
  readonly certainty: Certainty
  readonly condition?: string
  readonly why: string
}

/** A thing as a person is shown it. */
export interface GraphNode {
  readonly id: string
  readonly type: NodeType
  readonly ref: Ref
  readonly names: string[]
}

/** What an edge is: many edges share one. `origin` is where its reason is found when someone asks for it. */
export interface EdgeKind {
  readonly crossing: string
  readonly certainty: Certainty
  readonly origin: Origin
}

/** A row of the store, what is known of a credential or of its copies, or a hop that is kept with the graph. */
export type Origin = 'stored' | 'credential' | 'copy' | 'kept'

/**
 * The ends of the edges at node `n` lie between `offsets[3 * n]` and `offsets[3 * n + 3]`, those of proven edges first, then
 * conditional ones from `offsets[3 * n + 1]`, then potential ones from `offsets[3 * n + 2]`: a search that allows less looks
 * at less.
 */
export interface Adjacency {
  readonly offsets: Uint32Array
  readonly ends: Uint32Array
}

/**
 * The trust graph, merges followed, what is gone left out. Nodes and edges are numbers, and what belongs to them stands
 * in typed arrays: a million nodes with ten million edges take 130 MB (400 MB while they are loaded), and can be handed to another thread. Names and
 * reasons stay in the store until someone is shown them; see views.ts.
 */
export interface Graph {
  /** How many nodes there are, numbered from 0. */
  readonly size: number
  readonly ids: Ids
  /** For each node the place of its type in NODE_TYPES. */
  readonly types: Uint8Array
  /** An edge's number is its place among the ends. */
  readonly out: Adjacency
  /** For each edge the place of its kind in `kinds`. */
  readonly kindOf: Uint16Array
  readonly kinds: readonly EdgeKind[]
  /** The hops of the edges that no store knows, by their number. */
  readonly kept: ReadonlyMap<number, Hop>
}

/** Collects edges in whatever order they come, and puts them in their places once all are there. */
export class GraphBuilder {
  readonly ids = new Ids()
  #types = new Uint8Array(1024)
  #own = new EdgeList()
  readonly #lists = [this.#own]
  readonly #kinds: EdgeKind[] = []
  readonly #kindNumbers = new Map<string, number>()
  readonly #kept: { list: EdgeList; at: number; hop: Hop }[] = []

  node(id: string, type: NodeType): number {
    const number = this.ids.add(id)
    if (number === this.#types.length) this.#types = grown(this.#types)
    this.#types[number] = NODE_TYPES.indexOf(type)
    return number
  }

  kind(crossing: string, certainty: Certainty, origin: Origin): number {
    const key = `${origin} ${certainty} ${crossing}`
    const known = this.#kindNumbers.get(key)
    if (known !== undefined) return known
    const number = this.#kinds.push({ crossing, certainty, origin }) - 1
    assert.ok(number < 1 << 16, 'more kinds of edges than can be numbered')
    this.#kindNumbers.set(key, number)
    return number
  }

  /** From a thing to itself leads no edge. */
  edge(from: number, to: number, kind: number): void {
    if (from !== to) this.#own.add(from, to, kind)
  }

  /** Edges of the store, by the place of each one's kind among `kinds`. The list is the builder's from here on. */
  edges(list: EdgeList, kinds: readonly Omit<EdgeKind, 'origin'>[]): void {
    const numbers = Uint16Array.from(kinds, ({ crossing, certainty }) =>
      this.kind(crossing, certainty, 'stored'),
    )
    const { kind, count } = list
    for (let at = 0; at < count; at++) kind[at] = numbers[kind[at]!]!
    this.#own = new EdgeList()
    this.#lists.push(list, this.#own)
  }

  /** A hop that the graph itself has to remember. To what is not among the nodes it leads nowhere, and is left out. */
  hop(hop: Hop): void {
    const [from, to] = [this.ids.numberOf(hop.from), this.ids.numberOf(hop.to)]
    if (from === undefined || to === undefined || from === to) return
    this.#kept.push({ list: this.#own, at: this.#own.count, hop })
    this.edge(from, to, this.kind(hop.crossing, hop.certainty, 'kept'))
  }

  build(): Graph {
    const size = this.ids.size
    const levels = Uint8Array.from(this.#kinds, ({ certainty }) => CERTAINTIES.indexOf(certainty))
    const offsets = new Uint32Array(3 * size + 1)
    for (const { from, kind, count } of this.#lists)
      for (let edge = 0; edge < count; edge++) offsets[3 * from[edge]! + levels[kind[edge]!]! + 1]!++
    for (let place = 0; place < 3 * size; place++) offsets[place + 1]! += offsets[place]!
    const next = offsets.slice()
    const ends = new Uint32Array(offsets[3 * size]!)
    const kindOf = new Uint16Array(ends.length)
    const kept = new Map<number, Hop>()
    let [following] = this.#kept
    let seen = 0
    for (const list of this.#lists) {
      const { from, to, kind, count } = list
      for (let edge = 0; edge < count; edge++) {
        const place = next[3 * from[edge]! + levels[kind[edge]!]!]!++
        ends[place] = to[edge]!
        kindOf[place] = kind[edge]!
        if (following?.at !== edge || following.list !== list) continue
        kept.set(place, following.hop)
        following = this.#kept[++seen]
      }
    }
    const types = this.#types.slice(0, size)
    return { size, ids: this.ids, types, out: { offsets, ends }, kindOf, kinds: this.#kinds, kept }
  }
}

/** A graph of nodes and hops that are all at hand. */
export function buildGraph(nodes: readonly Pick<GraphNode, 'id' | 'type'>[], hops: readonly Hop[]): Graph {
  const builder = new GraphBuilder()
  for (const { id, type } of nodes) builder.node(id, type)
  for (const hop of hops) builder.hop(hop)
  return builder.build()
}

/** The edges into each node: `edges` has the number of each edge beside the node that it leaves. */
export interface Incoming extends Adjacency {
  readonly edges: Uint32Array
}

const incoming = new WeakMap<Graph, Incoming>()

/** Built when it is first asked for, and kept as long as the graph. */
export function incomingOf(graph: Graph): Incoming {
  const known = incoming.get(graph)
  if (known) return known
  const { size, out } = graph
  const offsets = new Uint32Array(3 * size + 1)
  for (let node = 0; node < size; node++)
    for (let level = 0; level < 3; level++)
      for (let edge = out.offsets[3 * node + level]!; edge < out.offsets[3 * node + level + 1]!; edge++)
        offsets[3 * out.ends[edge]! + level + 1]!++
  for (let place = 0; place < 3 * size; place++) offsets[place + 1]! += offsets[place]!
  const next = offsets.slice()
  const ends = new Uint32Array(out.ends.length)
  const edges = new Uint32Array(out.ends.length)
  for (let node = 0; node < size; node++)
    for (let level = 0; level < 3; level++)
      for (let edge = out.offsets[3 * node + level]!; edge < out.offsets[3 * node + level + 1]!; edge++) {
        const place = next[3 * out.ends[edge]! + level]!++
        ends[place] = node
        edges[place] = edge
      }
  const built = { offsets, ends, edges }
  incoming.set(graph, built)
  return built
}

/** The node that an edge leaves. */
export function sourceOf({ out }: Graph, edge: number): number {
  return nodeOf(out, edge)
}

/** The node among whose ends a place is. */
export function nodeOf({ offsets }: Adjacency, place: number): number {
  let [low, high] = [0, (offsets.length - 1) / 3 - 1]
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (offsets[3 * middle]! <= place) low = middle
    else high = middle - 1
  }
  return low
}

export function certaintyOf(graph: Graph, edge: number): Certainty {
  return graph.kinds[graph.kindOf[edge]!]!.certainty
}
