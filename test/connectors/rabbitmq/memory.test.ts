import { connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryRabbitmq } from '../../../src/connectors/rabbitmq/memory.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { CredentialRef, Ref, State } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { principalRequests } from '../../laws/rabbitmq-world.ts'
import { requireServer } from '../../servers.ts'
import {
  ADMIN,
  availableRabbitmq,
  INSTALL_RABBITMQ,
  type RabbitmqServer,
  startRabbitmq,
} from './rabbitmq-server.ts'

const installed = requireServer('RabbitMQ', availableRabbitmq(), INSTALL_RABBITMQ)
const PASSWORD = 'first'
const RIGHTS = { configure: '^orders', write: '.*', read: '.*' }

/** In order. Where it is `LOGIN`, somebody connects, and stays. */
const SCRIPT: [string, string, object?][] = [
  ['PUT', 'users/app', { password: PASSWORD, tags: 'monitoring' }],
  ['GET', 'users'],
  ['PUT', 'permissions/%2F/app', RIGHTS],
  ['PUT', 'permissions/%2F/nobody', RIGHTS],
  ['PUT', 'permissions/nowhere/app', RIGHTS],
  ['PUT', 'topic-permissions/%2F/nobody', { exchange: 'amq.topic', ...RIGHTS }],
  ['PUT', 'user-limits/nobody/max-channels', { value: 9 }],
  ['PUT', 'user-limits/app/max-connections', { value: 1 }],
  ['GET', 'users'],
  ['GET', 'permissions'],
  ['GET', 'topic-permissions'],
  ['GET', 'vhosts'],
  ['GET', 'connections/username/app'],
  ['LOGIN', 'app'],
  // It is tracked at once, and measured later.
  ['GET', 'connections/username/app'],
  ['GET', 'connections'],
  ['DELETE', 'connections/nothing'],
  ['LOGIN', 'app'],
  ['DELETE', 'connections/username/app'],
  ['GET', 'connections/username/app'],
  ['DELETE', 'connections/username/app'],
  ['GET', 'connections/username/nobody'],
  ['PUT', 'user-limits/app/max-connections', { value: 0 }],
  ['LOGIN', 'app'],
  ['DELETE', 'user-limits/app/max-connections'],
  ['DELETE', 'user-limits/app/max-connections'],
  ['DELETE', 'permissions/%2F/app'],
  ['DELETE', 'permissions/%2F/app'],
  ['LOGIN', 'app'],
  ['PUT', 'permissions/%2F/app', RIGHTS],
  ['PUT', 'users/app', { password_hash: '', tags: '' }],
  ['GET', 'permissions'],
  ['LOGIN', 'app'],
  ['PUT', 'users/app', { password: PASSWORD, tags: '' }],
  ['LOGIN', 'app'],
  ['DELETE', 'users/app'],
  ['DELETE', 'users/app'],
  ['GET', 'users'],
  ['GET', 'permissions'],
  ['GET', 'topic-permissions'],
  ['GET', 'nothing'],
]

test('what was issued beside a frozen user has its tags again when that one is thawed, and nobody else', async () => {
  const { twin, connection, add, issue } = await stage()
  // As far as they can be read their names are one.
  const [user, alike] = [add('app.orders', 'administrator'), add('app-orders', 'administrator')]
  const before = await connection.inspect!(user)
  for (const each of [user, alike]) await connection.freeze!(each)
  const [own, suspended, other] = [
    await issue('first', user),
    await issue('second', user),
    await issue('third', alike),
  ]
  await connection.suspend!(suspended)
  await connection.thaw!(user, before, [own, suspended])
  expect([own, suspended, other].map(({ id }) => twin.users.get(id)?.tags)).toEqual([
    ['administrator'],
    [],
    [],
  ])
})

test('a user that is deleted while it is changed is not there afterwards, whenever that was', async () => {
  const CHANGES: ((
    by: Connection,
    at: { user: Ref; own: CredentialRef; before: State },
  ) => Promise<unknown>)[] = [
    (by, { user, before, own }) => by.thaw!(user, before, [own]),
    (by, { own }) => by.suspend!(own),
    (by, { own, before }) => by.resume!(own, { ...(before as object), name: own.id }),
    (by, { own }) => by.freeze!(own),
    (by, { own }) => by.narrow!(own, []),
    (by, { own }) => by.rotate!(own, { name: 'new', scopes: [], before: null }),
    (by, { own }) => by.revoke!({ ...own, kind: 'password' }),
  ]
  for (const change of CHANGES)
    for (let call = 1, calls = call; call <= calls; call++) {
      const { twin, connection, add, issue } = await stage({ ...realIo(), sleep: async () => {} })
      const user = add('app', 'policymaker,monitoring')
      const before = await connection.inspect!(user)
      await connection.freeze!(user)
      const own = await issue('first', user)
      const run = twin.wire.run.bind(twin.wire)
      calls = -twin.wire.calls
      twin.wire.run = effect => {
        const answer = run(effect)
        if (twin.wire.calls + calls === call) twin.ask('DELETE', `users/${own.id}`)
        return answer
      }
      await change(connection, { user, own, before }).catch((error: unknown) => {
        if (!isFirebreakError(error, 'NOT_FOUND', 'UNSUPPORTED')) throw error
      })
      calls += twin.wire.calls
      expect([...twin.users.keys()], `${change} ${call}`).toEqual(['firebreak', 'app'])
      expect(calls).toBeGreaterThan(0)
    }
})

