import pc from 'picocolors'
import { z } from 'zod'
import { formatRef } from '../../core/contract/ref.ts'
import { reachedFrom } from '../../know/graph/search.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { graphOf, numberOf } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { called, type Named, subjectOf } from './subject.ts'
import { table } from './table.ts'

const input = z.object({
  subject: z.string().min(1).describe('what may be got to: an identity, credential or resource'),
})
type Input = z.infer<typeof input>

interface WhoCan {
  readonly subject: Named
  readonly who: readonly { name: string; ref: string; type: string; certainty: string; hops: number }[]
  readonly coverage: Coverage
}

export const whoCan = defineOperation<Input, WhoCan>({
  name: 'who-can',
  summary: 'Show everything from which one thing is reached',
  permission: 'read',
  input,
  positional: ['subject'],
  examples: [
    { command: 'firebreak who-can app_rw', shows: 'who gets to app_rw, the surest and nearest first' },
  ],
  run,
  text,
})

async function run(world: World, input: Input): Promise<WhoCan> {
  const subject = await subjectOf(world, input.subject)
  const graph = await graphOf(world)
  const number = numberOf(graph, subject.id)
  const who = number === undefined ? [] : reachedFrom(graph, number)
  return {
    subject,
    who: who.map(({ node, certainty, distance }) => {
      const thing = graph.nodes[node]!
      return { name: called(thing), ref: formatRef(thing.ref), type: thing.type, certainty, hops: distance }
    }),
    coverage: await coverageOf(world.db),
  }
}

function text({ subject, who, coverage }: WhoCan, width: number): string {
  const name = subject.names[0] ?? subject.ref
  if (who.length === 0)
    return [pc.bold(`Nothing is known that gets to ${name}.`), '', coverageText(coverage, width)].join('\n')
  const columns = [
    { title: 'CERTAINTY' },
    { title: 'HOPS', align: 'right' as const },
    { title: 'TYPE' },
    { title: 'WHO', flexible: true },
  ]
  const rows = who.map(({ certainty, hops, type, name }) => [certainty, String(hops), type, name])
  return [
    pc.bold(`To ${name} gets:`),
    '',
    table(columns, rows, width),
    '',
    coverageText(coverage, width),
  ].join('\n')
}
