import pc from 'picocolors'
import { z } from 'zod'
import { leaksIn, leaksOf, standingByValue } from '../../act/incident/leaks.ts'
import { type Verified, verifyLeaks } from '../../act/incident/verify.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { formatRef } from '../../core/contract/ref.ts'
import { credentialsInTurn } from '../../know/inventory/queries.ts'
import { stateText } from './state-text.ts'
import { defineOperation, type World } from './operation.ts'
import { ruleFoldersOf } from './own-rules.ts'
import { isoTime, shortFingerprint } from './standing.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  subject: z
    .string()
    .min(1)
    .optional()
    .describe('a credential or identity (name, id, fp_… or reference), or - to paste the secret'),
  all: z.boolean().default(false).describe('every credential that is known, once for all its copies'),
  leakedIn: z
    .string()
    .min(1)
    .optional()
    .describe('everything that stands, or stood, in this document: its path, or the end of it'),
})
type Input = z.infer<typeof input>

interface VerifiedCredential {
  readonly ref: string
  readonly fingerprint: string | null
  readonly kind: string
  readonly preview: string | null
  /** Who was asked; null where nobody could be. */
  readonly asked: string | null
  readonly state: 'live' | 'dead' | 'unknown'
  readonly why: string
  readonly access: readonly string[]
  readonly at: string
}

interface Output {
  readonly credentials: readonly VerifiedCredential[]
}

export const verify = defineOperation<Input, Output>({
  name: 'verify',
  summary: 'Try credentials where they are accepted: live, dead or unknown',
  permission: 'look-up-by-secret',
  input: input as z.ZodType<Input>,
  positional: ['subject'],
  examples: [
    { command: 'firebreak verify fp_3q2mQ1', shows: 'whether one credential is live, and what it opens' },
    { command: 'firebreak verify -', shows: 'the same, of a secret that you paste' },
    { command: 'firebreak verify --leaked-in .env', shows: 'everything that stands in one document' },
    { command: 'firebreak verify --all --json', shows: 'everything known; exit code 1 when any is live' },
  ],
  run,
  text,
  exitCode: ({ credentials }) => (credentials.some(({ state }) => state === 'live') ? 1 : 0),
})

async function run(world: World, { subject, all, leakedIn }: Input): Promise<Output> {
  const { db, io, keys, connections } = world
  if ([subject !== undefined, all, leakedIn !== undefined].filter(Boolean).length !== 1)
    throw new FirebreakError(
      'INVALID_INPUT',
      'what to try is one of three: a credential, a document, or all',
      'firebreak verify REF, firebreak verify - to paste a secret, --leaked-in DOCUMENT, or --all',
    )
  const leaks = all
    ? leaksIn(db, world, standingByValue(credentialsInTurn(db, keys)))
    : each(
        await leaksOf(db, world, {
          ...(leakedIn !== undefined && { leakedIn }),
          ...(subject === '-'
            ? { secret: await world.readSecret('secret: ') }
            : subject !== undefined && { subject }),
        }),
      )
  const verified = await verifyLeaks(db, { io, keys, connections, ...ruleFoldersOf(world) }, leaks, one =>
    world.progress({ kind: 'step', title: `try ${titleOf(one)}`, state: one.verdict.state }),
  )
  return { credentials: verified.map(one => verifiedCredential(one, isoTime(io.now().getTime()))) }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void> {
  yield* items
}

function titleOf({ views, asked }: Verified): string {
  return asked ?? views[0]?.kind ?? 'a value'
}

export function verifiedCredential({ views, verdict, asked }: Verified, at: string): VerifiedCredential {
  const [view] = views
  return {
    ref: view ? formatRef(view.ref) : '',
    fingerprint: view?.publicFingerprint ?? null,
    kind: view?.kind ?? '',
    preview: view?.preview ?? null,
    asked: asked ?? null,
    state: verdict.state,
    why: verdict.why,
    access: verdict.access ?? [],
    at,
  }
}

const ORDER = ['live', 'unknown', 'dead']

function text({ credentials }: Output, width: number): string {
  if (credentials.length === 0) return 'No credentials are known. Start with: firebreak scan PATH'
  const asked = credentials
    .filter(one => one.asked !== null)
    .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
  const rows = asked.map(one => [
    one.fingerprint ? shortFingerprint(one.fingerprint) : one.ref,
    [one.kind, one.preview ?? ''].filter(part => part !== '').join(' '),
    stateText(one.state),
    [one.access.length === 0 ? one.why : one.why.replace(/\.$/, ''), ...one.access].join('; '),
  ])
  const columns = [
    { title: 'ID', flexible: true },
    { title: 'CREDENTIAL', flexible: true },
    { title: 'STATE' },
    { title: 'WHY', flexible: true },
  ]
  const count = (state: string) => asked.filter(one => one.state === state).length
  const untried = Map.groupBy(
    credentials.filter(one => one.asked === null),
    one => one.why,
  )
  return [
    ...(asked.length === 0 ? [] : [table(columns, rows, width), '']),
    pc.bold(
      `Tried ${asked.length} of ${credentials.length}: ${count('live')} live, ${count('dead')} dead, ${count('unknown')} unknown.`,
    ),
    ...(untried.size === 0 ? [] : ['Not tried:']),
    ...[...untried]
      .sort(([, a], [, b]) => b.length - a.length)
      .map(([why, { length }]) => wrap(`${length}: ${why}`, width, '  ', '     ')),
    ...(count('live') === 0 ? [] : ['', `Next: ${pc.cyan('firebreak contain ID')} cuts one off`]),
  ].join('\n')
}
