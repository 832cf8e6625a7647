import { setTimeout as wait } from 'node:timers/promises'
import { decode, type User } from '@nats-io/jwt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nats } from '../../../src/connectors/nats/connector.ts'
import type { Connection, Issued } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { natsWorld, type NatsWorld } from '../../laws/nats-world.ts'
import { requireServer } from '../../servers.ts'
import { availableNats, INSTALL_NATS } from './nats-server.ts'

const server = requireServer('NATS', availableNats(), INSTALL_NATS)

describe.skipIf(server.skip)(`NATS ${server.reason}`, () => {
  let world: NatsWorld
  let connection: Connection

  beforeAll(async () => {
    world = await natsWorld()
    connection = await world.open()
  })
  afterAll(async () => {
    await connection?.close()
    await world?.stop()
  })

  const issue = async (name: string, ttlSeconds: number): Promise<Issued> => {
    const { identity } = await world.principal()
    return await connection.issue!({
      name,
      like: { ...identity, identity },
      scopes: [],
      ttlSeconds,
      before: null,
    })
  }
  const tokenOf = ({ secret }: Issued) => decode<User>(/\n(ey\S+)\n/.exec(secret.revealText())![1]!)
  const revocations = async () =>
    decode<{ revocations?: Record<string, number> }>(await world.server.accountToken()).nats.revocations ?? {}

  test('a user has the rights of its role and no others, and its token says until when', async () => {
    const issued = await issue('run-1:issue', 600)
    const number = Object.values(world.server.roles).indexOf(issued.ref.identity!.id)
    expect(tokenOf(issued)).toMatchObject({
      name: 'firebreak:run-1:issue',
      sub: issued.ref.id,
      iss: issued.ref.identity!.id,
      exp: issued.notAfter! / 1000,
      nats: { issuer_account: world.server.account },
    })
    const client = await world.logIn(issued.secret)
    const refused: string[] = []
    void (async () => {
      for await (const status of client.status())
        if (status.type === 'error') refused.push(status.error.message)
    })()
    client.publish(`orders.${number}.new`, 'mine')
    client.publish('orders.other.new', 'not mine')
    await client.flush()
    await client.close()
    expect(refused).toHaveLength(1)
    expect(refused[0]).toContain('orders.other.new')
    const { access } = await connection.verify!(issued.ref, issued.secret)
    expect(access).toEqual([`publishes to orders.${number}.>`, 'subscribes to _INBOX.>'])
  })

  test('the server ends it by itself when its time is over: connections, and logins after that', async () => {
    const issued = await issue('run-2:issue', 10)
    const client = await world.logIn(issued.secret)
    expect(client.isClosed()).toBe(false)
    await client.closed()
    await wait(Math.max(0, issued.notAfter! - Date.now() + 200))
    expect(await world.use!(issued.secret)).toBe(false)
    expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({
      state: 'dead',
      why: expect.stringContaining('its time is over.'),
    })
  })

  test('what others revoked stays revoked, and the rest of the account as it was', async () => {
    const { credential, secret } = await world.principal()
    await connection.revoke!(credential)
    const other = await (await anotherFolder()).open()
    const before = await other.inspect!(credential)
    await other.suspend!(credential)
    await other.resume!(credential, before)
    expect(await world.use!(secret)).toBe(false)
    const ours = await issue('run-3:issue', 600)
    await connection.revoke!(ours.ref)
    expect(Object.keys(await revocations())).toEqual(expect.arrayContaining([credential.id, ours.ref.id]))
    const { nats: account } = decode<{ signing_keys: unknown[]; limits: { conn: number } }>(
      await world.server.accountToken(),
    )
    expect([account.signing_keys!.length, account.limits!.conn]).toEqual([8, -1])
    await other.close()
  })

  test('one user cannot be brought back once it is revoked', async () => {
    const issued = await issue('run-4:issue', 60)
    const before = await connection.inspect!(issued.ref)
    await connection.revoke!(issued.ref)
    await connection.resume!(issued.ref, before)
    expect(await world.use!(issued.secret)).toBe(false)
  })

  test('a role whose key is not there, and a rights list, are said to be what they are', async () => {
    const { identity } = await world.principal()
    const want = { name: 'run-5:issue', like: { ...identity, identity }, scopes: [], before: null }
    await expect(connection.issue!({ ...want, scopes: ['orders.>'] })).rejects.toThrow(
      'all the rights of its role',
    )
    const nobody = { ...identity, id: world.server.account }
    await expect(connection.issue!({ ...want, like: { ...nobody, identity: nobody } })).rejects.toThrow(
      'has no role with the key',
    )
    const keyless = await (await anotherFolder(false)).open()
    await expect(keyless.issue!(want)).rejects.toThrow('there is no private half of the role’s key')
    await keyless.close()
  })

  test('a key that is not the operator’s signs nothing: the server would say that it took it', async () => {
    const { open } = await anotherFolder(true, true)
    const before = await world.server.accountToken()
    await expect(open()).rejects.toThrow('operator.nk is not the key that has signed the account')
    const { credential } = await world.principal()
    const own = await anotherFolder()
    const opened = await own.open()
    await world.server.pose(own.path)
    await expect(opened.revoke!(credential)).rejects.toThrow('operator.nk is not the key')
    expect(await world.server.accountToken()).toBe(before)
    await opened.close()
  })

  test('tells of the account, who signs in it, its roles and what each may do', async () => {
    const issued = await issue('run-6:issue', 60)
    const { secret, credential } = await world.principal()
    const client = await world.logIn(secret)
    const seen: Observation[] = []
    for await (const each of connection.discover!()) seen.push(each)
    await client.close()
    const edges = seen.flatMap(each => (each.see === 'edge' ? [each] : []))
    const number = Object.values(world.server.roles).indexOf(issued.ref.identity!.id)
    expect(edges.filter(({ from }) => from.id === issued.ref.identity!.id)).toEqual([
      expect.objectContaining({
        crossing: 'may-write',
        certainty: 'conditional',
        when: `the subject matches orders.${number}.>`,
      }),
      expect.objectContaining({
        crossing: 'may-read',
        certainty: 'conditional',
        when: 'the subject matches _INBOX.>',
      }),
    ])
    expect(edges).toContainEqual(
      expect.objectContaining({
        from: expect.objectContaining({ kind: 'signing-key', id: world.server.account }),
        crossing: 'superuser',
      }),
    )
    expect(seen).toContainEqual(
      expect.objectContaining({ see: 'identity', ref: issued.ref.identity, names: [`job-${number}`] }),
    )
    const users = seen.flatMap(each => (each.see === 'credential' ? [each.ref.id] : []))
    // One that we signed, and one that somebody else did and who is connected.
    expect(users).toEqual(expect.arrayContaining([issued.ref.id, credential.id]))
  })

  /** The same account, with a book of its own; without keys of roles, or with another operator's key. */
  async function anotherFolder(withRoles = true, poses = false) {
    const path = await world.server.anotherFolder({ withRoles, poses })
    const config = nats.config.parse({
      path,
      account: world.server.account,
      host: '127.0.0.1',
      port: world.server.port,
    })
    return { path, open: async () => await nats.open(config, realIo()) }
  }
})
