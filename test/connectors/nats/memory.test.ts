import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Account,
  Algorithms,
  createAccount,
  createOperator,
  createUser,
  decode,
  encode,
  encodeUser,
  fmtCreds,
  fromPublic,
  type KeyPair,
} from '@nats-io/jwt'
import { credsAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nats } from '../../../src/connectors/nats/connector.ts'
import { memoryNats, type MemoryNatsOptions } from '../../../src/connectors/nats/memory.ts'
import { answered, logIn, type LogIn, type Opened } from '../../../src/connectors/nats/server.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { collect } from '../../laws/collect.ts'
import { PATIENCE_MS } from '../../laws/world.ts'
import { requireServer } from '../../servers.ts'
import { makeNatsKeys, type NatsKeys } from './nats-keys.ts'
import { availableNats, INSTALL_NATS, type NatsServer, startNats } from './nats-server.ts'

const installed = requireServer('NATS', availableNats(), INSTALL_NATS)
const HOUR = 3600
const UPDATE = '$SYS.REQ.CLAIMS.UPDATE'

describe('the connector, over NATS in memory', () => {
  let home: string
  let keys: NatsKeys
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'firebreak-nats-'))
    keys = await makeNatsKeys(home, { orders: { pub: { allow: ['orders.>'] } }, stock: {} })
  })
  afterAll(() => rm(home, { recursive: true, force: true }))

  const twinOf = (more: Partial<MemoryNatsOptions> = {}) =>
    memoryNats({ trusted: keys.trusted, path: keys.keys, account: keys.account, ...more })
  const role = (name: string) => ({
    system: 'nats',
    instance: keys.account,
    kind: 'role',
    id: keys.roles[name]!,
  })
  const wantOf = (name: string) => ({
    name,
    like: { ...role('stock'), identity: role('stock') },
    scopes: [],
    ttlSeconds: 60,
    before: null,
  })

  test('who says that it has another’s key is told of as the user whose token it has', async () => {
    const twin = twinOf()
    const connection = await twin.connector.open({}, realIo())
    const [{ user, credentials }, other] = [await keys.sign('orders'), createUser().getPublicKey()]
    const own = credsAuthenticator(Buffer.from(credentials))
    const client = await twin.logIn(configOf(keys), nonce => ({ ...Object(own(nonce)), nkey: other }))
    const uses = await collect(connection.sessions!(role('orders')))
    expect(uses.map(({ credential }) => credential?.id)).toEqual([user])
    await client.close()
    await connection.close()
  })

  test('a role that may publish nothing is said to, and to subscribe to everything', async () => {
    const connection = await twinOf().connector.open({}, realIo())
    const { ref, secret } = await connection.issue!(wantOf('run-1:issue'))
    const { access } = await connection.verify!(ref, secret)
    expect(access).toEqual(['publishes to nothing', 'subscribes to everything'])
    const edges = (await collect(connection.discover!())).flatMap(each =>
      each.see === 'edge' && each.from.id === keys.roles['stock'] ? [[each.crossing, each.certainty]] : [],
    )
    expect(edges).toEqual([['may-read', 'proven']])
    await connection.close()
  })

  test('in the second of its end a user is let in and cut off, and tried once more after it', async () => {
    let [at, slept] = [Date.now(), 0]
    const io = {
      ...realIo(),
      now: () => new Date(at),
      sleep: async (ms: number) => {
        slept += ms
        at += ms
      },
    }
    const twin = twinOf({ now: () => at })
    const connection = await twin.connector.open({}, io)
    const { ref, secret, notAfter } = await connection.issue!(wantOf('run-2:issue'))
    const client = await twin.logIn(configOf(keys), credsAuthenticator(secret.reveal()))
    at = notAfter! - 1
    expect([client.isClosed(), (await connection.verify!(ref, secret)).state]).toEqual([false, 'live'])
    at = notAfter! + 100
    expect([client.isClosed(), (await connection.verify!(ref, secret)).state]).toEqual([true, 'dead'])
    expect(slept).toBeGreaterThan(0)
    await connection.close()
  })

  test('an account that the server has not, and a user of ours that may not ask, are said to be what they are', async () => {
    const account = createAccount().getPublicKey()
    await expect(twinOf({ account }).connector.open({}, realIo())).rejects.toThrow(
      'the server has no account',
    )
    const path = await keys.anotherFolder({ withRoles: true, poses: false })
    for (const [name, code] of [
      ['orders', 'DENIED'],
      [undefined, 'UNSUPPORTED'],
    ] as const) {
      await writeFile(join(path, 'system.creds'), (await keys.sign(name)).credentials)
      const opened = twinOf({ path }).connector.open({}, realIo())
      await expect(opened).rejects.toMatchObject({ code })
    }
  })
})

