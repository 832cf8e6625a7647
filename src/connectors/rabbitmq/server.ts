import { createHash } from 'node:crypto'
import { z } from 'zod'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import type { CredentialRef, Ref } from '../../core/contract/ref.ts'
import { refusedBy, type Statuses } from '../../core/contract/refused.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { RabbitmqConfig } from './config.ts'

/** A broker as our own user sees it through its management plugin. */
export interface Server {
  readonly config: RabbitmqConfig
  readonly io: Io
  readonly instance: string
  readonly login: Login
}

/** Logs in over AMQP and out again, or rejects as the driver does. */
export type Login = (config: RabbitmqConfig, user: string, password: Secret, vhost: string) => Promise<void>

/** At a real broker. */
export const login: Login = async (config, user, password, vhost) => {
  const { connect } = await import('amqplib')
  const opened = await connect(
    {
      protocol: config.tls ? 'amqps' : 'amqp',
      hostname: config.host,
      port: config.port,
      username: user,
      password: password.revealText(),
      vhost,
    },
    { timeout: config.timeoutMs, clientProperties: { connection_name: 'firebreak' } },
  )
  opened.on('error', () => {})
  await opened.close()
}

const STATUSES: Statuses = {
  400: ['UNSUPPORTED', 'the broker does not take that'],
  401: ['DENIED', 'our own user was refused', 'Set user and password of an administrator.'],
  403: ['DENIED', 'our own user may not do that', 'It needs the tag administrator.'],
  404: ['NOT_FOUND', 'there is no such thing'],
  429: ['RATE_LIMITED', 'the broker asks to slow down'],
}
const MOST_BYTES = 64 * 2 ** 20
const cluster = z.object({ value: z.string().min(1) })

export async function openServer(config: RabbitmqConfig, io: Io, way: Login): Promise<Server> {
  return { config, io, instance: await instanceAt(config, io), login: way }
}

/** Raises CONFLICT where another broker answers by now. */
export async function mustBeSame({ config, io, instance }: Server): Promise<void> {
  if ((await instanceAt(config, io)) === instance) return
  throw new FirebreakError(
    'CONFLICT',
    `${config.management} is another broker now`,
    'Find out which one answers there; connect it anew if it is meant.',
  )
}

/** A cluster makes itself an id when it starts for the first time. */
async function instanceAt(config: RabbitmqConfig, io: Io): Promise<string> {
  const { value } = cluster.parse(
    await call({ config, io }, 'GET', '/api/global-parameters/internal_cluster_id'),
  )
  return createHash('sha256').update(value).digest('hex').slice(0, 32)
}

/** What one request is answered. */
export async function call(...asked: Parameters<typeof ask>): Promise<unknown> {
  return (await ask(...asked)).body
}

/** One request, and its answer with the status: 201 where a PUT made what was not there. Parts of a path are encoded by `path`. */
export async function ask(
  { config, io }: Pick<Server, 'config' | 'io'>,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  where: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const doing = `${method} ${where}`
  const login = Buffer.from(`${config.user}:${config.password.revealText()}`).toString('base64')
  let answer: Response
  try {
    answer = await io.fetch(`${config.management.replace(/\/$/, '')}${where}`, {
      method,
      headers: { authorization: `Basic ${login}`, 'content-type': 'application/json' },
      redirect: 'error',
      signal: AbortSignal.any([io.signal, AbortSignal.timeout(config.timeoutMs)]),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    if (isFirebreakError(error)) throw error
    throw new FirebreakError('UNREACHABLE', `${doing}: ${networkReason(error)}`)
  }
  const text = await answer.text()
  if (!answer.ok) throw refusedBy(STATUSES, answer.status, doing)
  if (text.length > MOST_BYTES) throw new FirebreakError('UNSUPPORTED', `${doing}: the answer is too large`)
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

export function path(...parts: readonly string[]): string {
  return `/api/${parts.map(encodeURIComponent).join('/')}`
}

const user = z.object({
  name: z.string(),
  password_hash: z.string().default(''),
  tags: z.union([z.array(z.string()), z.string().transform(text => text.split(',').filter(Boolean))]),
  limits: z
    .record(z.string(), z.number())
    .or(z.array(z.unknown()).transform((): Record<string, number> => ({})))
    .default({}),
})
const permission = z.object({
  user: z.string(),
  vhost: z.string(),
  configure: z.string(),
  write: z.string(),
  read: z.string(),
})
const topic = z.object({
  user: z.string(),
  vhost: z.string(),
  exchange: z.string(),
  write: z.string(),
  read: z.string(),
})
const tracked = z.object({ name: z.string(), vhost: z.string().optional() })
const measured = z.object({
  name: z.string(),
  user: z.string().optional(),
  connected_at: z.number().optional(),
})

export type User = z.infer<typeof user>
export type Permission = z.infer<typeof permission>
export type TopicPermission = z.infer<typeof topic>

/** A connection of a user. */
export interface Client extends z.infer<typeof tracked> {
  /** Told seconds later than the connection itself, by what measures them (`collect_statistics_interval`). */
  readonly connected_at?: number | undefined
}

export async function listUsers(server: Server): Promise<User[]> {
  return z.array(user).parse(await call(server, 'GET', '/api/users'))
}

export async function findUser(server: Server, name: string): Promise<User | undefined> {
  return (await listUsers(server)).find(each => each.name === name)
}

export async function mustFindUser(server: Server, name: string): Promise<User> {
  const found = await findUser(server, name)
  if (!found) throw new FirebreakError('NOT_FOUND', `there is no user ${name}`)
  return found
}

export async function listPermissions(server: Server): Promise<Permission[]> {
  return z.array(permission).parse(await call(server, 'GET', '/api/permissions'))
}

export async function listTopicPermissions(server: Server): Promise<TopicPermission[]> {
  return z.array(topic).parse(await call(server, 'GET', '/api/topic-permissions'))
}

/** All that stand at this moment. */
export async function listClients(server: Server, name: string): Promise<Client[]> {
  const all = z.array(tracked).parse(await call(server, 'GET', path('connections', 'username', name)))
  if (all.length === 0) return []
  const told = z.array(measured).parse(await call(server, 'GET', '/api/connections'))
  const began = new Map(told.map(each => [each.name, each.connected_at]))
  return all.map(each => ({ ...each, connected_at: began.get(each.name) }))
}

export function refOf(instance: string, kind: string, id: string): Ref {
  return { system: 'rabbitmq', instance, kind, id }
}

export function credentialRef(instance: string, name: string): CredentialRef {
  return { ...refOf(instance, 'password', name), identity: refOf(instance, 'user', name) }
}

/** Raises UNSUPPORTED or CONFLICT for a reference to anything but a user or its password. */
export function userName({ instance }: Server, ref: Ref): string {
  if (ref.system !== 'rabbitmq' || !['user', 'password'].includes(ref.kind))
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is neither a user nor a password here`)
  if (ref.instance !== instance)
    throw new FirebreakError(
      'CONFLICT',
      'the reference is to another broker',
      'Use the connection of that one.',
    )
  return ref.id
}

export function mustNotBeUs({ config }: Server, name: string): void {
  if (name !== config.user) return
  throw new FirebreakError(
    'CONFLICT',
    `${name} is whom this connection logs in as: we would cut ourselves off`,
    'Open a connection as another administrator and act through that.',
  )
}
