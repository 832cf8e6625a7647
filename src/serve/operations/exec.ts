import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import process from 'node:process'
import { z } from 'zod'
import type { Broker } from '../../act/broker/broker.ts'
import { endLease } from '../../act/broker/end-lease.ts'
import { Keeper } from '../../act/broker/keeper.ts'
import { type Granted, issueLease } from '../../act/broker/lease.ts'
import { OauthError } from '../../act/broker/oauth-error.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { holderName } from '../../core/store/holder.ts'
import { configFile, openBroker } from './broker/open-broker.ts'
import { durationMs } from './duration.ts'
import { type Handed, handOver } from './exec-environment.ts'
import { defineOperation, type World } from './operation.ts'
import { sayer } from './owner.ts'

const input = z.object({
  command: z.array(z.string()).min(1).describe('what to run, after --'),
  for: z.string().min(1).describe('the lease that it needs, as broker.yaml names it'),
  task: z.string().min(1).max(256).optional().describe('what it is for: policies see it, and it is recorded'),
  ttl: z.string().optional().describe('for how long at most: 90s, 10m; the lease’s own time without'),
  scope: z.array(z.string()).default([]).describe('scopes of an access token'),
  config: z.string().min(1).optional().describe('the broker’s file; without, broker.yaml in FIREBREAK_HOME'),
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
      command: "firebreak exec --for postgres:orders/read --task report -- psql -c 'select 1'",
      shows: 'psql, logged in by its environment as a role that is gone when it ends',
    },
  ],
  run,
  text: () => '',
  json: () => undefined,
  exitCode: ({ exit }) => exit,
  failures: ({ failures }) => failures,
})

async function run(world: World, given: Input): Promise<Ran> {
  const { db, io } = world
  const broker = await openBroker(world, configFile(world, given.config))
  // What a command that was killed left behind ends here, if no broker is there to end it.
  const keeper = new Keeper(db, broker, () => {})
  await keeper.sweep()
  const granted = await lease(world, broker, given)
  let child: ReturnType<typeof spawn> | undefined
  const pending: NodeJS.Signals[] = []
  const release = world.takeSignals(signal => {
    // Of a terminal's control-C the command hears by itself.
    if (signal === 'SIGINT' && process.stdin.isTTY) return
    if (child) child.kill(signal)
    else pending.push(signal)
  })
  const failures: Error[] = []
  let exit: number
  let handed: Handed | undefined
  try {
    handed = await handOver(granted)
    const [file = '', ...parameters] = given.command
    child = spawn(file, parameters, {
      stdio: 'inherit',
      env: { ...process.env, ...handed.env },
    })
    for (const signal of pending) child.kill(signal)
    const over = setTimeout(
      () => {
        world.progress({ kind: 'note', text: 'the lease’s time is over: its credential is ended' })
        endLease(db, broker, granted.lease.id, 'its time is over').catch(error =>
          failures.push(error as Error),
        )
      },
      Math.max(0, granted.lease.not_after - io.now().getTime()),
    )
    exit = await exited(child).finally(() => clearTimeout(over))
  } finally {
    await handed?.remove()
    const ended = await endLease(db, broker, granted.lease.id, 'its command has ended')
    if (ended.state === 'ending')
      failures.push(
        new FirebreakError(
          'STUCK',
          `the lease ${ended.id} could not be ended`,
          'firebreak lease revoke tries it again; a broker that runs does so by itself',
        ),
      )
    release()
    await keeper.settled()
  }
  return { exit, failures }
}

async function lease(world: World, broker: Broker, given: Input): Promise<Granted> {
  // Who may open the database may do all that can be done here: the operating system has attested the user.
  const workload = { issuer: 'local', subject: sayer(undefined), claims: {} }
  try {
    return await issueLease(world.db, broker, workload, {
      name: given.for,
      holder: holderName(),
      scopes: given.scope,
      ...(given.ttl !== undefined && { ttlSeconds: durationMs(given.ttl) / 1000 }),
      ...(given.task !== undefined && { task: given.task }),
    })
  } catch (error) {
    if (!(error instanceof OauthError)) throw error
    const code =
      error.code === 'temporarily_unavailable'
        ? 'UNREACHABLE'
        : error.code === 'access_denied' || error.code === 'authorization_pending'
          ? 'DENIED'
          : 'INVALID_INPUT'
    throw new FirebreakError(
      code,
      `no lease of ${given.for}: ${error.message} (${error.code})`,
      'firebreak policy explain shows what it is decided by',
    )
  }
}

function exited(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', error => {
      const code = 'code' in error ? String(error.code) : error.name
      reject(
        new FirebreakError('NOT_FOUND', `the command cannot be run (${code})`, 'give a program, after --'),
      )
    })
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}
