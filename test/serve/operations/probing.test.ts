import { randomBytes } from 'node:crypto'
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemoryAws, memoryAws } from '../../../src/connectors/aws/memory.ts'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { postgres } from '../../../src/connectors/postgres/connector.ts'
import { redis } from '../../../src/connectors/redis/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { Context } from '../../../src/know/graph/aws-policy/context.ts'
import { evaluate } from '../../../src/know/graph/aws-policy/evaluate.ts'
import { readPolicy } from '../../../src/know/graph/aws-policy/policy.ts'
import { assert } from '../../../src/serve/operations/assert.ts'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../../src/serve/operations/drill/postgres-server.ts'
import {
  availableRedis,
  INSTALL_REDIS,
  type RedisServer,
  startRedis,
} from '../../../src/serve/operations/drill/redis-server.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import type { World } from '../../../src/serve/operations/operation.ts'
import { paths } from '../../../src/serve/operations/paths.ts'
import { testKeys } from '../../know/estate.ts'
import { requireServer } from '../../servers.ts'
import { memoryStore } from '../../memory-store.ts'

const RULES = fileURLToPath(new URL('../../../rules', import.meta.url))
const password = () => randomBytes(18).toString('base64url')

/** A world in which whoever is asked for a secret gives `typed`. */
interface Estate {
  readonly root: string
  readonly world: World
  typed: string | undefined
  asked: number
  connect(system: string, config: Record<string, unknown>): Promise<void>
  /** Each hop of the best way: crossing, what was predicted, what trying it showed. */
  tryPaths(from: string, to: string, most?: number): Promise<string[]>
  probed(): Promise<string[]>
  end(): Promise<void>
}

async function openEstate(twin: MemoryAws = memoryAws()): Promise<Estate> {
  const root = await mkdtemp(join(tmpdir(), 'firebreak-probe-'))
  // Few rules are read faster than all.
  const rulesDirectory = join(root, 'rules')
  await cp(join(RULES, 'crossings'), join(rulesDirectory, 'crossings'), { recursive: true })
  await mkdir(join(rulesDirectory, 'secrets'))
  for (const name of ['postgres-url.yaml', 'aws-access-key.yaml'])
    await copyFile(join(RULES, 'secrets', name), join(rulesDirectory, 'secrets', name))
  const db = await memoryStore()
  const io = realIo()
  const connections = new Connections([directory, postgres, redis, twin.connector as never], testKeys, io)
  const estate: Estate = {
    root,
    typed: undefined,
    asked: 0,
    world: {
      home: root,
      db,
      keys: testKeys,
      io,
      connections,
      rulesDirectory,
      version: '0',
      existingKeys: async () => testKeys,
      openChange: () => Promise.reject(new Error('nothing is looked at')),
      readInput: () => {
        throw new Error('nothing is piped in')
      },
      serveHttp: () => Promise.reject(new Error('nothing is served')),
      serveWorkloadApi: () => Promise.reject(new Error('nothing is served')),
      takeSignals: () => () => {},
      progress: () => {},
      say: () => {},
      async readSecret() {
        estate.asked++
        if (estate.typed === undefined) throw new Error('nobody is there')
        return new Secret(estate.typed)
      },
    },
    async connect(system, config) {
      await connections.add(db, system, config)
      await observe.run(estate.world, observe.input.parse({}))
    },
    async tryPaths(from, to, most = 1) {
      const output = await paths.run(estate.world, paths.input.parse({ from, to, most, probe: true }))
      const text = stripVTControlCharacters(paths.text(output, 80))
      expect(text.split('\n').filter(line => line.length > 80)).toEqual([])
      if (estate.typed !== undefined) expect(JSON.stringify(output) + text).not.toContain(estate.typed)
      return output.ways.flatMap(({ probed }) => [
        ...(probed!.login ? [`login ${probed!.login.tried}`] : []),
        ...probed!.hops.map(({ crossing, certainty, tried }) => `${crossing} ${certainty} ${tried}`),
      ])
    },
    async probed() {
      const rows = await db.selectFrom('evidence').select('body').where('kind', '=', 'probe').execute()
      return rows.map(({ body }) => body)
    },
    async end() {
      await connections.close()
      await db.destroy()
      await rm(root, { recursive: true, force: true })
    },
  }
  return estate
}

