import pc from 'picocolors'
import { z } from 'zod'
import { formatRef } from '../../core/contract/ref.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { stateText } from './state-text.ts'
import { defineOperation, type World } from './operation.ts'
import { factLines, saidFacts, type ShownFact } from './shown-fact.ts'
import { type Standing, sourceNames, standingsOf, standsNow, whereOf } from './standing.ts'
import { called, credentialsOf } from './subject.ts'
import { table } from './table.ts'

const input = z.object({
  subject: z
    .string()
    .min(1)
    .describe(
      'a fingerprint, name or reference as ls shows it; - reads the secret itself from standard input',
    ),
})
type Input = z.infer<typeof input>

interface Trace {
  readonly credentials: readonly {
    ref: string
    fingerprint: string | null
    kind: string
    preview: string | null
    identity: string | null
    state: string
    /** What it says of itself. */
    facts: readonly ShownFact[]
    copies: readonly Standing[]
  }[]
  readonly coverage: Coverage
}

export const trace = defineOperation<Input, Trace>({
  name: 'trace',
  summary: 'Show every place where one credential stands',
  permission: 'look-up-by-secret',
  input,
  positional: ['subject'],
  examples: [
    { command: 'firebreak trace -', shows: 'asks for the secret without echo, and shows every copy of it' },
    { command: 'firebreak trace - < leaked.txt', shows: 'the same, from a file' },
    { command: 'firebreak trace fp_3q2mQ1', shows: 'the same by fingerprint, whole or its beginning' },
  ],
  run,
  text,
})

async function run(world: World, { subject }: Input): Promise<Trace> {
  const views = await credentialsOf(world, subject)
  const names = await sourceNames(world.db)
  return {
    credentials: views.map(view => ({
      ref: formatRef(view.ref),
      fingerprint: view.publicFingerprint ?? null,
      kind: view.kind,
      preview: view.preview ?? null,
      identity: view.identity ? called(view.identity) : null,
      state: view.state,
      facts: saidFacts(view, names, world.io.now().getTime()),
      copies: standingsOf(view, names),
    })),
    coverage: await coverageOf(world.db),
  }
}

function text(output: Trace, width: number): string {
  const parts = output.credentials.flatMap(credential => {
    const { copies } = credential
    const title = [credential.kind, credential.preview, credential.fingerprint]
      .filter(part => part !== null)
      .join('  ')
    const whose = credential.identity === null ? 'nobody it is known of' : credential.identity
    return [
      pc.bold(title),
      `of ${whose}, ${stateText(credential.state)}`,
      ...factLines(credential.facts, width),
      '',
      copies.length === 0 ? 'No copy of it stands anywhere that was searched.' : copiesTable(copies, width),
      '',
    ]
  })
  if (output.credentials.length === 0)
    parts.push(pc.bold('This secret stands nowhere that was searched.'), '')
  const isOver = output.credentials.every(({ state }) => state === 'dead')
  const next = `Next: ${pc.cyan('firebreak reach ID')}, or ${pc.cyan('firebreak contain ID --dry-run')}`
  return [...parts, coverageText(output.coverage, width), ...(isOver ? [] : ['', next])].join('\n')
}

/** Every copy on a row of its own: a trace leaves nothing to be summed up. */
export function copiesTable(copies: readonly Standing[], width: number): string {
  const columns = [
    { title: 'WHERE', flexible: true },
    { title: 'IN' },
    { title: 'COMMIT' },
    { title: 'AUTHOR', flexible: true },
    { title: 'DATE' },
    { title: 'STANDS' },
  ]
  const rows = copies.map(copy => [
    whereOf(copy),
    copy.reportedBy === undefined ? copy.place.slice(0, copy.place.indexOf(':')) : 'report',
    copy.commit?.slice(0, 8) ?? '',
    copy.author?.replace(/ <.*/, '') ?? '',
    copy.date?.slice(0, 10) ?? '',
    copy.goneAt !== null ? 'gone' : standsNow(copy) ? 'now' : 'history',
  ])
  return table(columns, rows, width)
}
