import pc from 'picocolors'
import { z } from 'zod'
import { isLoopback } from '../../core/contract/loopback.ts'
import { makeJoinToken } from '../../act/broker/attest/join-token.ts'
import type { Broker } from '../../act/broker/broker.ts'
import { startKeeping } from '../../act/broker/ledger/keeping.ts'
import { Keeper } from '../../act/broker/lease/keeper.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import { brokerEndpoints } from './broker/endpoints.ts'
import { workloadApis } from './broker/workload-api.ts'
import { configFile, httpOptions, openBroker } from './broker/open-broker.ts'
import { durationMs } from './duration.ts'
import { defineOperation, type World } from './operation.ts'
import { sayer } from './owner.ts'

const input = z.object({
  listen: z
    .string()
    .default('127.0.0.1:7412')
    .describe('the address and port to listen on; without TLS a loopback one'),
  config: z.string().min(1).optional().describe('its file; without, broker.yaml in FIREBREAK_HOME'),
  join: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('listen nowhere: print a token that makes who brings it first a workload of this name'),
  for: z.string().default('15m').describe('how long the join token is good'),
})
type Input = z.infer<typeof input>

type Output = { readonly joinToken: string; readonly expiresAt: string } | { readonly joinToken?: never }

export const broker = defineOperation<Input, Output>({
  name: 'broker',
  summary: 'Hand out short-lived credentials to workloads that prove who they are',
  permission: 'broker',
  input: input as z.ZodType<Input>,
  examples: [
    { command: 'firebreak broker', shows: 'the broker at work, until control-C' },
    {
      command: 'firebreak broker --join build-7 --for 5m',
      shows: 'a token for a workload that can prove nothing yet; it is good once',
    },
  ],
  run,
  text: output => output.joinToken ?? '',
  json: output => (output.joinToken === undefined ? undefined : output),
})

async function run(world: World, given: Input): Promise<Output> {
  const { db, io } = world
  if (given.join !== undefined) {
    const ttlSeconds = durationMs(given.for) / 1000
    const asked = { subject: given.join, saidBy: sayer(undefined), ttlSeconds }
    const { token, expiresAt } = await makeJoinToken(db, io, asked)
    return { joinToken: token.revealText(), expiresAt: new Date(expiresAt).toISOString() }
  }
  const keeping = await startKeeping(db, world.keys.signer)
  // Two that seal would wait for each other.
  if (keeping) await world.sealer?.pause()
  try {
    const opened = await openBroker(world, configFile(world, given.config), keeping?.keep)
    await serve(world, given, opened, keeping?.died)
  } finally {
    await keeping?.stop()
  }
  return {}
}

/** Until it is interrupted, or nothing is kept any more. */
async function serve(
  world: World,
  { listen }: Input,
  opened: Broker,
  died: Promise<never> | undefined,
): Promise<void> {
  const { db, io } = world
  const { host, port } = addressOf(listen, opened.config.tls !== undefined)
  const told = new Set<string>()
  const onFailure = (error: unknown) => {
    // The same trouble every half second is said once.
    const text = isFirebreakError(error)
      ? error.message
      : `a bug: ${error instanceof Error ? error.name : 'unknown'}`
    if (told.has(text) || io.signal.aborted) return
    told.add(text)
    world.progress({ kind: 'note', text })
  }
  const server = await world.serveHttp(brokerEndpoints(db, opened), {
    ...(await httpOptions(opened)),
    host,
    port,
    onFailure,
  })
  const sockets: { close(): Promise<void> }[] = []
  try {
    for (const api of workloadApis(db, opened, onFailure)) {
      sockets.push(await world.serveWorkloadApi(api))
      world.say({ text: pc.dim(`the Workload API is at unix://${api.socket}`), json: { socket: api.socket } })
    }
    world.say({ text: pc.dim(`the broker listens on ${server.url}`), json: { listening: server.url } })
    const kept = new Keeper(db, opened, onFailure).run()
    await Promise.race(died ? [kept, died] : [kept])
  } finally {
    for (const socket of sockets) await socket.close()
    await server.close()
    await opened.ledger.keepCounted(true)
  }
}

function addressOf(listen: string, hasTls: boolean): { host: string; port: number } {
  const url = URL.canParse(`http://${listen}`) ? new URL(`http://${listen}`) : undefined
  if (!url || !(hasTls || isLoopback(url)) || !/:\d{1,5}$/.test(listen))
    throw new FirebreakError(
      'INVALID_INPUT',
      `${listen} is no ${hasTls ? '' : 'loopback '}address with a port`,
      'give one, as 127.0.0.1:7412; on the network it speaks TLS: see `tls` in docs/broker.md',
    )
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(listen.slice(listen.lastIndexOf(':') + 1)),
  }
}
