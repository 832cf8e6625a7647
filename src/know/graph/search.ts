import type { Certainty } from '../../core/contract/ref.ts'
import { CERTAINTIES, type Graph, type Hop } from './graph.ts'

/** The edges into each node: `edges` from `starts[n]` to `starts[n + 1]` are numbers of edges of the graph. */
interface Incoming {
  readonly starts: Uint32Array
  readonly edges: Uint32Array
  /** The node that an edge leaves. */
  readonly sources: Uint32Array
}

const incoming = new WeakMap<Graph, Incoming>()

/** Built when it is first asked for, and kept as long as the graph. */
export function incomingOf(graph: Graph): Incoming {
  const known = incoming.get(graph)
  if (known) return known
  const { starts: outgoing, targets } = graph
  const size = outgoing.length - 1
  const starts = new Uint32Array(size + 1)
  for (const target of targets) starts[target + 1]!++
  for (let node = 0; node < size; node++) starts[node + 1]! += starts[node]!
  const next = starts.slice()
  const edges = new Uint32Array(targets.length)
  const sources = new Uint32Array(targets.length)
  for (let node = 0; node < size; node++)
    for (let edge = outgoing[node]!; edge < outgoing[node + 1]!; edge++) {
      sources[edge] = node
      edges[next[targets[edge]!]!++] = edge
    }
  const built = { starts, edges, sources }
  incoming.set(graph, built)
  return built
}

/** What a search may not use. */
export interface Barred {
  readonly edges?: ReadonlySet<number>
  readonly nodes?: ReadonlySet<number>
}

const NONE = 0xffffffff

/**
 * A shortest way as the numbers of its edges, over hops at most as uncertain as `weakest`; undefined where there is none.
 * It is searched from both ends, the smaller front first, so that it sees little of a large graph.
 */
export function shortestWay(
  graph: Graph,
  from: number,
  to: number,
  weakest: number,
  barred: Barred = {},
): number[] | undefined {
  if (from === to) return []
  const into = incomingOf(graph)
  const size = graph.starts.length - 1
  const cameBy = new Uint32Array(size).fill(NONE)
  const goesBy = new Uint32Array(size).fill(NONE)
  let ahead = [from]
  let behind = [to]
  const passes = (edge: number, node: number) =>
    graph.certainties[edge]! <= weakest && !barred.edges?.has(edge) && !barred.nodes?.has(node)
  while (ahead.length > 0 && behind.length > 0) {
    const next: number[] = []
    if (ahead.length <= behind.length) {
      for (const node of ahead)
        for (let edge = graph.starts[node]!; edge < graph.starts[node + 1]!; edge++) {
          const target = graph.targets[edge]!
          if (target === from || cameBy[target] !== NONE || !passes(edge, target)) continue
          cameBy[target] = edge
          if (target === to || goesBy[target] !== NONE) return joined(target)
          next.push(target)
        }
      ahead = next
    } else {
      for (const node of behind)
        for (let at = into.starts[node]!; at < into.starts[node + 1]!; at++) {
          const edge = into.edges[at]!
          const source = into.sources[edge]!
          if (source === to || goesBy[source] !== NONE || !passes(edge, source)) continue
          goesBy[source] = edge
          if (source === from || cameBy[source] !== NONE) return joined(source)
          next.push(source)
        }
      behind = next
    }
  }
  return undefined

  function joined(middle: number): number[] {
    const way: number[] = []
    for (let node = middle; node !== from; node = into.sources[way.at(-1)!]!) way.push(cameBy[node]!)
    way.reverse()
    for (let node = middle; node !== to; node = graph.targets[way.at(-1)!]!) way.push(goesBy[node]!)
    return way
  }
}

/** A way with the certainty of its weakest hop. */
export interface Way {
  readonly certainty: Certainty
  readonly hops: readonly Hop[]
}

/**
 * The ways from one thing to another, at most `most`, none through a thing twice: the most certain first, and of those
 * the shortest (J. Y. Yen, Finding the K Shortest Loopless Paths in a Network, 1971).
 */
export function ways(graph: Graph, from: number, to: number, most: number): Way[] {
  const found: { edges: number[]; certainty: Certainty }[] = []
  const seen = new Set<string>()
  for (const [weakest, certainty] of CERTAINTIES.entries()) {
    for (const edges of waysUpTo(graph, from, to, weakest, most)) {
      const key = edges.join()
      if (seen.has(key)) continue
      seen.add(key)
      found.push({ edges, certainty })
    }
    if (found.length >= most) break
  }
  return found
    .slice(0, most)
    .map(({ edges, certainty }) => ({ certainty, hops: edges.map(edge => graph.hops[edge]!) }))
}

