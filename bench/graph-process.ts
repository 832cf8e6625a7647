import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { openStore } from '../src/core/store/store.ts'
import type { Graph } from '../src/know/graph/graph.ts'
import { loadGraph } from '../src/know/graph/load-graph.ts'
import { reach, reachedFrom } from '../src/know/graph/reach.ts'
import { bestWay, smallestCut } from '../src/know/graph/search.ts'
import { hopViews, nodeViews } from '../src/know/graph/views.ts'
import { generator } from './graph-estate.ts'

/**
 * `node bench/graph-process.ts STORE`: loads the graph from a store and asks of it, in a process that does nothing else, so
 * that its memory is that of the graph. Prints Figures as JSON.
 */
export interface Figures {
  readonly nodes: number
  readonly edges: number
  readonly load: Took & { readonly peakMiB: number; readonly heldMiB: number }
  readonly reached: number
  readonly reach: Took
  readonly bare: Took
  readonly bareInKeptMemory: Took
  /** What the first asks builds what the others use. */
  readonly firstPath: Took
  readonly paths: { readonly hops: number; readonly seconds: number }[]
  readonly whoCan: Took
  readonly cut: Took & { readonly hops: number }
  readonly peakMiB: number
}

export interface Took {
  readonly seconds: number
  readonly cpuSeconds: number
}

const ROUNDS = 7
const PATHS = 50
const START = 0

const [, , store] = process.argv
assert.ok(store, 'give the file of a store')
const db = await openStore(store)
const before = process.memoryUsage().arrayBuffers
const { took: loading, result: graph } = await timed(() => loadGraph(db))
// What is only needed to load is given back in two steps.
globalThis.gc?.()
await turn()
globalThis.gc?.()
const load = {
  ...loading,
  peakMiB: peakMiB(),
  heldMiB: mebibytes(process.memoryUsage().arrayBuffers - before),
}

const searches = await reaching(graph)
const random = generator(graph.size)
const node = () => Math.floor(random() * graph.size)
const explain = async (from: number, to: number) => {
  const edges = bestWay(graph, from, to)?.edges ?? []
  const hops = await hopViews(db, graph, edges)
  const nodes = await nodeViews(db, graph, [from, ...edges.map(edge => graph.out.ends[edge]!)])
  assert.equal(nodes.length, hops.length + 1)
  return hops.length
}
const { took: firstPath } = await timed(() => explain(node(), node()))
const paths: { hops: number; seconds: number }[] = []
for (let path = 0; path < PATHS; path++) {
  const { took, result: hops } = await timed(() => explain(node(), node()))
  paths.push({ hops, seconds: took.seconds })
}
const { took: whoCan } = await timed(() => reachedFrom(graph, graph.size >>> 1))
const { took: cutting, result: hops } = await timed(() =>
  smallestCut(graph, node(), node(), 2, Number.POSITIVE_INFINITY),
)
await db.destroy()
const figures: Figures = {
  nodes: graph.size,
  edges: graph.out.ends.length,
  load,
  ...searches,
  firstPath,
  paths,
  whoCan,
  cut: { ...cutting, hops: hops?.length ?? 0 },
  peakMiB: peakMiB(),
}
process.stdout.write(JSON.stringify(figures))

/** In turns, so that what else the machine does strikes all alike. */
async function reaching(
  graph: Graph,
): Promise<Pick<Figures, 'reached' | 'reach' | 'bare' | 'bareInKeptMemory'>> {
  const { size, out } = graph
  const offsets = Uint32Array.from({ length: size + 1 }, (_, node) => out.offsets[3 * node]!)
  const [seen, queue] = [new Uint8Array(size), new Uint32Array(size)]
  const runs = {
    reach: () => reach(graph, START).count + 1,
    bare: () => breadthFirst(offsets, out.ends, START, new Uint8Array(size), new Uint32Array(size)),
    bareInKeptMemory: () => breadthFirst(offsets, out.ends, START, seen.fill(0), queue),
  }
  const reached = runs.bare()
  const rounds = { reach: [] as Took[], bare: [] as Took[], bareInKeptMemory: [] as Took[] }
  const names = ['reach', 'bare', 'bareInKeptMemory'] as const
  // What a process does first is slower until it is compiled.
  for (const name of names) assert.equal(runs[name](), reached)
  for (let round = 0; round < ROUNDS; round++)
    for (const name of names) {
      const { took, result } = await timed(runs[name])
      assert.equal(result, reached)
      rounds[name].push(took)
    }
  return {
    reached,
    reach: median(rounds.reach),
    bare: median(rounds.bare),
    bareInKeptMemory: median(rounds.bareInKeptMemory),
  }
}

/** As bare as it can be: no certainty, no distance, no way back. */
function breadthFirst(
  offsets: Uint32Array,
  ends: Uint32Array,
  start: number,
  seen: Uint8Array,
  queue: Uint32Array,
): number {
  queue[0] = start
  seen[start] = 1
  let count = 1
  for (let head = 0; head < count; head++) {
    const node = queue[head]!
    const last = offsets[node + 1]!
    for (let edge = offsets[node]!; edge < last; edge++) {
      const target = ends[edge]!
      if (seen[target] !== 0) continue
      seen[target] = 1
      queue[count++] = target
    }
  }
  return count
}

async function timed<Result>(
  run: () => Result | Promise<Result>,
): Promise<{ took: Took; result: Awaited<Result> }> {
  const [started, before] = [performance.now(), process.cpuUsage()]
  const result = await run()
  const { user, system } = process.cpuUsage(before)
  const took = { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }
  return { took, result }
}

function median(rounds: readonly Took[]): Took {
  const middle = (of: (took: Took) => number) => rounds.map(of).sort((a, b) => a - b)[rounds.length >>> 1]!
  return { seconds: middle(took => took.seconds), cpuSeconds: middle(took => took.cpuSeconds) }
}

/** The most memory of this process that was resident at once. */
function peakMiB(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024
}

function mebibytes(bytes: number): number {
  return bytes / 2 ** 20
}
