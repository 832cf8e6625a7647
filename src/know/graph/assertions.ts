import { z } from 'zod'
import { namePattern } from '../../core/contract/name-pattern.ts'
import { type Certainty, formatRef } from '../../core/contract/ref.ts'
import { CERTAINTIES, type Graph, type GraphNode } from './graph.ts'
import { shortestWay, type Way } from './search.ts'

/** Names or references, in which `*` is any text; what fits one of them is meant. */
const selector = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform(value => [value].flat())

export const assertionsSchema = z.strictObject({
  'must-not-reach': z
    .array(
      z.strictObject({
        name: z.string().min(1),
        from: selector,
        to: selector,
        /** The most uncertain hop that still counts. */
        certainty: z.enum(['proven', 'conditional', 'potential']).default('conditional'),
        /** From these it is accepted. */
        except: selector.optional(),
        /** The test credential: whose it is, and where its value is; without, the value comes on standard input. */
        probe: z
          .strictObject({
            as: z.string().min(1),
            secret: z
              .string()
              .regex(/^(env|file):.+$/s, 'give env:NAME or file:PATH')
              .optional(),
          })
          .optional(),
      }),
    )
    .min(1),
})

export type Assertion = z.infer<typeof assertionsSchema>['must-not-reach'][number]

/** `unknown`: nothing is known by one of its names, so that nothing was looked at. */
export interface AssertionResult {
  readonly name: string
  readonly state: 'holds' | 'broken' | 'unknown'
  readonly why: string
  /** How many pairs were looked at. */
  readonly from: number
  readonly to: number
  readonly broken: readonly { readonly from: GraphNode; readonly to: GraphNode; readonly way: Way }[]
}

/** Of each pair that is broken a best way is told, of this many pairs at most. */
const MOST_BROKEN = 50

export function checkAssertion(graph: Graph, assertion: Assertion): AssertionResult {
  const except = fitting(graph, assertion.except ?? [])
  const targets = fitting(graph, assertion.to)
  const sources = [...fitting(graph, assertion.from)].filter(node => !except.has(node) && !targets.has(node))
  const looked = { name: assertion.name, from: sources.length, to: targets.size }
  const nameless = [
    ...(sources.length === 0 ? [`from: ${assertion.from.join(', ')}`] : []),
    ...(targets.size === 0 ? [`to: ${assertion.to.join(', ')}`] : []),
  ]
  if (nameless.length > 0)
    return { ...looked, state: 'unknown', why: `nothing is known by ${nameless.join(' and ')}`, broken: [] }
  const broken: { from: GraphNode; to: GraphNode; way: Way }[] = []
  for (const source of sources) {
    for (const target of targets) {
      const way = bestWay(graph, source, target, assertion.certainty)
      if (way) broken.push({ from: graph.nodes[source]!, to: graph.nodes[target]!, way })
      if (broken.length >= MOST_BROKEN) break
    }
    if (broken.length >= MOST_BROKEN) break
  }
  const pairs = `${sources.length} × ${targets.size} looked at`
  return broken.length === 0
    ? { ...looked, state: 'holds', why: `no way: ${pairs}`, broken }
    : { ...looked, state: 'broken', why: `${broken.length} ways: ${pairs}`, broken }
}

function bestWay(graph: Graph, from: number, to: number, certainty: Certainty): Way | undefined {
  for (let weakest = 0; weakest <= CERTAINTIES.indexOf(certainty); weakest++) {
    const edges = shortestWay(graph, from, to, weakest)
    if (edges) return { certainty: CERTAINTIES[weakest]!, hops: edges.map(edge => graph.hops[edge]!) }
  }
  return undefined
}

function fitting(graph: Graph, patterns: readonly string[]): Set<number> {
  const expressions = patterns.map(namePattern)
  const numbers = new Set<number>()
  graph.nodes.forEach((node, number) => {
    const texts = [formatRef(node.ref), ...node.names]
    if (expressions.some(expression => texts.some(text => expression.test(text)))) numbers.add(number)
  })
  return numbers
}