function waysUpTo(graph: Graph, from: number, to: number, weakest: number, most: number): number[][] {
  const first = shortestWay(graph, from, to, weakest)
  if (!first) return []
  const accepted = [first]
  const candidates = new Map<string, number[]>()
  while (accepted.length < most) {
    const last = accepted.at(-1)!
    for (let length = 0; length < last.length; length++) {
      const stem = last.slice(0, length)
      const spur = length === 0 ? from : graph.targets[last[length - 1]!]!
      const edges = new Set(
        accepted.filter(way => stem.every((edge, at) => way[at] === edge)).map(way => way[length]!),
      )
      const nodes = new Set([from, ...stem.map(edge => graph.targets[edge]!)])
      nodes.delete(spur)
      const rest = shortestWay(graph, spur, to, weakest, { edges, nodes })
      if (rest) candidates.set([...stem, ...rest].join(), [...stem, ...rest])
    }
    for (const way of accepted) candidates.delete(way.join())
    const [next] = [...candidates.values()].sort((a, b) => a.length - b.length)
    if (!next) break
    accepted.push(next)
  }
  return accepted
}

/** Everything from which the node is reached, the most certain first, then the nearest; and the first hop on the way. */
export function reachedFrom(
  graph: Graph,
  to: number,
): { node: number; certainty: Certainty; distance: number }[] {
  const into = incomingOf(graph)
  const seen = new Uint8Array(graph.starts.length - 1)
  seen[to] = 1
  const found: { node: number; certainty: Certainty; distance: number }[] = []
  for (const [weakest, certainty] of CERTAINTIES.entries()) {
    const here = new Uint8Array(seen.length)
    here[to] = 1
    let front = [to]
    for (let distance = 1; front.length > 0; distance++) {
      const next: number[] = []
      for (const node of front)
        for (let at = into.starts[node]!; at < into.starts[node + 1]!; at++) {
          const edge = into.edges[at]!
          const source = into.sources[edge]!
          if (here[source] || graph.certainties[edge]! > weakest) continue
          here[source] = 1
          next.push(source)
          if (seen[source]) continue
          seen[source] = 1
          found.push({ node: source, certainty, distance })
        }
      front = next
    }
  }
  return found
}

/**
 * Hops whose removal leaves no way: as few as can be (L. R. Ford and D. R. Fulkerson, Maximal Flow through a Network,
 * 1956), those nearest to where the way begins. Undefined where more than `most` would have to go.
 */
export function smallestCut(
  graph: Graph,
  from: number,
  to: number,
  weakest: number,
  most: number,
): Hop[] | undefined {
  const into = incomingOf(graph)
  const size = graph.starts.length - 1
  const used = new Set<number>()
  for (;;) {
    // An edge in use may be given back: then the way goes along it backwards.
    const by = new Uint32Array(size).fill(NONE)
    const backwards = new Uint8Array(size)
    const reached = new Uint8Array(size)
    reached[from] = 1
    const queue = [from]
    for (let head = 0; head < queue.length && !reached[to]; head++) {
      const node = queue[head]!
      for (let edge = graph.starts[node]!; edge < graph.starts[node + 1]!; edge++) {
        const target = graph.targets[edge]!
        if (reached[target] || used.has(edge) || graph.certainties[edge]! > weakest) continue
        reached[target] = 1
        by[target] = edge
        queue.push(target)
      }
      for (let at = into.starts[node]!; at < into.starts[node + 1]!; at++) {
        const edge = into.edges[at]!
        const source = into.sources[edge]!
        if (reached[source] || !used.has(edge)) continue
        reached[source] = 1
        by[source] = edge
        backwards[source] = 1
        queue.push(source)
      }
    }
    if (!reached[to]) {
      return [...used]
        .filter(edge => reached[into.sources[edge]!] && !reached[graph.targets[edge]!])
        .map(edge => graph.hops[edge]!)
    }
    for (let node = to; node !== from; ) {
      const edge = by[node]!
      if (backwards[node]) {
        used.delete(edge)
        node = graph.targets[edge]!
      } else {
        used.add(edge)
        node = into.sources[edge]!
      }
    }
    if (used.size > 0 && countFlow(graph, into, used, from) > most) return undefined
  }
}

function countFlow(graph: Graph, into: Incoming, used: ReadonlySet<number>, from: number): number {
  let flow = 0
  for (let edge = graph.starts[from]!; edge < graph.starts[from + 1]!; edge++) if (used.has(edge)) flow++
  for (let at = into.starts[from]!; at < into.starts[from + 1]!; at++) if (used.has(into.edges[at]!)) flow--
  return flow
}
