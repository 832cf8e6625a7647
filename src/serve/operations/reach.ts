import pc from 'picocolors'
import { z } from 'zod'
import { reach as reachFrom } from '../../know/graph/graph.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { graphOf, hopLines } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { called, type Named, subjectOf } from './subject.ts'

const input = z.object({
  subject: z.string().min(1).describe('a credential or identity: its name, reference or fingerprint'),
})
type Input = z.infer<typeof input>

type Reached = ReturnType<typeof reachFrom>['reached']

interface Reach {
  readonly subject: Named
  readonly reached: Reached
  readonly coverage: Coverage
}

export const reach = defineOperation<Input, Reach>({
  name: 'reach',
  summary: 'Show what a holder of a credential gets to, hop by hop',
  permission: 'read',
  input,
  positional: ['subject'],
  examples: [
    {
      command: 'firebreak reach app_rw',
      shows: 'everything that whoever holds app_rw gets to, with the reason for each hop',
    },
    { command: 'firebreak reach fp_3q2mQ1 --json', shows: 'the same for a credential, as JSON' },
  ],
  run,
  text,
})

async function run(world: World, input: Input): Promise<Reach> {
  const subject = await subjectOf(world, input.subject)
  const { reached } = reachFrom(await graphOf(world), subject.id)
  return { subject, reached, coverage: await coverageOf(world.db) }
}

function text(output: Reach, width: number): string {
  const { subject, reached } = output
  const name = subject.names[0] ?? subject.ref
  const head =
    reached.length === 0
      ? `Nothing is known that a holder of ${name} gets to.`
      : `Whoever holds ${name} gets to:`
  const things = reached.flatMap(thing => [
    `${certaintyText(thing.certainty)}  ${pc.bold(called(thing))} ${pc.dim(`(${thing.type})`)}`,
    ...hopLines(thing.hops, width),
  ])
  return [
    pc.bold(head),
    '',
    ...things,
    ...(things.length > 0 ? [''] : []),
    coverageText(output.coverage, width),
  ].join('\n')
}

function certaintyText(certainty: string): string {
  const padded = certainty.padEnd('conditional'.length)
  return certainty === 'proven' ? pc.red(padded) : pc.yellow(padded)
}
