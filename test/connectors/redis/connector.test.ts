import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redis } from '../../../src/connectors/redis/connector.ts'
import type { Connection, Want } from '../../../src/core/contract/connector.ts'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { CredentialRef } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { startRedis } from '../../../src/serve/operations/drill/redis-server.ts'
import { absentRedis, redisWorld, type RedisWorld } from '../../laws/redis-world.ts'
import { readSource } from '../../tidy/sources.ts'

const absent = absentRedis()
describe.skipIf(absent)(`redis connector${absent ? ` (${absent})` : ''}`, () => {
  let world: RedisWorld
  let connection: Connection
  beforeAll(async () => {
    world = await redisWorld({ marked: true })
    connection = await world.open()
  })
  afterAll(() => world?.stop())

  const newSecret = (name: string) => new Secret(randomBytes(18).toString('base64url'), name)
  const refsOf = (name: string, instance = connection.instance) => {
    const identity = { system: 'redis', instance, kind: 'user', id: name }
    return { identity, credential: { ...identity, kind: 'password', identity } }
  }
  const addUser = async (name: string, ...rules: string[]) => {
    const secret = newSecret(name)
    await world.admin('ACL', 'SETUSER', name, 'on', `>${secret.revealText()}`, ...rules)
    return { ...refsOf(name), secret }
  }
  const wantLike = (like: CredentialRef, name: string): Want => ({ name, like, scopes: [], before: null })
  const lineOf = async (name: string) =>
    ((await world.admin('ACL', 'LIST')) as string[]).find(line => line.startsWith(`user ${name} `))
  const isLetIn = (secret: Secret) =>
    world.client(secret).then(
      client => {
        client.disconnect()
        return true
      },
      () => false,
    )

  describe('verify', () => {
    test('a user let in with any password is unknown until it is off', async () => {
      const { credential, secret } = await addUser('v_any', 'nopass', '+@all')
      expect(await connection.verify!(credential, secret)).toMatchObject({ state: 'unknown' })
      await connection.revoke!(credential, secret)
      expect(await connection.verify!(credential, secret)).toMatchObject({ state: 'dead' })
      expect(await isLetIn(secret)).toBe(false)
    })

    test('says why it was refused, and what it opens where it was not', async () => {
      const { credential, secret } = await addUser('v_why', '~cart:*', '-@all', '+@read', '+config')
      expect(await connection.verify!(credential, secret)).toMatchObject({
        state: 'live',
        access: expect.arrayContaining(['keys ~cart:*', 'may change the configuration']),
      })
      const why = async () => (await connection.verify!(credential, secret)).why
      await world.admin('ACL', 'SETUSER', 'v_why', 'off')
      expect(await why()).toContain('off')
      await world.admin('ACL', 'SETUSER', 'v_why', 'on', 'resetpass')
      expect(await why()).toContain('no password')
      await world.admin('ACL', 'SETUSER', 'v_why', '>other')
      expect(await why()).toContain('WRONGPASS')
      await world.admin('ACL', 'DELUSER', 'v_why')
      expect(await why()).toContain('no user')
    })

    test('a user without any right is live all the same', async () => {
      const { credential, secret } = await addUser('v_bare')
      expect((await connection.verify!(credential, secret)).state).toBe('live')
    })

    test('names other users that the same password opens, and discovery links them, without a digest', async () => {
      const { credential, secret } = await addUser('v_twin')
      await world.admin('ACL', 'SETUSER', 'v_other', 'on', `>${secret.revealText()}`)
      expect((await connection.verify!(credential, secret)).why).toContain('opens v_other too')
      const seen = await collect(connection.discover!())
      const edges = seen.filter(each => each.see === 'edge' && each.crossing === 'shares-password')
      expect(edges.map(edge => edge.see === 'edge' && edge.to.id).sort()).toEqual(['v_other', 'v_twin'])
      const digest = createHash('sha256').update(secret.reveal()).digest('hex')
      const told = JSON.stringify([seen, await connection.inspect!(credential)])
      expect(told).not.toContain(digest.slice(0, 12))
    })
  })

  describe('passwords', () => {
    test('of several only the one that leaked is taken away', async () => {
      const { credential, secret } = await addUser('p_two', '+@all', '~*')
      const other = newSecret('p_two')
      await world.admin('ACL', 'SETUSER', 'p_two', `>${other.revealText()}`)
      for (let times = 0; times < 2; times++) await connection.revoke!(credential, secret)
      expect([await isLetIn(secret), await isLetIn(other)]).toEqual([false, true])
      expect(await connection.inspect!(credential)).toMatchObject({ on: true, passwords: 1 })
      await connection.revoke!(credential)
      expect(await isLetIn(other)).toBe(false)
    })

    test('of default is taken away though default cannot be deleted', async () => {
      const own = await redisWorld({ acl: ['user boss on >boss ~* &* +@all'] })
      try {
        const boss = await redis.open(own.config({ user: 'boss', password: new Secret('boss') }), realIo())
        const { identity, credential } = refsOf('default', boss.instance)
        const secret = new Secret(own.server.adminPassword.reveal(), 'default')
        const client = await own.client(secret)
        expect(await boss.verify!(credential, secret)).toMatchObject({ state: 'live' })
        expect(await collect(boss.sessions!(identity))).toHaveLength(1)
        await boss.revoke!(identity, secret)
        expect(await boss.verify!(credential, secret)).toMatchObject({ state: 'dead' })
        await expect(client.ping()).rejects.toThrow()
        expect(await collect(boss.sessions!(identity))).toEqual([])
      } finally {
        await own.stop()
      }
    })

    test('that are issued stand in no command: neither MONITOR nor the slow log shows them', async () => {
      await world.admin('CONFIG', 'SET', 'slowlog-log-slower-than', '0')
      const { credential } = await addUser('p_quiet')
      const issued = await connection.issue!(wantLike(credential, 'quiet'))
      await connection.verify!(issued.ref, issued.secret)
      const log = JSON.stringify(await world.admin('SLOWLOG', 'GET', '-1'))
      expect(log).not.toContain(issued.secret.revealText())
      await connection.revoke!(issued.ref)
    })
  })

  describe('siblings', () => {
    test('have the same rules, selectors too, and outlive the user that they are like', async () => {
      const { credential, identity } = await addUser(
        's_old',
        '~a:*',
        '%R~b:*',
        '&c',
        '+@all',
        '-flushall',
        '(~d +get)',
      )
      const first = await connection.issue!(wantLike(credential, 'first'))
      const second = await connection.issue!(wantLike(first.ref, 'second'))
      const rulesOf = async (ref: CredentialRef) =>
        ((await connection.inspect!(ref)) as { rules: string[] } | null)?.rules
      expect(await rulesOf(first.ref)).toEqual(await rulesOf(credential))
      expect(await rulesOf(second.ref)).toEqual(await rulesOf(credential))
      await connection.revoke!(identity)
      await connection.revoke!(first.ref)
      expect((await connection.verify!(second.ref, second.secret)).state).toBe('live')
      expect(await lineOf('s_old')).toBeUndefined()
      await connection.revoke!(second.ref)
    })

    test('issued while the user was frozen get the whole of its rules when it is thawed', async () => {
      const { credential, identity } = await addUser('s_cold', '~*', '+@all')
      const before = await connection.inspect!(identity)
      await connection.freeze!(identity)
      const issued = await connection.issue!(wantLike(credential, 'cold'))
      const client = await world.client(issued.secret)
      await expect(client.call('ACL', 'SETUSER', 'attacker', 'on')).rejects.toThrow(/NOPERM/)
      const other = await connection.issue!(wantLike(credential, 'another'))
      await connection.thaw!(identity, before, [issued.ref])
      await client.call('ACL', 'SETUSER', 's_made', 'off')
      expect(await lineOf(other.ref.id), 'who was not named').toContain('-acl|setuser')
      await connection.revoke!(other.ref)
      client.disconnect()
      await connection.revoke!(issued.ref)
    })
  })

  test('sessions that subscribe, block or are in a transaction end, with name and address told', async () => {
    const { credential, identity, secret } = await addUser('e_user', '~*', '&*', '+@all')
    const [subscriber, blocked, busy] = await Promise.all(
      ['subscriber', 'blocked', 'busy'].map(name => world.client(secret, name)),
    )
    await subscriber!.subscribe('news')
    const waits = blocked!.blpop('nothing', 0).catch(() => 'ended')
    await busy!.multi({ pipeline: false })
    const uses = await collect(connection.sessions!(identity))
    expect(uses.map(use => use.workload?.id).sort()).toEqual([
      'blocked@127.0.0.1',
      'busy@127.0.0.1',
      'subscriber@127.0.0.1',
    ])
    expect(uses.map(use => use.action)).toContain('subscription')
    await connection.endSessions!(identity, Date.now())
    expect(await waits).toBe('ended')
    expect(await collect(connection.sessions!(identity))).toEqual([])
    expect((await connection.verify!(credential, secret)).state).toBe('live')
  })

  describe('discovery', () => {
    test('tells users, what they may do and where, and leaves out the mark', async () => {
      await addUser('d_reader', '~shop:*', '&news', '-@all', '+@read', '+publish')
      await addUser('d_boss', '~*', '&*', '+@all')
      const seen = await collect(connection.discover!())
      const names = seen.flatMap(each => (each.see === 'identity' ? each.names : []))
      expect(names).toEqual(expect.arrayContaining(['default', 'd_reader', 'd_boss']))
      expect(names.filter(name => name.startsWith('firebreak-'))).toEqual([])
      const crossings = (name: string) =>
        seen.flatMap(each =>
          each.see === 'edge' && each.from.id === name ? [`${each.crossing} ${each.certainty}`] : [],
        )
      expect(crossings('d_reader').sort()).toEqual(['may-publish proven', 'may-read conditional'])
      expect(crossings('d_boss')).toEqual(
        expect.arrayContaining([
          'superuser proven',
          'may-read proven',
          'may-write proven',
          'may-subscribe proven',
        ]),
      )
    })

    test('names the nodes that keep users of their own as not covered', async () => {
      const replica = await startRedis({
        settings: [
          `replicaof 127.0.0.1 ${world.server.port}`,
          'masteruser default',
          `masterauth ${world.server.adminPassword.revealText()}`,
        ],
      })
      try {
        const notCovered = async (from: Connection) =>
          (await collect(from.discover!())).flatMap(each =>
            each.see === 'covered' && !each.complete ? [each.why] : [],
          )
        const at = `127.0.0.1:${replica.port}`
        await expect.poll(async () => (await notCovered(connection)).join()).toContain(`the replica ${at}`)
        const config = redis.config.parse({
          host: '127.0.0.1',
          port: replica.port,
          password: replica.adminPassword,
        })
        const own = await redis.open(config, realIo())
        expect((await notCovered(own)).join()).toContain(`the master 127.0.0.1:${world.server.port}`)
        // Users are each node's own, on a read-only replica too.
        await world.admin('ACL', 'SETUSER', 'only_here', 'on')
        expect(await own.inspect!(refsOf('only_here', own.instance).identity)).toBeNull()
      } finally {
        await replica.stop()
      }
    })
  })

  test.each(['aclfile', 'config', 'nowhere'] as const)(
    'what was cut stays cut over a restart: %s',
    async users => {
      const own = await redisWorld({ marked: true, users, acl: ['user app on >leaked-pw ~* +@all'] })
      try {
        const at = await own.open()
        const { credential } = refsOf('app', at.instance)
        const secret = new Secret('leaked-pw', 'app')
        const lost = users === 'nowhere'
        const planned = await at.verify!(credential, secret)
        expect(planned.state).toBe('live')
        expect(planned.why.includes('lost when the server restarts')).toBe(lost)
        await at.revoke!(credential, secret)
        const cut = await at.verify!(credential, secret)
        expect(cut.state).toBe('dead')
        expect(cut.why.includes('lost when the server restarts')).toBe(lost)
        await own.server.restart()
        if (!lost) expect((await at.verify!(credential, secret)).state).toBe('dead')
        // What the mark said is lost as well: another one, for all that it tells.
        const again = await own.open()
        expect(again.instance).toBe(at.instance)
        expect((await again.verify!(credential, secret)).state).toBe(lost ? 'live' : 'dead')
      } finally {
        await own.stop()
      }
    },
  )

  test('an unmarked server that was restarted is a CONFLICT to who knew it, and goes on for who comes anew', async () => {
    const own = await redisWorld({ users: 'config' })
    try {
      const { credential, secret } = await own.principal()
      const before = await own.open()
      await own.server.restart()
      expect(await codeOf(before.suspend!(credential))).toBe('CONFLICT')
      const after = await own.open()
      expect(after.instance).toBe(before.instance)
      await own.admin('ACL', 'SETUSER', secret.id ?? '', 'on', `>${secret.revealText()}`)
      await after.revoke!(credential, secret)
      expect((await after.verify!(credential, secret)).state).toBe('dead')
    } finally {
      await own.stop()
    }
  })

  test('the users of the README can do what it says, and no more', async () => {
    const readme = readSource('src/connectors/redis/README.md')
    const [page] = / -@all [^`]*?(?=\nredis-cli)/.exec(readSource('docs/connect-redis.md'))!
    const told = page.replaceAll('\\|', '|').replaceAll('\\\n', '').trim().split(/\s+/)
    expect(told).toEqual(/^ACL SETUSER fb_ops on >… (.*)$/m.exec(readme)![1]!.split(' '))
    for (const [, name = '', rules = ''] of readme.matchAll(/^ACL SETUSER (fb_\w+) on >… (.*)$/gm)) {
      const secret = newSecret(name)
      await world.admin('ACL', 'SETUSER', name, 'on', `>${secret.revealText()}`, ...rules.split(' '))
      const own = await redis.open(world.config({ user: name, password: secret }), realIo())
      const old = await addUser(`r_${name}`, '~*', '+@all')
      await collect(own.discover!())
      await collect(own.sessions!(old.identity))
      expect((await own.verify!(old.credential, old.secret)).state).toBe('live')
      if (name === 'fb_read') {
        expect(await codeOf(own.suspend!(old.credential))).toBe('DENIED')
        continue
      }
      const before = await own.inspect!(old.identity)
      await own.freeze!(old.identity)
      const issued = await own.issue!(wantLike(old.credential, 'by ops'))
      expect((await own.verify!(issued.ref, issued.secret)).state).toBe('live')
      await own.suspend!(old.credential)
      await own.resume!(old.credential, before)
      await own.endSessions!(old.identity, Date.now())
      await own.thaw!(old.identity, before)
      await own.revoke!(issued.ref)
      await own.revoke!(old.credential, old.secret)
      expect((await own.verify!(old.credential, old.secret)).state).toBe('dead')
      expect(await codeOf(own.revoke!(refsOf(name).identity))).toBe('CONFLICT')
    }
  })

  test('undo ends what a broken attempt left connected, and touches nobody else’s', async () => {
    const { credential } = await addUser('u_old')
    const want = wantLike(credential, 'left over')
    const name = `firebreak-${createHash('sha256').update(want.name).digest('hex').slice(0, 16)}`
    const admin = new Secret(world.server.adminPassword.reveal(), world.server.adminUser)
    const [left, other] = [await world.client(admin, name), await world.client(admin, 'someone')]
    await connection.undo!(want)
    await expect(left.ping()).rejects.toThrow()
    expect(await other.ping()).toBe('PONG')
    other.disconnect()
  })

  test('what is wrong with a connection is said by its code', async () => {
    const open = (overrides: Parameters<RedisWorld['config']>[0]) =>
      codeOf(redis.open(world.config(overrides), realIo()))
    expect(await open({ password: new Secret('wrong') })).toBe('DENIED')
    expect(await open({ user: 'nobody' })).toBe('DENIED')
    expect(await open({ port: 1 })).toBe('UNREACHABLE')
    expect(await open({ tls: 'require', connectTimeoutMs: 1000 })).toBe('UNREACHABLE')
    expect(await codeOf(redis.open(world.config(), realIo(AbortSignal.abort())))).toBe('UNREACHABLE')
    const bare = newSecret('c_bare')
    await world.admin('ACL', 'SETUSER', 'c_bare', 'on', `>${bare.revealText()}`)
    expect(await open({ user: 'c_bare', password: bare })).toBe('DENIED')
    await world.admin('ACL', 'SETUSER', `firebreak-instance-${'a'.repeat(32)}`, 'off')
    expect(await open({})).toBe('INVALID_CONFIG')
    await world.admin('ACL', 'DELUSER', `firebreak-instance-${'a'.repeat(32)}`)
  })
})

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return isFirebreakError(error) ? error.code : error
}

async function collect<T = Observation>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
