import { type Crossing, loadCrossings } from '../../know/graph/aws/crossing.ts'
import { type Graph, type GraphNode, type Hop, loadGraph } from '../../know/graph/graph.ts'
import type { World } from './operation.ts'
import { called } from './subject.ts'
import { wrap } from './wrap.ts'

/** The graph as it is now, computed crossings and all; `aws` for who has the rules of those already. */
export async function graphOf(world: World, aws?: readonly Crossing[]): Promise<Graph> {
  aws ??= await loadCrossings(world.rulesDirectory)
  return await loadGraph(world.db, { aws, now: world.io.now().getTime() })
}

/** The hops of a way as sentences, one after the other. */
export function hopLines(hops: readonly Hop[], width: number): string[] {
  return hops.map((hop, index) => {
    const condition = hop.condition === undefined ? '' : `, if ${hop.condition}`
    return wrap(
      `${index + 1}. ${hop.why} [${hop.crossing}, ${hop.certainty}${condition}]`,
      width,
      '     ',
      '       ',
    )
  })
}

/** A hop with both its ends named, for JSON and for pictures. */
export interface NamedHop extends Hop {
  readonly fromName: string
  readonly toName: string
}

export function namedHops(graph: Graph, hops: readonly Hop[]): NamedHop[] {
  return hops.map(hop => ({ ...hop, fromName: nameIn(graph, hop.from), toName: nameIn(graph, hop.to) }))
}

/** The thing's number in the graph; undefined where it is not in it. */
export function numberOf(graph: Graph, id: string): number | undefined {
  return graph.numbers.get(graph.resolve(id))
}

export function nodeOf(graph: Graph, id: string): GraphNode {
  return graph.nodes[graph.numbers.get(graph.resolve(id))!]!
}

function nameIn(graph: Graph, id: string): string {
  return called(nodeOf(graph, id))
}