describe.skipIf(installed.skip)(`NATS in memory ${installed.reason}`, () => {
  let server: NatsServer
  beforeAll(async () => {
    server = await startNats({ orders: { pub: { allow: ['orders.>'] } }, stock: {} })
  })
  afterAll(() => server?.stop())

  test('answers each login and request as a real server does, and cuts off the same clients', async () => {
    const twin = memoryNats({ trusted: server.trusted, path: server.keys, account: server.account })
    const config = configOf(server, { host: '127.0.0.1', port: server.port })
    const [real, its] = [clientsOver(logIn), clientsOver(twin.logIn)]
    for (const [who, ...what] of await script()) {
      const asked = `${who} ${what.length > 1 ? what.join(' ') : 'logs in'}`
      const said = await its.perform(who, what, PATIENCE_MS)
      // Only where no answer is to come it is not waited for long.
      const patienceMs = String(said).includes('TimeoutError') ? 1000 : PATIENCE_MS
      expect(await real.perform(who, what, patienceMs), asked).toEqual(said)
      // Whom it cuts off hears of it after who asked for it has its answer.
      await expect.poll(() => real.connected(), { message: asked }).toEqual(await its.connected())
    }
    await real.close()

    /** Those who are let in stay, by what they are called. */
    function clientsOver(way: LogIn) {
      const held = new Map<string, Opened>()
      const perform = async (who: string, [first, body]: string[], timeout: number): Promise<unknown> => {
        try {
          if (body !== undefined)
            return plain((await held.get(who)!.request(first!, body, { timeout })).string())
          const opened = await way(config, credsAuthenticator(Buffer.from(first!)))
          await answered(opened, timeout)
          held.set(who, opened)
          return 'in'
        } catch (error) {
          return namesOf(error)
        }
      }
      const connected = async () => {
        const open = [...held].filter(([, each]) => !each.isClosed())
        await Promise.allSettled(open.map(([, each]) => answered(each, PATIENCE_MS)))
        return open.filter(([, each]) => !each.isClosed()).map(([name]) => name)
      }
      return {
        perform,
        connected,
        close: () => Promise.all([...held.values()].map(each => each.close())),
      }
    }
  })

  /** In order: who logs in with which credentials, and stays; or who asks what. */
  async function script(): Promise<[who: string, ...what: [string] | [subject: string, body: string]][]> {
    const now = Math.floor(Date.now() / 1000)
    const { account, sign } = server
    const of = (subject: string, which = account) => `$SYS.REQ.ACCOUNT.${which}.${subject}`
    const page = (limit: number, offset: number, auth = true) => JSON.stringify({ auth, limit, offset })
    const current = decode<Account>(server.trusted.accounts[account]!)
    const pushed = async (more: Partial<Account>, by: KeyPair = server.operator) =>
      await encode(
        Algorithms.v2,
        { ...current, aud: 'NATS', jti: '', iat: 0, nats: { ...current.nats, ...more } },
        by,
      )
    const [orders, stock, owner] = await Promise.all([sign('orders'), sign('stock'), sign()])
    const [other, user] = [createUser(), createUser()]
    const tokenOf = (credentials: string) => credentials.split('\n')[1]!
    const nobody = createAccount().getPublicKey()
    const signedBy = async (signer: KeyPair) =>
      text(await encodeUser('x', user, fromPublic(account), {}, { scopedUser: true, signer }), user)
    const tampered = orders.credentials.replace(/\.[\w-]{4}(?=[\w-]*\n)/, '.AAAA')
    return [
      ['system', await readFile(join(server.keys, 'system.creds'), 'utf8')],
      ['orders', orders.credentials],
      ['stock', stock.credentials],
      ['owner', owner.credentials],
      ['with the key of another', text(tokenOf(orders.credentials), other)],
      ['with another token', tampered],
      ['with the token of an account', text(server.trusted.accounts[account]!, user)],
      ['of nobody', await signedBy(createAccount())],
      ['of another account', text(await encodeUser('x', user, createAccount(), {}), user)],
      ['of a role, with rights of its own', (await sign('orders', { pub: { allow: ['>'] } })).credentials],
      ['of a role, with limits of its own', (await sign('orders', {}, { scopedUser: false })).credentials],
      ['of a role, with nothing of its own', (await sign('orders', { pub: {}, subs: 0 })).credentials],
      ['over', (await sign('orders', {}, { exp: now - 2 })).credentials],
      ['for a while', (await sign('orders', {}, { exp: now + HOUR })).credentials],
      ['to come', (await sign('orders', {}, { nbf: now + HOUR })).credentials],
      ['who bears', text(tokenOf((await sign(undefined, { bearer_token: true })).credentials), other)],
      ['system', of('CLAIMS.LOOKUP'), ''],
      ['system', of('CLAIMS.LOOKUP', nobody), ''],
      ['system', of('CONNZ'), page(10, 0)],
      ['system', of('CONNZ'), page(2, 0)],
      ['system', of('CONNZ'), page(2, 2)],
      ['system', of('CONNZ'), page(2, 90)],
      ['system', of('CONNZ'), page(10, 0, false)],
      ['system', of('CONNZ', nobody), page(10, 0)],
      ['system', of('CONNZ', server.trusted.systemAccount), page(10, 0)],
      ['system', '$SYS.REQ.NOTHING', ''],
      ['owner', of('CLAIMS.LOOKUP'), ''],
      ['owner', of('CONNZ'), page(10, 0)],
      ['owner', UPDATE, await pushed({})],
      ['stock', of('CLAIMS.LOOKUP'), ''],
      ['orders', of('CLAIMS.LOOKUP'), ''],
      ['orders', 'orders', ''],
      ['orders', 'orders.new', ''],
      ['system', UPDATE, 'no token'],
      ['system', UPDATE, tokenOf(orders.credentials)],
      ['system', UPDATE, await pushed({ revocations: { [orders.user]: now + 60 } }, createOperator())],
      ['system', of('CLAIMS.LOOKUP'), ''],
      ['orders again', orders.credentials],
      ['system', UPDATE, await pushed({ revocations: { [orders.user]: now - HOUR } })],
      ['system', of('CLAIMS.LOOKUP'), ''],
      ['system', UPDATE, await pushed({ revocations: { [orders.user]: now + 60 } })],
      ['orders', of('CLAIMS.LOOKUP'), ''],
      ['orders', orders.credentials],
      ['system', of('CONNZ'), page(10, 0)],
      ['system', UPDATE, await pushed({ signing_keys: [server.roles['orders']!] })],
      ['stock', stock.credentials],
      ['system', UPDATE, await pushed({ revocations: { '*': now + 60 } })],
      ['owner', owner.credentials],
      ['system', UPDATE, await pushed({})],
      ['owner', owner.credentials],
      ['stock', stock.credentials],
      ['system', UPDATE, await pushed({ signing_keys: [] })],
      ['system', of('CONNZ'), page(10, 0)],
      ['system', UPDATE, await pushed({ revocations: { '*': now + 60 } })],
      ['system', of('CONNZ'), page(10, 0)],
    ]
  }
})

function configOf({ keys: path, account }: NatsKeys, where: object = { host: 'memory' }) {
  return nats.config.parse({ path, account, ...where })
}

function text(token: string, key: KeyPair): string {
  return Buffer.from(fmtCreds(token, key)).toString()
}

function namesOf(error: unknown): string[] {
  return error instanceof Error ? [error.name, ...namesOf(error.cause)] : []
}

/** Without what differs between any two servers, and what nobody reads here. */
function plain(answer: string): unknown {
  if (!answer.startsWith('{')) return answer
  const { data, error } = JSON.parse(answer)
  const { connections, num_connections, total, offset, limit, account, code, message } = data ?? {}
  return {
    ...(error && { error: { code: error.code } }),
    ...(data && { num_connections, total, offset, limit, account, code, message }),
    connections: connections?.map(({ authorized_user, issuer_key, jwt }: Record<string, unknown>) => ({
      authorized_user,
      issuer_key,
      jwt,
    })),
  }
}
