import pc from 'picocolors'
import { z } from 'zod'
import { formatRef } from '../../core/contract/ref.ts'
import { certaintyAt, depthAt, nodeAt, reachedFrom } from '../../know/graph/reach.ts'
import { nodeViews } from '../../know/graph/views.ts'
import { type Counted, countReached } from '../../know/graph/worst-first.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { graphOf } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { countsTable } from './reach.ts'
import { called, type Named, subjectOf } from './subject.ts'
import { table } from './table.ts'

const input = z.object({
  subject: z.string().min(1).describe('what may be got to: an identity, credential or resource'),
  all: z.boolean().default(false).describe('everything, where by default only the nearest of many are shown'),
})
type Input = z.infer<typeof input>

interface WhoCan {
  readonly subject: Named
  /** How many there are in all. */
  readonly count: number
  readonly counts: readonly Counted[]
  /** The surest and nearest first; of more than a thousand the first thousand, unless all were asked for. */
  readonly who: readonly { name: string; ref: string; type: string; certainty: string; hops: number }[]
  readonly coverage: Coverage
  /** How many of them a person is shown. */
  readonly shown: number
}

export const whoCan = defineOperation<Input, WhoCan>({
  name: 'who-can',
  summary: 'Show everything from which one thing is reached',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['subject'],
  examples: [
    { command: 'firebreak who-can app_rw', shows: 'who gets to app_rw, the surest and nearest first' },
  ],
  run,
  text,
  json: ({ shown: _, ...output }) => output,
})

const MOST_TOLD = 1000
const MOST_SHOWN = 50

async function run(world: World, { subject: text, all }: Input): Promise<WhoCan> {
  const { db } = world
  const subject = await subjectOf(world, text)
  const graph = await graphOf(world)
  const coverage = await coverageOf(db)
  const target = graph.ids.numberOf(subject.id)
  if (target === undefined) return { subject, count: 0, counts: [], who: [], coverage, shown: 0 }
  const found = reachedFrom(graph, target)
  const told = Array.from({ length: all ? found.count : Math.min(found.count, MOST_TOLD) }, (_, at) => at)
  const nodes = await nodeViews(
    db,
    graph,
    told.map(index => nodeAt(found, index)),
  )
  const who = nodes.map((node, index) => ({
    name: called(node),
    ref: formatRef(node.ref),
    type: node.type,
    certainty: certaintyAt(found, index),
    hops: depthAt(found, index),
  }))
  const shown = all ? found.count : Math.min(found.count, MOST_SHOWN)
  return { subject, count: found.count, counts: countReached(graph, found), who, coverage, shown }
}

function text({ subject, count, counts, who, coverage, shown }: WhoCan, width: number): string {
  const name = subject.names[0] ?? subject.ref
  if (count === 0)
    return [pc.bold(`Nothing is known that gets to ${name}.`), '', coverageText(coverage, width)].join('\n')
  const columns = [
    { title: 'CERTAINTY' },
    { title: 'HOPS', align: 'right' as const },
    { title: 'TYPE' },
    { title: 'WHO', flexible: true },
  ]
  const rows = who
    .slice(0, shown)
    .map(({ certainty, hops, type, name }) => [certainty, String(hops), type, name])
  return [
    pc.bold(shown < count ? `To ${name} get ${count} things:` : `To ${name} gets:`),
    '',
    ...(shown < count
      ? [countsTable(counts, width), '', pc.bold(`The nearest ${shown}; all are shown with --all:`), '']
      : []),
    table(columns, rows, width),
    '',
    coverageText(coverage, width),
  ].join('\n')
}
