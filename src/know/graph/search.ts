import type { Certainty } from '../../core/contract/ref.ts'
import { CERTAINTIES, type Graph, incomingOf, sourceOf } from './graph.ts'

/** What a search may not use. */
export interface Barred {
  readonly edges?: ReadonlySet<number>
  readonly nodes?: ReadonlySet<number>
}

const NONE = 0xffffffff

interface Marks {
  readonly cameBy: Uint32Array
  readonly goesBy: Uint32Array
}

const marks = new WeakMap<Graph, Marks>()

/** One for each node, all NONE whenever no search is at work: a search that sees little pays for little. */
function marksOf(graph: Graph): Marks {
  const known = marks.get(graph)
  if (known) return known
  const made = {
    cameBy: new Uint32Array(graph.size).fill(NONE),
    goesBy: new Uint32Array(graph.size).fill(NONE),
  }
  marks.set(graph, made)
  return made
}

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
  const { out } = graph
  const into = incomingOf(graph)
  const { cameBy, goesBy } = marksOf(graph)
  const [seenAhead, seenBehind]: number[][] = [[], []]
  let ahead = [from]
  let behind = [to]
  const passes = (edge: number, node: number) => !barred.edges?.has(edge) && !barred.nodes?.has(node)
  try {
    while (ahead.length > 0 && behind.length > 0) {
      const next: number[] = []
      if (ahead.length <= behind.length) {
        for (const node of ahead) {
          const end = out.offsets[3 * node + weakest + 1]!
          for (let edge = out.offsets[3 * node]!; edge < end; edge++) {
            const target = out.ends[edge]!
            if (target === from || cameBy[target] !== NONE || !passes(edge, target)) continue
            cameBy[target] = edge
            seenAhead!.push(target)
            if (target === to || goesBy[target] !== NONE) return joined(target)
            next.push(target)
          }
        }
        ahead = next
      } else {
        for (const node of behind) {
          const end = into.offsets[3 * node + weakest + 1]!
          for (let place = into.offsets[3 * node]!; place < end; place++) {
            const edge = into.edges[place]!
            const source = into.ends[place]!
            if (source === to || goesBy[source] !== NONE || !passes(edge, source)) continue
            goesBy[source] = edge
            seenBehind!.push(source)
            if (source === from || cameBy[source] !== NONE) return joined(source)
            next.push(source)
          }
        }
        behind = next
      }
    }
    return undefined
  } finally {
    for (const node of seenAhead!) cameBy[node] = NONE
    for (const node of seenBehind!) goesBy[node] = NONE
  }

  function joined(middle: number): number[] {
    const way: number[] = []
    for (let node = middle; node !== from; node = sourceOf(graph, way.at(-1)!)) way.push(cameBy[node]!)
    way.reverse()
    for (let node = middle; node !== to; node = out.ends[way.at(-1)!]!) way.push(goesBy[node]!)
    return way
  }
}

/** A way as the numbers of its edges, with the certainty of its weakest hop. */
export interface Way {
  readonly certainty: Certainty
  readonly edges: readonly number[]
}

/** The most certain way, and of those the shortest, over hops at most as uncertain as `weakest`. */
export function bestWay(graph: Graph, from: number, to: number, weakest = 2): Way | undefined {
  for (let level = 0; level <= weakest; level++) {
    const edges = shortestWay(graph, from, to, level)
    if (edges) return { certainty: CERTAINTIES[level]!, edges }
  }
  return undefined
}

/**
 * The ways from one thing to another, at most `most`, none through a thing twice: the most certain first, and of those
 * the shortest (J. Y. Yen, Finding the K Shortest Loopless Paths in a Network, 1971).
 */
export function ways(graph: Graph, from: number, to: number, most: number): Way[] {
  const found: Way[] = []
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
  return found.slice(0, most)
}

