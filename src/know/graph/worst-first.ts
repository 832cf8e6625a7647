import { CERTAINTIES, type Graph, NODE_TYPES } from './graph.ts'
import { edgeTo, nodeAt, type Reach } from './reach.ts'

/** What a holder can do with what it reaches, the worst first; whom it merely counts as comes last. */
const WORST_FIRST = [
  'administrator',
  'superuser',
  'runs-commands',
  'owns',
  'holds-copy',
  'may-write',
  'may-read',
  'may-create',
]

/**
 * What was reached that is worth the most to whoever reached it, at most `most`, as its numbers there: first what the worst
 * can be done with, of that the surest, and of that the nearest.
 */
export function worstFirst(graph: Graph, reach: Reach, most: number): number[] {
  const ranks = graph.kinds.map(({ crossing }) => rankOf(crossing))
  const groups = Array.from({ length: WORST_FIRST.length + 1 }, () => reach.upTo.map((): number[] => []))
  for (let index = 0; index < reach.count; index++) {
    const level = reach.upTo.findIndex(count => index < count)
    const edge = edgeTo(graph, reach, nodeAt(reach, index))
    const group = groups[ranks[graph.kindOf[edge]!]!]![level]!
    if (group.length < most) group.push(index)
  }
  return groups.flat(2).slice(0, most)
}

function rankOf(crossing: string): number {
  const rank = WORST_FIRST.findIndex(word => crossing.startsWith(word))
  return rank < 0 ? WORST_FIRST.length : rank
}

export interface Counted {
  readonly certainty: string
  readonly type: string
  readonly count: number
}

/** How many things of each type were reached, for each certainty. */
export function countReached(graph: Graph, reach: Reach): Counted[] {
  const counts = reach.upTo.map(() => NODE_TYPES.map(() => 0))
  let level = 0
  for (let index = 0; index < reach.count; index++) {
    while (index >= reach.upTo[level]!) level++
    counts[level]![graph.types[nodeAt(reach, index)]!]!++
  }
  return counts.flatMap((ofLevel, at) =>
    ofLevel.flatMap((count, type) =>
      count === 0 ? [] : [{ certainty: CERTAINTIES[at]!, type: NODE_TYPES[type]!, count }],
    ),
  )
}
