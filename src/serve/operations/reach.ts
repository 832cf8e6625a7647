import pc from 'picocolors'
import { z } from 'zod'
import type { GraphNode, Hop } from '../../know/graph/graph.ts'
import { certaintyAt, depthAt, nodeAt, reach as reachFrom, wayAt } from '../../know/graph/reach.ts'
import { hopViews, nodeViews } from '../../know/graph/views.ts'
import { type Counted, countReached, worstFirst } from '../../know/graph/worst-first.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { graphOf, hopLines } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { called, type Named, subjectOf } from './subject.ts'
import { table } from './table.ts'

const input = z.object({
  subject: z.string().min(1).describe('a credential or identity: its name, reference or fingerprint'),
  all: z.boolean().default(false).describe('everything, where by default only the worst of much is shown'),
})
type Input = z.infer<typeof input>

interface Reached extends GraphNode {
  readonly certainty: string
  readonly depth: number
  readonly hops: readonly Hop[]
}

interface Reach {
  readonly subject: Named
  /** How much is reached in all. */
  readonly count: number
  readonly counts: readonly Counted[]
  /** The surest and nearest first; of more than a thousand the worst thousand, unless all was asked for. */
  readonly reached: readonly Reached[]
  readonly coverage: Coverage
  /** What a person is shown of it, as places in `reached`. */
  readonly shown: readonly number[]
}

export const reach = defineOperation<Input, Reach>({
  name: 'reach',
  summary: 'Show what a holder of a credential gets to, hop by hop',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['subject'],
  examples: [
    {
      command: 'firebreak reach app_rw',
      shows: 'what whoever holds app_rw gets to, the worst of it with the reason for each hop',
    },
    { command: 'firebreak reach app_rw --all', shows: 'everything, however much it is' },
    { command: 'firebreak reach fp_3q2mQ1 --json', shows: 'the same for a credential, as JSON' },
  ],
  run,
  text,
  json: ({ shown: _, ...output }) => output,
})

const MOST_TOLD = 1000
const MOST_SHOWN = 20

async function run(world: World, { subject: text, all }: Input): Promise<Reach> {
  const { db } = world
  const subject = await subjectOf(world, text)
  const graph = await graphOf(world)
  const start = graph.ids.numberOf(subject.id)
  const coverage = await coverageOf(db)
  if (start === undefined) return { subject, count: 0, counts: [], reached: [], coverage, shown: [] }
  const found = reachFrom(graph, start)
  const everything = Array.from({ length: all || found.count <= MOST_TOLD ? found.count : 0 }, (_, at) => at)
  const told = everything.length === found.count ? everything : worstFirst(graph, found, MOST_TOLD)
  const nodes = await nodeViews(
    db,
    graph,
    told.map(index => nodeAt(found, index)),
  )
  const ways = told.map(index => wayAt(graph, found, index))
  const hops = await hopViews(db, graph, ways.flat())
  let next = 0
  const reached = nodes.map((node, at) => ({
    ...node,
    certainty: certaintyAt(found, told[at]!),
    depth: depthAt(found, told[at]!),
    hops: hops.slice(next, (next += ways[at]!.length)),
  }))
  const places = new Map(told.map((index, at) => [index, at]))
  const shown =
    all || found.count <= MOST_SHOWN
      ? told.map((_, at) => at)
      : worstFirst(graph, found, MOST_SHOWN).map(index => places.get(index)!)
  return { subject, count: found.count, counts: countReached(graph, found), reached, coverage, shown }
}

function text({ subject, count, counts, reached, coverage, shown }: Reach, width: number): string {
  const name = subject.names[0] ?? subject.ref
  const head =
    count === 0
      ? `Nothing is known that a holder of ${name} gets to.`
      : `Whoever holds ${name} gets to${shown.length < count ? ` ${count} things` : ''}:`
  const things = shown.flatMap(at => {
    const thing = reached[at]!
    return [
      `${certaintyText(thing.certainty)}  ${pc.bold(called(thing))} ${pc.dim(`(${thing.type})`)}`,
      ...hopLines(thing.hops, width),
    ]
  })
  return [
    pc.bold(head),
    '',
    ...(shown.length < count
      ? [countsTable(counts, width), '', pc.bold(`The worst ${shown.length}; all are shown with --all:`), '']
      : []),
    ...things,
    ...(things.length > 0 ? [''] : []),
    coverageText(coverage, width),
  ].join('\n')
}

export function countsTable(counts: readonly Counted[], width: number): string {
  const rows = counts.map(({ certainty, type, count }) => [certainty, type, String(count)])
  return table([{ title: 'CERTAINTY' }, { title: 'TYPE' }, { title: 'COUNT', align: 'right' }], rows, width)
}

function certaintyText(certainty: string): string {
  const padded = certainty.padEnd('conditional'.length)
  return certainty === 'proven' ? pc.red(padded) : pc.yellow(padded)
}