function waysUpTo(graph: Graph, from: number, to: number, weakest: number, most: number): number[][] {
  const first = shortestWay(graph, from, to, weakest)
  if (!first) return []
  const { ends } = graph.out
  const accepted = [first]
  const candidates = new Map<string, number[]>()
  while (accepted.length < most) {
    const last = accepted.at(-1)!
    for (let length = 0; length < last.length; length++) {
      const stem = last.slice(0, length)
      const spur = length === 0 ? from : ends[last[length - 1]!]!
      const edges = new Set(
        accepted.filter(way => stem.every((edge, at) => way[at] === edge)).map(way => way[length]!),
      )
      const nodes = new Set([from, ...stem.map(edge => ends[edge]!)])
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

/**
 * Hops whose removal leaves no way, as the numbers of their edges: as few as can be, those nearest to where the way
 * begins (E. A. Dinic, Algorithm for Solution of a Problem of Maximum Flow in Networks with Power Estimation, 1970).
 * Undefined where more than `most` would have to go.
 */
export function smallestCut(
  graph: Graph,
  from: number,
  to: number,
  weakest: number,
  most: number,
): number[] | undefined {
  const { size, out } = graph
  /** The edges that disjoint ways use. One may be given back: then a way goes along it backwards. */
  const used = new Set<number>()
  /** The same by the node that they come to. */
  const usedInto = new Map<number, Set<number>>()
  for (let flow = 0; ; ) {
    const layer = layers()
    if (layer[to] === NONE)
      return [...used].filter(
        edge => layer[sourceOf(graph, edge)] !== NONE && layer[out.ends[edge]!] === NONE,
      )
    const next = new Uint32Array(size)
    for (;;) {
      const way = wayAlong(layer, next)
      if (!way) break
      for (const { edge, back } of way) {
        const target = out.ends[edge]!
        const own = usedInto.get(target) ?? new Set()
        usedInto.set(target, own)
        if (back) {
          used.delete(edge)
          own.delete(edge)
        } else {
          used.add(edge)
          own.add(edge)
        }
      }
      if (++flow > most) return undefined
    }
  }

  /** How far each node is by what is still free. */
  function layers(): Uint32Array {
    const layer = new Uint32Array(size).fill(NONE)
    layer[from] = 0
    const queue = new Uint32Array(size)
    queue[0] = from
    let count = 1
    for (let head = 0; head < count; head++) {
      const node = queue[head]!
      if (layer[to] !== NONE && layer[node]! >= layer[to]!) break
      const far = layer[node]! + 1
      const end = out.offsets[3 * node + weakest + 1]!
      for (let edge = out.offsets[3 * node]!; edge < end; edge++) {
        const target = out.ends[edge]!
        if (layer[target] !== NONE || used.has(edge)) continue
        layer[target] = far
        queue[count++] = target
      }
      for (const edge of usedInto.get(node) ?? []) {
        const source = sourceOf(graph, edge)
        if (layer[source] !== NONE) continue
        layer[source] = far
        queue[count++] = source
      }
    }
    return layer
  }

  /** A way through the layers; `next` remembers for each node what was tried in vain. */
  function wayAlong(layer: Uint32Array, next: Uint32Array): { edge: number; back: boolean }[] | undefined {
    const way: { edge: number; back: boolean }[] = []
    for (let node = from; node !== to; ) {
      const step = stepFrom(node, layer, next)
      if (step) {
        way.push(step)
        node = step.back ? sourceOf(graph, step.edge) : out.ends[step.edge]!
        continue
      }
      const last = way.pop()
      if (!last) return undefined
      node = last.back ? out.ends[last.edge]! : sourceOf(graph, last.edge)
      next[node]!++
    }
    return way
  }

  function stepFrom(
    node: number,
    layer: Uint32Array,
    next: Uint32Array,
  ): { edge: number; back: boolean } | undefined {
    const first = out.offsets[3 * node]!
    const count = out.offsets[3 * node + weakest + 1]! - first
    for (; next[node]! < count; next[node]!++) {
      const edge = first + next[node]!
      if (layer[out.ends[edge]!] === layer[node]! + 1 && !used.has(edge)) return { edge, back: false }
    }
    for (const edge of [...(usedInto.get(node) ?? [])].slice(next[node]! - count)) {
      if (layer[sourceOf(graph, edge)] === layer[node]! + 1) return { edge, back: true }
      next[node]!++
    }
    return undefined
  }
}
