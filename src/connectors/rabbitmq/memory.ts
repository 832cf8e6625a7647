import { createHash } from 'node:crypto'
import { z } from 'zod'
import { BreakableCalls, brokenFetch } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { Secret } from '../../core/contract/secret.ts'
import { rabbitmqOver } from './connector.ts'
import type { Login } from './server.ts'

/**
 * A RabbitMQ in memory, at the wire: it takes the requests that the connector sends to the management plugin, and its logins over
 * AMQP, and answers as a broker does, so that the connector is run whole. It keeps users, rights and connections, measures a
 * connection only a while after it was opened, can be unreachable, be replaced by another one, and break off
 * a chosen call.
 */
export interface MemoryRabbitmq {
  readonly connector: Connector<Record<string, never>>
  /** Requests and logins. */
  readonly wire: BreakableCalls
  /** Every request. */
  readonly log: readonly string[]
  readonly users: ReadonlyMap<string, MemoryUser>
  /** A request of the administrator to the management plugin: its answer. */
  ask(method: string, path: string, body?: object): { status: number; body: unknown }
  /** Opens a connection as a client would; undefined where the broker refuses. */
  login(user: string, password: Secret): MemorySession | undefined
  /** Another, empty broker takes over the address. */
  replace(): void
  /** Everything that stands, as text, to be compared. */
  snapshot(): string
}

export interface MemoryUser {
  /** In base64: four bytes of salt, then the digest of them with the password. */
  hash: string
  tags: string[]
  readonly limits: Map<string, number>
  /** By virtual host. */
  readonly permissions: Map<string, object>
  /** By virtual host and exchange. */
  readonly topics: Map<string, object>
}

export interface MemorySession {
  readonly name: string
  readonly user: string
  readonly startedMs: number
  alive: boolean
}

export interface MemoryRabbitmqOptions {
  readonly endpoint?: string
  readonly now?: () => number
  /** When a connection is measured, after it was opened. */
  readonly measuredAfterMs?: number
}

const OURS = 'firebreak'
const VHOST = '/'
const SALT = Buffer.from('salt')

