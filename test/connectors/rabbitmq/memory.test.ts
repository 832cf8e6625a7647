import { connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryRabbitmq } from '../../../src/connectors/rabbitmq/memory.ts'
import { realIo } from '../../../src/core/contract/io.ts'
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

test('who was issued beside a frozen user has its tags again when that one is thawed', async () => {
  const twin = memoryRabbitmq()
  const connection = await twin.connector.open({}, realIo())
  for (const name of ['app', 'app2'])
    for (const [path, body] of principalRequests(name, new Secret(PASSWORD))) twin.ask('PUT', path, body)
  const user = { system: 'rabbitmq', instance: connection.instance, kind: 'user', id: 'app' }
  const issue = async (name: string, like: typeof user) =>
    (await connection.issue!({ name, like, scopes: [], before: null })).ref.id
  const before = await connection.inspect!(user)
  await connection.freeze!(user)
  await connection.freeze!({ ...user, id: 'app2' })
  const [own, other] = [await issue('first', user), await issue('second', { ...user, id: 'app2' })]
  expect(twin.users.get(own)?.tags).toEqual(['monitoring'])
  await connection.thaw!(user, before)
  expect(twin.users.get(own)?.tags).toEqual(['policymaker', 'monitoring'])
  expect(twin.users.get(other)?.tags).toEqual(['monitoring'])
})

describe.skipIf(installed.skip)(`RabbitMQ in memory ${installed.reason}`, () => {
  let server: RabbitmqServer
  beforeAll(async () => {
    server = await startRabbitmq()
  }, 90_000)
  afterAll(() => server?.stop())

  test('answers each request and login as a real broker does', async () => {
    const twin = memoryRabbitmq()
    const prepared = principalRequests('app', new Secret(PASSWORD))
    for (const [method, path, body] of [
      ...prepared.map(([where, what]): (typeof SCRIPT)[number] => ['PUT', where, what]),
      ...SCRIPT,
    ]) {
      const real = method === 'LOGIN' ? await logsIn() : await ask(method, path, body)
      const its =
        method === 'LOGIN'
          ? twin.login(path, new Secret(PASSWORD)) !== undefined
          : twin.ask(method, path, body)
      expect(plain(its), `${method} ${path}`).toEqual(plain(real))
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
function plain(answer: boolean | { body?: unknown }): unknown {
  if (typeof answer === 'boolean' || !Array.isArray(answer.body)) return answer
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
