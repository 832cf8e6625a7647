import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import { type Certainty, formatRef } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { CERTAINTIES, type Graph, type GraphNode, type Hop } from './graph.ts'
import { bestWay, type Way } from './search.ts'
import { hopViews, nodeViews } from './views.ts'

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
  readonly broken: readonly {
    readonly from: GraphNode
    readonly to: GraphNode
    readonly way: { readonly certainty: Certainty; readonly hops: readonly Hop[] }
  }[]
}

/** Of each pair that is broken a best way is told, of this many pairs at most. */
const MOST_BROKEN = 50

export async function checkAssertions(
  db: Db,
  graph: Graph,
  assertions: readonly Assertion[],
): Promise<AssertionResult[]> {
  const found = await fitting(
    db,
    graph,
    assertions.flatMap(({ from, to, except }) => [from, to, except ?? []]),
  )
  const results: AssertionResult[] = []
  for (const [index, assertion] of assertions.entries()) {
    const [from, to, except] = found.slice(3 * index) as [Set<number>, Set<number>, Set<number>]
    const { broken, ...result } = check(graph, assertion, from, to, except)
    const shown: AssertionResult['broken'][number][] = []
    for (const { from, to, way } of broken) {
      const [start, end] = (await nodeViews(db, graph, [from, to])) as [GraphNode, GraphNode]
      const hops = await hopViews(db, graph, way.edges)
      shown.push({ from: start, to: end, way: { certainty: way.certainty, hops } })
    }
    results.push({ ...result, broken: shown })
  }
  return results
}

type Checked = Omit<AssertionResult, 'broken'> & {
  readonly broken: readonly { readonly from: number; readonly to: number; readonly way: Way }[]
}

function check(
  graph: Graph,
  assertion: Assertion,
  from: ReadonlySet<number>,
  targets: ReadonlySet<number>,
  except: ReadonlySet<number>,
): Checked {
  const sources = [...from].filter(node => !except.has(node) && !targets.has(node))
  const looked = { name: assertion.name, from: sources.length, to: targets.size }
  const nameless = [
    ...(sources.length === 0 ? [`from: ${assertion.from.join(', ')}`] : []),
    ...(targets.size === 0 ? [`to: ${assertion.to.join(', ')}`] : []),
  ]
  if (nameless.length > 0)
    return { ...looked, state: 'unknown', why: `nothing is known by ${nameless.join(' and ')}`, broken: [] }
  const broken: { from: number; to: number; way: Way }[] = []
  for (const source of sources) {
    for (const target of targets) {
      const way = bestWay(graph, source, target, CERTAINTIES.indexOf(assertion.certainty))
      if (way) broken.push({ from: source, to: target, way })
      if (broken.length >= MOST_BROKEN) break
    }
    if (broken.length >= MOST_BROKEN) break
  }
  const pairs = `${sources.length} × ${targets.size} looked at`
  return broken.length === 0
    ? { ...looked, state: 'holds', why: `no way: ${pairs}`, broken }
    : { ...looked, state: 'broken', why: `${countText(broken.length, 'way')}: ${pairs}`, broken }
}

/** So many nodes are looked at by name at once. */
const NAMED = 10_000

/** The nodes that each of the selectors means; the names of all are read once, and not kept. */
async function fitting(
  db: Db,
  graph: Graph,
  selectors: readonly (readonly string[])[],
): Promise<Set<number>[]> {
  const compiled = selectors.map(patterns => ({
    patterns: patterns.map(namePattern),
    nodes: new Set<number>(),
  }))
  for (let first = 0; first < graph.size; first += NAMED) {
    const numbers = Array.from({ length: Math.min(NAMED, graph.size - first) }, (_, index) => first + index)
    for (const [index, node] of (await nodeViews(db, graph, numbers)).entries()) {
      const texts = [formatRef(node.ref), ...node.names]
      for (const { patterns, nodes } of compiled)
        if (patterns.some(pattern => texts.some(text => pattern.test(text)))) nodes.add(first + index)
    }
  }
  return compiled.map(({ nodes }) => nodes)
}