export function memoryRabbitmq(options: MemoryRabbitmqOptions = {}): MemoryRabbitmq {
  const { now = Date.now, measuredAfterMs = 5000 } = options
  const [, host = 'memory', port = '5672'] = /^(.+):(\d+)$/.exec(options.endpoint ?? '') ?? []
  const password = new Secret('of our own user')
  const wire = new BreakableCalls(brokenFetch)
  const log: string[] = []
  const users = new Map<string, MemoryUser>()
  let sessions: MemorySession[] = []
  let [brokers, nextPort] = [0, 40_000]

  const start = () => {
    brokers++
    for (const session of sessions) session.alive = false
    sessions = []
    users.clear()
    ask('PUT', `/api/users/${OURS}`, { password: password.revealText(), tags: 'administrator' })
  }

  const end = (gone: (session: MemorySession) => boolean) => {
    for (const session of sessions) if (gone(session)) session.alive = false
    sessions = sessions.filter(({ alive }) => alive)
  }
  const fits = ({ hash }: MemoryUser, given: Secret) => {
    const kept = Buffer.from(hash, 'base64')
    return hash !== '' && hashOf(kept.subarray(0, 4), given) === hash
  }
  /** As the driver raises what the broker says. */
  const begin = (name: string, given: Secret): MemorySession => {
    const user = users.get(name)
    if (!user || !fits(user, given))
      throw new Error('Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED"')
    const most = user.limits.get('max-connections') ?? Infinity
    if (!user.permissions.has(VHOST) || sessions.filter(each => each.user === name).length >= most)
      throw new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>')
    const from = `10.0.0.9:${nextPort++} -> 10.0.0.1:${port}`
    const session = { name: from, user: name, startedMs: now(), alive: true }
    sessions.push(session)
    return session
  }

  const login: Login = async (_config, name, given) =>
    wire.run(() => {
      const { name: own } = begin(name, given)
      end(each => each.name === own)
    })

  const fetchTwin: typeof fetch = async (input, init = {}) => {
    init.signal?.throwIfAborted()
    const { status, body } = wire.run(() => {
      const { pathname } = new URL(String(input))
      log.push(`${init.method} ${pathname} ${String(init.body ?? '')}`)
      const basic = Buffer.from(`${OURS}:${password.revealText()}`).toString('base64')
      if (new Headers(init.headers).get('authorization') !== `Basic ${basic}`)
        return { status: 401, body: { error: 'not_authorized' } }
      const given = init.body === undefined ? undefined : (JSON.parse(String(init.body)) as object)
      return ask(init.method ?? 'GET', pathname, given)
    })
    return new Response(body === undefined ? null : JSON.stringify(body), { status })
  }

  function ask(method: string, path: string, given: object = {}): { status: number; body: unknown } {
    const parts = path.split('/').slice(2).map(decodeURIComponent)
    const named = new Map(Object.entries(given as Record<string, unknown>))
    const asked = `${method} ${parts[0]}${parts.length > 1 ? ` ${parts.length - 1}` : ''}`
    const [, first = '', second = ''] = parts
    const made = (isNew: boolean) => ({ status: isNew ? 201 : 204, body: undefined })
    const listed = (body: unknown) => ({ status: 200, body })
    const done = (was: boolean) => (was ? made(false) : NOT_FOUND)
    const own = (rights: 'permissions' | 'topics') =>
      [...users].flatMap(([user, its]) => [...its[rights].values()].map(each => ({ user, ...each })))
    switch (asked) {
      case 'GET global-parameters 1':
        return listed({ name: first, value: `rabbitmq-cluster-id-${brokers}` })
      case 'GET vhosts':
        return listed([{ name: VHOST, tags: [] }])
      case 'GET users':
        return listed(
          [...users]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, { hash, tags, limits }]) => ({
              name,
              password_hash: hash,
              hashing_algorithm: 'rabbit_password_hashing_sha256',
              tags,
              limits: Object.fromEntries(limits),
            })),
        )
      case 'PUT users 1': {
        const was = users.get(first)
        const text = named.get('password')
        const hash =
          typeof text === 'string' ? hashOf(SALT, new Secret(text)) : String(named.get('password_hash'))
        const tags = String(named.get('tags')).split(',').filter(Boolean)
        if (was) Object.assign(was, { hash, tags })
        else users.set(first, { hash, tags, limits: new Map(), permissions: new Map(), topics: new Map() })
        return made(!was)
      }
      case 'DELETE users 1':
        end(({ user }) => user === first)
        return done(users.delete(first))
      case 'PUT user-limits 2':
        if (!users.has(first))
          return { status: 400, body: { error: 'bad_request', reason: ['no_such_user', first] } }
        users.get(first)!.limits.set(second, Number(named.get('value')))
        return made(false)
      case 'DELETE user-limits 2':
        users.get(first)?.limits.delete(second)
        return made(false)
      case 'GET permissions':
        return listed(own('permissions'))
      case 'GET topic-permissions':
        return listed(own('topics'))
      case 'PUT permissions 2':
      case 'PUT topic-permissions 2': {
        const user = users.get(second)
        if (!user || first !== VHOST)
          return { status: 400, body: { error: 'bad_request', reason: 'vhost_or_user_not_found' } }
        const exchange = named.get('exchange')
        const [kept, key] =
          exchange === undefined ? [user.permissions, first] : [user.topics, `${first} ${String(exchange)}`]
        const isNew = !kept.has(key)
        kept.set(key, { vhost: first, ...given })
        return made(isNew)
      }
      case 'DELETE permissions 2':
        return done(users.get(second)?.permissions.delete(first) === true)
      case 'GET connections':
        return listed(
          sessions
            .filter(({ startedMs }) => startedMs + measuredAfterMs <= now())
            .map(({ name, user, startedMs }) => ({ name, user, vhost: VHOST, connected_at: startedMs })),
        )
      case 'DELETE connections 1': {
        const known = sessions.find(
          ({ name, startedMs }) => name === first && startedMs + measuredAfterMs <= now(),
        )
        end(each => each === known)
        return done(known !== undefined)
      }
      case 'GET connections 2':
        return listed(
          sessions
            .filter(({ user }) => user === second)
            .map(({ name, user }) => ({ name, user, vhost: VHOST })),
        )
      case 'DELETE connections 2':
        end(({ user }) => user === second)
        return made(false)
      default:
        return NOT_FOUND
    }
  }

  const over = rabbitmqOver(login)
  start()
  return {
    connector: {
      ...over,
      summary: 'A RabbitMQ in memory',
      config: z.strictObject({}),
      open: (_, io) =>
        over.open(
          over.config.parse({
            host,
            port: Number(port),
            management: `http://${host}:15672`,
            user: OURS,
            password,
          }),
          { ...io, fetch: fetchTwin },
        ),
    },
    wire,
    log,
    users,
    ask: (method, path, body) => ask(method, `/api/${path}`, body),
    login(user, given) {
      try {
        return begin(user, given)
      } catch {
        return undefined
      }
    },
    replace: start,
    snapshot: () =>
      JSON.stringify([...users], (_, value: unknown) => (value instanceof Map ? [...value].sort() : value)),
  }
}

const NOT_FOUND = { status: 404, body: { error: 'Object Not Found', reason: 'Not Found' } }

function hashOf(salt: Uint8Array, password: Secret): string {
  const digest = createHash('sha256').update(salt).update(password.reveal()).digest()
  return Buffer.concat([salt, digest]).toString('base64')
}
