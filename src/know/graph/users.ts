import type { Db } from '../../core/store/store.ts'
import { type Graph, type GraphNode, incomingOf, NODE_TYPES } from './graph.ts'
import { hopViews, nodeViews } from './views.ts'

/** A workload that reads or uses a credential, and the sentence how that is known. */
export interface User extends GraphNode {
  readonly why: string
}

const MOST_STEPS_TO_A_READER = 3

/** The workloads that get the credential, by themselves or from a file or store that holds it. */
export async function usersOf(db: Db, graph: Graph, credentialId: string): Promise<User[]> {
  const target = graph.ids.numberOf(credentialId)
  if (target === undefined) return []
  const into = incomingOf(graph)
  /** The users, and by which edge each is one. */
  const users = new Map<number, number>()
  const seen = new Set([target])
  let front = [target]
  for (let step = 0; step < MOST_STEPS_TO_A_READER && front.length > 0; step++) {
    const next: number[] = []
    for (const node of front)
      for (let place = into.offsets[3 * node]!; place < into.offsets[3 * node + 3]!; place++) {
        const edge = into.edges[place]!
        const source = into.ends[place]!
        if (seen.has(source) || graph.kinds[graph.kindOf[edge]!]!.crossing === 'same-value') continue
        seen.add(source)
        const type = NODE_TYPES[graph.types[source]!]
        if (type === 'workload') users.set(source, edge)
        // Through a file or a store, not through whoever else may log in to it.
        else if (type === 'resource') next.push(source)
      }
    front = next
  }
  const nodes = await nodeViews(db, graph, [...users.keys()])
  const hops = await hopViews(db, graph, [...users.values()])
  return nodes.map((node, index) => ({ ...node, why: hops[index]!.why }))
}

/** The credentials that a workload gets, by itself or from files and stores that it reads: the same ways from the other end. */
export function credentialsUsedBy(graph: Graph, workloadId: string): string[] {
  const start = graph.ids.numberOf(workloadId)
  if (start === undefined) return []
  const found = new Set<number>()
  const seen = new Set([start])
  let front = [start]
  for (let step = 0; step < MOST_STEPS_TO_A_READER && front.length > 0; step++) {
    const next: number[] = []
    for (const node of front)
      for (let edge = graph.out.offsets[3 * node]!; edge < graph.out.offsets[3 * node + 3]!; edge++) {
        const end = graph.out.ends[edge]!
        if (seen.has(end) || graph.kinds[graph.kindOf[edge]!]!.crossing === 'same-value') continue
        seen.add(end)
        const type = NODE_TYPES[graph.types[end]!]
        if (type === 'credential') found.add(end)
        else if (type === 'resource') next.push(end)
      }
    front = next
  }
  return [...found].map(number => graph.ids.idOf(number))
}