const server = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')
describe.skipIf(server.skip)(`PostgreSQL ${server.reason}`, () => {
  let running: PostgresServer
  let estate: Estate
  const own = password()

  const admin = async (sql: string) => {
    const client = new Client({
      host: running.host,
      port: running.port,
      user: running.adminUser,
      password: running.adminPassword.revealText(),
      database: running.database,
    })
    await client.connect()
    try {
      return (await client.query(sql)) as { rows: unknown[] }
    } finally {
      await client.end()
    }
  }
  const everything = async () =>
    JSON.stringify(
      (
        await admin(`select array(select r::text from pg_authid r order by 1),
          array(select m::text from pg_auth_members m order by 1),
          array(select concat(relname, relacl, relowner) from pg_class order by 1)`)
      ).rows,
    )

  beforeAll(async () => {
    running = await startPostgres()
    await admin(`
      create role tester login password '${own}';
      create role ops; create role boss superuser; create role hidden_owner;
      grant ops to tester; grant boss to tester; grant pg_execute_server_program to tester;
      create table payroll (id int); alter table payroll owner to ops;
      create schema vault; create table vault.cards (id int); grant select on vault.cards to tester;
      create table logs (id int); grant select, insert on logs to tester;
      create table secrets_of_owner (id int); alter table secrets_of_owner owner to hidden_owner;
      grant hidden_owner to ops with admin option`)
    estate = await openEstate()
    const url = `postgres://tester:${own}@127.0.0.1:${running.port}/${running.database}`
    await mkdir(join(estate.root, 'app'))
    await writeFile(join(estate.root, 'app', '.env'), `DATABASE_URL=${url}\n`)
    await estate.world.connections.add(estate.world.db, 'postgres', {
      host: running.host,
      port: running.port,
      user: running.adminUser,
      password: running.adminPassword,
      database: running.database,
      tls: 'disable',
    })
    await estate.connect('directory', { path: join(estate.root, 'app') })
    estate.typed = own
  }, 600_000)
  afterAll(async () => {
    await estate?.end()
    await running?.stop()
  })

  test('each kind of hop is confirmed by the server, and nothing is changed', async () => {
    const before = await everything()
    expect(await estate.tryPaths('tester', 'public.payroll')).toEqual([
      'login confirmed',
      'member-of proven confirmed',
      'owns proven confirmed',
    ])
    expect(await estate.tryPaths('tester', 'public.logs', 3)).toEqual(
      expect.arrayContaining(['may-read proven confirmed', 'may-write proven confirmed']),
    )
    const endpoint = `127.0.0.1:${running.port}`
    const ways = await estate.tryPaths('tester', endpoint, 6)
    expect(ways).toContain('can-set-role proven confirmed')
    expect(ways).toContain('superuser proven confirmed')
    expect(ways).toContain('runs-commands-on-host conditional confirmed')
    expect(await everything()).toBe(before)
    const evidence = await estate.probed()
    expect(evidence.length).toBeGreaterThan(5)
    expect(evidence.join()).not.toContain(own)
    expect(JSON.parse(evidence.find(body => body.includes('"owns"'))!)).toMatchObject({
      crossing: 'owns',
      predicted: 'proven',
      tried: 'confirmed',
    })
  })

  test('what a superuser is, nobody inherits: it is predicted where the server lets one become it, and only there', async () => {
    const { rows } = await admin('show server_version_num')
    const maySaySet = Number((rows[0] as { server_version_num: string }).server_version_num) >= 160_000
    await admin('create role chief superuser; create role tool; grant chief to tool')
    await admin(`grant tool to tester${maySaySet ? ' with inherit true, set false' : ''}`)
    await observe.run(estate.world, observe.input.parse({}))
    const hops = await estate.tryPaths('tester', 'chief', 5)
    // Before 16, whoever is in a role may become it.
    expect(hops.includes('can-set-role proven confirmed')).toBe(!maySaySet)
    expect(hops.join()).not.toContain('refused')
    expect(await estate.tryPaths('tester', 'rights of chief')).toEqual([
      'login confirmed',
      'member-of proven confirmed',
      'member-of proven confirmed',
    ])
    const ways = await estate.tryPaths('tester', `127.0.0.1:${running.port}`, 9)
    expect(ways).toContain('superuser proven confirmed')
    expect(ways).not.toContain('superuser proven refused')
    await admin('drop role chief; drop role tool')
    await observe.run(estate.world, observe.input.parse({}))
  })

  test('a right that the schema keeps from being used is predicted, and refused', async () => {
    const hops = await estate.tryPaths('tester', 'vault.cards', 5)
    expect(hops).toContain('may-read proven refused')
  })

  test('what has to be changed to be crossed is confirmed, and what comes after it not tried', async () => {
    const hops = await estate.tryPaths('ops', 'public.secrets_of_owner', 5)
    // The tester's password is not that of ops, which has none.
    expect(hops[0]).toBe('login refused')
    const all = await estate.tryPaths('tester', 'public.secrets_of_owner', 9)
    const at = all.indexOf('can-grant proven confirmed')
    expect(all.slice(at, at + 2)).toEqual(['can-grant proven confirmed', 'owns proven not-tried'])
  })

  test('a wrong password confirms nothing, and is offered once', async () => {
    const before = (await estate.probed()).length
    estate.typed = password()
    expect(await estate.tryPaths('tester', 'public.payroll', 5)).toEqual(
      expect.arrayContaining(['login refused', 'member-of proven not-tried', 'owns proven not-tried']),
    )
    estate.typed = own
    expect((await estate.probed()).length).toBe(before + 1)
  })

  test('from a file to a table: the value that stands there is what is tried', async () => {
    const asked = estate.asked
    const file = join(estate.root, 'app')
    expect(await estate.tryPaths(file, 'public.payroll')).toEqual([
      'holds-copy proven confirmed',
      'authenticates-as conditional confirmed',
      'member-of proven confirmed',
      'owns proven confirmed',
    ])
    expect(estate.asked).toBe(asked)
    await writeFile(join(file, '.env'), `DATABASE_URL=postgres://tester:${password()}@127.0.0.1/x\n`)
    expect((await estate.tryPaths(file, 'public.payroll')).slice(0, 2)).toEqual([
      expect.stringMatching(/^holds-copy proven (unknown|refused)$/),
      'authenticates-as conditional not-tried',
    ])
  })

  test('an assertion: predicted beside tried; what the server takes back is refused, and is not acquitted', async () => {
    const file = join(estate.root, 'assertions.yaml')
    process.env['PROBE_TESTER'] = own
    await writeFile(
      file,
      `must-not-reach:
  - { name: payroll, from: [tester, ops], to: public.payroll, probe: { as: tester, secret: env:PROBE_TESTER } }
  - { name: nobody, from: nobody, to: hidden_owner }\n`,
    )
    const run = async () => await assert.run(estate.world, assert.input.parse({ file, probe: true }))
    const asked = estate.asked
    const before = await run()
    expect(before.assertions[0]).toMatchObject({
      state: 'broken',
      probed: { pairs: [{ from: 'tester', to: 'public.payroll', tried: 'confirmed' }] },
    })
    expect(assert.exitCode!(before)).toBe(1)
    const text = stripVTControlCharacters(assert.text(before, 80))
    expect(text).toMatch(/predicted proven\n +tried +confirmed: The server says that tester has the/)
    expect(text.split('\n').filter(line => line.length > 80)).toEqual([])
    // The second names nothing that it could start from: nothing is asked for.
    expect(estate.asked).toBe(asked)
    await admin('revoke ops, boss from tester')
    const after = await run()
    expect(after.assertions[0]).toMatchObject({ state: 'broken', probed: { pairs: [{ tried: 'refused' }] } })
    await admin('grant ops, boss to tester')
    delete process.env['PROBE_TESTER']
  })
})

