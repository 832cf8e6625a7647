import type { Certainty, Ms, Ref } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { namesById, namesOrNative, refOf } from '../inventory/queries.ts'
import { loadRoots } from '../inventory/roots.ts'
import { limitedMemberships } from './aws/account.ts'
import type { Crossing } from './aws/crossing.ts'
import { awsCrossings } from './aws/crossings.ts'
import { loadAccounts } from './aws/load-accounts.ts'
import { credentialEdges } from './credential-edges.ts'

/** One step of an attacker: who has `from` gains `to`. */
export interface Hop {
  readonly from: string
  readonly to: string
  readonly crossing: string
  readonly certainty: Certainty
  readonly condition?: string
  readonly why: string
}

export interface GraphNode {
  readonly id: string
  readonly type: Row<'entity'>['type']
  readonly ref: Ref
  readonly names: string[]
}

/**
 * The trust graph, merges followed, what is gone left out. Nodes are numbered; the edges out of node `n` are those
 * from `starts[n]` to `starts[n + 1]`, so that a million edges cost a few typed arrays and no objects to walk.
 */
export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly numbers: ReadonlyMap<string, number>
  readonly starts: Uint32Array
  readonly targets: Uint32Array
  readonly certainties: Uint8Array
  readonly hops: readonly Hop[]
  /** What a node that was merged away, or any other id, stands for now. */
  resolve(entityId: string): string
}

export const CERTAINTIES: readonly Certainty[] = ['proven', 'conditional', 'potential']

/** What a graph is computed with beside what is stored: the rules by which one AWS principal gains another, and when. */
export interface Crossings {
  readonly aws: readonly Crossing[]
  readonly now: Ms
}

export async function loadGraph(db: Db, crossings: Crossings = { aws: [], now: 0 }): Promise<Graph> {
  const roots = await loadRoots(db)
  const entities = await db
    .selectFrom('entity')
    .selectAll()
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  const names = await namesById(
    db,
    roots,
    entities.map(entity => entity.id),
  )
  const nodes = entities.map(entity => ({
    id: entity.id,
    type: entity.type,
    ref: refOf(entity),
    names: namesOrNative(names.get(entity.id), entity),
  }))
  const stored = await db.selectFrom('edge').selectAll().where('gone_at', 'is', null).orderBy('id').execute()
  const hops: Hop[] = stored.map(edge => ({
    from: roots.of(edge.from_id),
    to: roots.of(edge.to_id),
    crossing: edge.crossing,
    certainty: edge.certainty,
    ...(edge.condition !== null && { condition: edge.condition }),
    why: edge.why,
  }))
  const accounts = await loadAccounts(db, roots)
  const limited = limitedMemberships(accounts)
  const computed = [
    ...(await credentialEdges(db, roots)),
    ...awsCrossings(accounts, crossings.aws, crossings.now),
  ]
  const open = hops.filter(({ from, to }) => !limited.get(from)?.has(to))
  return buildGraph(nodes, [...open, ...computed], id => roots.of(id))
}

/** Edges to what is not among the nodes, and from a thing to itself, lead nowhere and are left out. */
export function buildGraph(
  nodes: readonly GraphNode[],
  edges: readonly Hop[],
  resolve: (id: string) => string = id => id,
): Graph {
  const numbers = new Map(nodes.map((node, number) => [node.id, number]))
  const kept = edges.filter(({ from, to }) => from !== to && numbers.has(from) && numbers.has(to))
  const number = (id: string) => numbers.get(id) ?? 0
  const starts = new Uint32Array(nodes.length + 1)
  for (const { from } of kept) starts[number(from) + 1]!++
  for (let node = 0; node < nodes.length; node++) starts[node + 1]! += starts[node]!
  const next = starts.slice()
  const targets = new Uint32Array(kept.length)
  const certainties = new Uint8Array(kept.length)
  const hops: Hop[] = Array.from({ length: kept.length })
  for (const hop of kept) {
    const at = next[number(hop.from)]!++
    targets[at] = number(hop.to)
    certainties[at] = CERTAINTIES.indexOf(hop.certainty)
    hops[at] = hop
  }
  return { nodes, numbers, starts, targets, certainties, hops, resolve }
}

export interface Reached extends GraphNode {
  /** That of the weakest hop. */
  readonly certainty: Certainty
  /** How many hops. */
  readonly depth: number
  readonly hops: Hop[]
}

const NOT_REACHED = 0xffffffff

/**
 * What who holds the entity gets to, each by the most certain path, and of those by the shortest; most certain and
 * nearest first. Three breadth-first passes, each allowing one certainty less.
 */
export function reach(graph: Graph, entityId: string): { reached: Reached[] } {
  const start = graph.numbers.get(graph.resolve(entityId))
  if (start === undefined) return { reached: [] }
  const reached: Reached[] = []
  const found = new Uint8Array(graph.nodes.length)
  found[start] = 1
  for (const [weakest, certainty] of CERTAINTIES.entries()) {
    const cameBy = breadthFirst(graph, start, weakest)
    for (const { node, by } of cameBy) {
      if (found[node]) continue
      found[node] = 1
      const hops = pathTo(graph, start, node, by)
      reached.push({ ...graph.nodes[node]!, certainty, depth: hops.length, hops })
    }
  }
  return { reached }
}

/** The nodes in the order of their distance; `by` holds for each node the edge by which it was reached. */
function breadthFirst(graph: Graph, start: number, weakest: number): { node: number; by: Uint32Array }[] {
  const by = new Uint32Array(graph.nodes.length).fill(NOT_REACHED)
  const seen = new Uint8Array(graph.nodes.length)
  seen[start] = 1
  const queue = [start]
  for (let head = 0; head < queue.length; head++) {
    const node = queue[head]!
    for (let edge = graph.starts[node]!; edge < graph.starts[node + 1]!; edge++) {
      const target = graph.targets[edge]!
      if (seen[target] || graph.certainties[edge]! > weakest) continue
      seen[target] = 1
      by[target] = edge
      queue.push(target)
    }
  }
  return queue.slice(1).map(node => ({ node, by }))
}

function pathTo(graph: Graph, start: number, node: number, by: Uint32Array): Hop[] {
  const hops: Hop[] = []
  for (let at = node; at !== start; ) {
    const hop = graph.hops[by[at]!]!
    hops.push(hop)
    at = graph.numbers.get(hop.from)!
  }
  return hops.reverse()
}

/** A workload that reads or uses a credential, and the sentence how that is known. */
export interface User extends GraphNode {
  readonly why: string
}

const MOST_STEPS_TO_A_READER = 3

/** The workloads that get the credential, by themselves or from a file or store that holds it. */
export function usersOf(graph: Graph, credentialId: string): User[] {
  const target = graph.numbers.get(graph.resolve(credentialId))
  if (target === undefined) return []
  const into = Map.groupBy(graph.hops, hop => hop.to)
  const users = new Map<string, User>()
  const seen = new Set([graph.nodes[target]!.id])
  let front = [...seen]
  for (let step = 0; step < MOST_STEPS_TO_A_READER && front.length > 0; step++) {
    const next: string[] = []
    for (const hop of front.flatMap(id => into.get(id) ?? [])) {
      if (seen.has(hop.from) || hop.crossing === 'same-value') continue
      seen.add(hop.from)
      const node = graph.nodes[graph.numbers.get(hop.from)!]!
      if (node.type === 'workload') users.set(node.id, { ...node, why: hop.why })
      // Through a file or a store, not through whoever else may log in to it.
      else if (node.type === 'resource') next.push(node.id)
    }
    front = next
  }
  return [...users.values()]
}
