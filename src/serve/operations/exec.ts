import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import process from 'node:process'
import { z } from 'zod'
import { TOKEN_VARIABLE } from '../../act/broker/client/platform-token.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import { sleep } from '../../core/contract/io.ts'
import { durationMs } from './duration.ts'
import { type Handed, handOver } from './exec-environment.ts'
import { type CommandLease, leaseOf, ownLease, whichBroker } from './exec-lease.ts'
import { defineOperation, type World } from './operation.ts'

const LEAST_WAIT_MS = 500
/** A timer takes no longer time. */
const LONGEST_WAIT_MS = 24 * 3_600_000

const input = z.object({
  command: z.array(z.string()).min(1).describe('what to run, after --'),
  for: z.string().min(1).describe('the lease that it needs, as broker.yaml names it'),
  task: z.string().min(1).max(256).optional().describe('what it is for: policies see it, and it is recorded'),
  ttl: z
    .string()
    .optional()
    .describe(
      'for how long at most: 90s, 10m; without, the lease’s own time, and renewed while the command runs',
    ),
  scope: z.array(z.string()).default([]).describe('fewer scopes than the lease has; all of them without'),
  ...whichBroker,
})
type Input = z.infer<typeof input>

interface Ran {
  readonly exit: number
  readonly failures: readonly Error[]
}

export const exec = defineOperation<Input, Ran>({
  name: 'exec',
  summary: 'Run a command with a credential that ends with it',
  permission: 'lease',
  input: input as z.ZodType<Input>,
  positional: ['command'],
  examples: [
    {
      command: "firebreak exec --for postgres:orders/read --task sum -- psql -c 'select 1'",
      shows: 'psql, logged in by its environment as a role that is gone when it ends',
    },
    {
      command: 'firebreak exec --broker https://nhi.example --for postgres:orders -- ./job',
      shows: 'the same in a job elsewhere, by the token that its platform gave it',
    },
  ],
  needsStore: ({ broker }) => broker === undefined,
  run,
  text: () => '',
  json: () => undefined,
  exitCode: ({ exit }) => exit,
  failures: ({ failures }) => failures,
})

async function run(world: World, given: Input): Promise<Ran> {
  const { for: name, task, scope: scopes, ttl, broker, token, audience } = given
  if (broker === undefined && (token ?? audience) !== undefined)
    throw new FirebreakError(
      'INVALID_INPUT',
      'a token is presented to a broker elsewhere only',
      'name it: --broker',
    )
  const wish = {
    name,
    scopes,
    ...(ttl !== undefined && { ttlSeconds: durationMs(ttl) / 1000 }),
    ...(task !== undefined && { task }),
  }
  const lease =
    broker === undefined
      ? await ownLease(world, given.config, wish)
      : await leaseOf(world, { broker, token, audience }, wish)
  if (lease.standing)
    world.progress({
      kind: 'note',
      text: `${name} is a standing secret: it stays good when the lease ends, until it is changed`,
    })
  let child: ReturnType<typeof spawn> | undefined
  const pending: NodeJS.Signals[] = []
  const release = world.takeSignals(signal => {
    // Of a terminal's control-C the command hears by itself.
    if (signal === 'SIGINT' && process.stdin.isTTY) return
    if (child) child.kill(signal)
    else pending.push(signal)
  })
  const failures: Error[] = []
  const over = new AbortController()
  let keeping: Promise<void> | undefined
  let exit: number
  let handed: Handed | undefined
  try {
    handed = await handOver(lease.given())
    const [file = '', ...parameters] = given.command
    // What it was got by is the wrapper's.
    const { [TOKEN_VARIABLE]: _, ...inherited } = process.env
    child = spawn(file, parameters, { stdio: 'inherit', env: { ...inherited, ...handed.env } })
    for (const signal of pending) child.kill(signal)
    const kept = { world, lease, handed, renews: ttl === undefined, over: over.signal }
    keeping = keep(kept).catch(error => void failures.push(error as Error))
    exit = await exited(child)
  } finally {
    over.abort()
    await keeping
    await handed?.remove()
    await lease.end('its command has ended').catch(error => {
      if (!isFirebreakError(error)) throw error
      failures.push(error)
    })
    release()
    await lease.settled()
  }
  return { exit, failures }
}

/** While the command runs: its lease is renewed until it cannot be, and ended at its time. */
async function keep({
  world,
  lease,
  handed,
  renews,
  over,
}: {
  readonly world: World
  readonly lease: CommandLease
  readonly handed: Handed
  readonly renews: boolean
  readonly over: AbortSignal
}): Promise<void> {
  const note = (text: string) => world.progress({ kind: 'note', text })
  const left = () => lease.given().notAfter - world.io.now().getTime()
  const waited = (ms: number) =>
    sleep(Math.min(ms, LONGEST_WAIT_MS), over).then(
      () => true,
      () => false,
    )
  for (let willRenew = renews; willRenew; ) {
    // So that it can be tried some times more before it is too late.
    if (!(await waited(Math.max(LEAST_WAIT_MS, left() / 2)))) return
    if (left() <= 0) break
    try {
      willRenew = await lease.renew()
      if (willRenew) await handed.replace(lease.given().secret)
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      willRenew = error.retryable
      if (!willRenew) note(`the lease is not renewed: ${error.message}`)
    }
  }
  while (left() > 0) if (!(await waited(left()))) return
  note('the lease’s time is over: its credential is ended')
  await lease.end('its time is over')
}

function exited(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', error => {
      reject(
        new FirebreakError(
          'NOT_FOUND',
          `the command cannot be run: ${systemReason(error)}`,
          'give a program, after --',
        ),
      )
    })
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}