const cache = requireServer('Redis', availableRedis() !== undefined, INSTALL_REDIS)
describe.skipIf(cache.skip)(`Redis ${cache.reason}`, () => {
  let running: RedisServer
  let estate: Estate
  const own = password()
  const names = ['reader', 'writer', 'chief', 'speaker'] as const

  const admin = async (...words: [string, ...string[]]) => {
    const client = new Redis({
      host: running.host,
      port: running.port,
      username: running.adminUser,
      password: running.adminPassword.revealText(),
    })
    try {
      return await client.call(words[0], ...words.slice(1))
    } finally {
      client.disconnect()
    }
  }

  beforeAll(async () => {
    running = await startRedis()
    const rules = {
      reader: ['~orders:*', '+@read'],
      writer: ['~*', '+@write', '-@dangerous'],
      chief: ['+acl|setuser', '+acl|whoami'],
      speaker: ['resetkeys', '&news.*', '+publish'],
    }
    for (const name of names) await admin('ACL', 'SETUSER', name, 'on', `>${own}${name}`, ...rules[name])
    estate = await openEstate()
    await estate.connect('redis', { host: running.host, port: running.port, password: running.adminPassword })
  }, 600_000)
  afterAll(async () => {
    await estate?.end()
    await running?.stop()
  })

  test('reading is tried, the rest asked about, and nothing is written', async () => {
    const before = await admin('ACL', 'LIST')
    const endpoint = `127.0.0.1:${running.port}`
    const found: Record<string, string | undefined> = {}
    for (const name of names) {
      estate.typed = `${own}${name}`
      const to = name === 'reader' || name === 'writer' ? 'db0' : endpoint
      found[name] = (await estate.tryPaths(name, to)).join(', ')
    }
    expect(found).toEqual({
      reader: 'login confirmed, may-read conditional confirmed',
      writer: 'login confirmed, may-write proven confirmed',
      chief: 'login confirmed, superuser proven confirmed',
      speaker: 'login confirmed, may-publish proven confirmed',
    })
    expect(await admin('DBSIZE')).toBe(0)
    expect(await admin('ACL', 'LIST')).toEqual(before)
  })

  test('what was taken away since is refused; a wrong password confirms nothing', async () => {
    await admin('ACL', 'SETUSER', 'reader', '-@all', '+ping')
    await admin('ACL', 'SETUSER', 'chief', '-acl|setuser')
    estate.typed = `${own}reader`
    expect(await estate.tryPaths('reader', 'db0')).toEqual([
      'login confirmed',
      'may-read conditional refused',
    ])
    estate.typed = `${own}chief`
    expect(await estate.tryPaths('chief', `127.0.0.1:${running.port}`)).toContain('superuser proven refused')
    estate.typed = password()
    expect(await estate.tryPaths('writer', 'db0')).toEqual(['login refused', 'may-write proven not-tried'])
  })
})