test('what is issued beside a suspended user is let in', async () => {
  const { twin, connection, add } = await stage()
  const user = add('app', '')
  await connection.suspend!(user)
  const { ref, secret } = await connection.issue!({ name: 'first', like: user, scopes: [], before: null })
  expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'live' })
  expect(twin.users.get(ref.id)?.limits).toEqual(new Map([['max-channels', 9]]))
})

test('sessions are ended as of now at once: nobody waits until they are measured', async () => {
  let now = Date.now()
  const { twin, connection, add } = await stage({
    ...realIo(),
    now: () => new Date(now++),
    sleep: async ms => void (now += ms),
  })
  const user = add('app', '')
  const session = twin.login('app', new Secret(PASSWORD))
  const from = now++
  await connection.endSessions!(user, from)
  expect(session?.alive).toBe(false)
  expect(now - from).toBeLessThan(1000)
})

/** A broker with users that have all kinds of rights. */
async function stage(io = realIo()) {
  const twin = memoryRabbitmq({ now: () => io.now().getTime() })
  const connection = await twin.connector.open({}, io)
  return {
    twin,
    connection,
    add(id: string, tags: string): Ref {
      const password = new Secret(PASSWORD)
      for (const [path, body] of principalRequests(id, password))
        twin.ask('PUT', path, path === `users/${id}` ? { ...body, tags } : body)
      return { system: 'rabbitmq', instance: connection.instance, kind: 'user', id }
    },
    issue: async (name: string, like: Ref): Promise<CredentialRef> =>
      (await connection.issue!({ name, like, scopes: [], before: null })).ref,
  }
}

describe.skipIf(installed.skip)(`RabbitMQ in memory ${installed.reason}`, () => {
  let server: RabbitmqServer
  beforeAll(async () => {
    server = await startRabbitmq()
  })
  afterAll(() => server?.stop())

  test('answers each request and login as a real broker does', async () => {
    const twin = memoryRabbitmq()
    const prepared = principalRequests('app', new Secret(PASSWORD))
    for (const [method, path, body] of [
      ...prepared.map(([where, what]): (typeof SCRIPT)[number] => ['PUT', where, what]),
      ...SCRIPT,
    ]) {
      const what = `${method} ${path}`
      if (method === 'LOGIN')
        expect(twin.login(path, new Secret(PASSWORD)) !== undefined, what).toBe(await logsIn())
      else {
        const its = plain(twin.ask(method, path, body))
        // A busy broker takes a moment to forget a connection that it closed.
        if (method === 'GET')
          await expect.poll(async () => plain(await ask(method, path)), { message: what }).toEqual(its)
        else expect(plain(await ask(method, path, body)), what).toEqual(its)
      }
    }
  })

  async function ask(method: string, path: string, body?: object): Promise<object> {
    const authorization = `Basic ${Buffer.from(`${ADMIN}:${server.adminPassword}`).toString('base64')}`
    const answer = await fetch(`http://127.0.0.1:${server.managementPort}/api/${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
  }

  async function logsIn(): Promise<boolean> {
    try {
      const login = { hostname: '127.0.0.1', port: server.port, username: 'app', password: PASSWORD }
      const opened = await connect({ ...login, vhost: '/' })
      opened.on('error', () => {})
      return true
    } catch {
      return false
    }
  }
})

/** Without what differs between any two brokers, and what nobody reads here. */
function plain(answer: { body?: unknown }): unknown {
  if (!Array.isArray(answer.body)) return answer
  const read = [
    'user',
    'vhost',
    'tags',
    'limits',
    'configure',
    'write',
    'read',
    'exchange',
    'hashing_algorithm',
  ]
  return answer.body
    .filter(({ name }) => ![ADMIN, 'firebreak'].includes(name))
    .filter(({ user }) => user !== ADMIN)
    .map((each: object) => Object.fromEntries(Object.entries(each).filter(([key]) => read.includes(key))))
    .map(each => JSON.stringify(Object.entries(each).sort()))
}