describe('AWS in memory', () => {
  const twin = memoryAws()
  const { account } = twin
  const allow = (Action: string | string[], Resource: string) =>
    JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource } })
  let estate: Estate
  let key: { id: string; secret: string }

  beforeAll(async () => {
    const user = account.addUser('tester')
    key = account.addKey(user)
    const trust = { Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: user.arn } } }
    const role = account.addRole('deploy', trust)
    const boss = account.addRole('boss', {
      Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: role.arn } },
    })
    role.policies.set('boss', allow('sts:AssumeRole', boss.arn))
    boss.policies.set('all', allow('*', '*'))
    // The account decides as AWS does, from what stands there now.
    account.permits = (arn, action, resource) => {
      const holder = [...account.users.values(), ...account.roles.values()].find(one => one.arn === arn)
      const target = [...account.roles.values()].find(one => one.arn === resource)
      return (
        evaluate({
          principal: arn,
          action,
          resource: { arn: resource, account: account.number },
          context: new Context({}, { complete: true }),
          identityPolicies: [...(holder?.policies ?? [])].map(([name, text]) =>
            readPolicy(JSON.parse(text), name),
          ),
          resourcePolicy:
            action === 'sts:AssumeRole' && target ? readPolicy(JSON.parse(target.trust), 'trust') : undefined,
        }).verdict === 'Allowed'
      )
    }
    estate = await openEstate(twin)
    await estate.connect('aws', {
      accessKeyId: account.admin.id,
      secretAccessKey: new Secret(account.admin.secret),
    })
    estate.typed = key.secret
  })
  afterAll(() => estate?.end())

  test('roles are assumed one after the other, and the simulator is asked at the end', async () => {
    const before = account.snapshot()
    expect(await estate.tryPaths('tester', `AWS account ${account.number}`)).toEqual([
      'login confirmed',
      'aws-sts-001 proven confirmed',
      'aws-sts-001 proven confirmed',
      'administrator proven confirmed',
    ])
    expect(account.snapshot()).toBe(before)
    expect(account.sessions.size).toBe(2)
    const told = (await estate.probed()).join()
    for (const { secret, token } of account.sessions.values()) {
      expect(told).not.toContain(secret)
      expect(told).not.toContain(token)
    }
  })

  test('what was taken away since is refused, and what comes after it not tried', async () => {
    const deploy = account.roles.get('deploy')!
    const policy = deploy.policies.get('boss')!
    const boss = account.roles.get('boss')!
    deploy.policies.delete('boss')
    const trust = boss.trust
    account.roles.set('boss', {
      ...boss,
      trust: trust.replace(deploy.arn, deploy.arn.replace('deploy', 'x')),
    })
    expect(await estate.tryPaths('tester', `AWS account ${account.number}`)).toEqual([
      'login confirmed',
      'aws-sts-001 proven confirmed',
      'aws-sts-001 proven refused',
      'administrator proven not-tried',
    ])
    deploy.policies.set('boss', policy)
    account.roles.set('boss', boss)
  })

  test('the key of another, and one that is not there, confirm nothing', async () => {
    estate.typed = randomBytes(30).toString('base64')
    const hops = await estate.tryPaths(key.id, `AWS account ${account.number}`)
    expect(hops[0]).toBe('authenticates-as conditional refused')
    expect(new Set(hops.slice(1).map(hop => hop.split(' ').at(-1)))).toEqual(new Set(['not-tried']))
    estate.typed = key.secret
  })

  test('a server that cannot be reached gives no answer', async () => {
    twin.reachable = false
    const hops = await estate.tryPaths('tester', `AWS account ${account.number}`)
    twin.reachable = true
    expect(hops[0]).toBe('login unknown')
  })
})
