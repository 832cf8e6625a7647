import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { offboard, type OffboardReport } from '../../src/act/lifecycle/offboard.ts'
import { type MemoryAws, memoryAws } from '../../src/connectors/aws/memory.ts'
import { directory } from '../../src/connectors/directory/connector.ts'
import { postgres } from '../../src/connectors/postgres/connector.ts'
import { redis } from '../../src/connectors/redis/connector.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import {
  availableRedis,
  INSTALL_REDIS,
  type RedisServer,
  startRedis,
} from '../../src/serve/operations/drill/redis-server.ts'
import { observe } from '../../src/serve/operations/observe.ts'
import { offboard as operation } from '../../src/serve/operations/offboard.ts'
import { openWorld } from '../serve/operations/open-world.ts'
import { requireServer } from '../servers.ts'
import { mustHold, mustNotStandIn } from '../simulation/invariants.ts'

const postgresHere = requireServer(
  'PostgreSQL',
  availablePostgres() !== undefined,
  'apt-get install postgresql',
)
const redisHere = requireServer('Redis', availableRedis() !== undefined, INSTALL_REDIS)

const ROLES = ['orders_app', 'orders_jobs', 'orders_report', 'orders_ro', 'orders_admin']
const USERS = ['orders-cache', 'orders-queue', 'orders-lock']
const AWS_USERS = ['orders-deploy', 'orders-backup']
const passwords = new Map(
  [...ROLES, ...USERS, 'warehouse'].map(name => [name, randomBytes(24).toString('hex')]),
)
const keyPairs = ['A', 'B', 'C', 'D'].map(letter => ({
  id: `AKIA${letter.repeat(4)}Q7N2KXT6WLM4`,
  secret: randomBytes(30).toString('base64'),
}))
const secrets = [...passwords].filter(([name]) => name !== 'warehouse').map(([, password]) => password)

describe.skipIf(postgresHere.skip || redisHere.skip)(
  `a service leaves a PostgreSQL, a Redis, an AWS account and a directory ${postgresHere.reason || redisHere.reason}`,
  () => {
    let server: PostgresServer
    let cache: RedisServer
    let aws: MemoryAws
    let opened: Awaited<ReturnType<typeof openWorld>>
    let root: string
    let report: OffboardReport
    let session: Client
    const read = (path: string) => readFile(join(root, path), 'utf8')

    beforeAll(async () => {
      ;[server, cache] = await Promise.all([
        startPostgres(),
        startRedis({
          acl: USERS.map(name => {
            const digest = createHash('sha256').update(passwords.get(name)!).digest('hex')
            return `user ${name} on #${digest} ~orders:* +@all`
          }),
        }),
      ])
      const admin = await login(server.adminUser, server.adminPassword.revealText())
      await admin.query('create table item (id int)')
      for (const name of [...ROLES, 'warehouse']) {
        await admin.query(`create role ${name} login password '${passwords.get(name)}'`)
        await admin.query(`grant select on item to ${name}`)
      }
      await admin.end()
      aws = memoryAws({ settleSeconds: 1, approved: ['orders/*'] })
      aws.account.addValue('secrets', 'orders/app', `PORT=3000\nDB=${urlOf('orders_app')}\n`)
      aws.account.addValue('parameters', '/reports/ro', `DB=${urlOf('orders_ro')}\n`)
      for (const [index, name] of AWS_USERS.entries())
        aws.account.users.set(name, {
          name,
          id: `AIDA${name.toUpperCase().replace('-', '')}`,
          arn: `arn:aws:iam::${aws.account.number}:user/${name}`,
          keys: new Map(
            keyPairs
              .slice(2 * index, 2 * index + 2)
              .map(pair => [pair.id, { ...pair, active: true, created: new Date(Date.UTC(2025, 0, 1)) }]),
          ),
          tags: new Map(),
          policies: new Map(),
          hasPassword: false,
        })
      root = await mkdtemp(join(tmpdir(), 'firebreak-offboard-'))
      await writeFiles()
      const twin: Connector = {
        ...aws.connector,
        config: z.object({}),
        open: (_, io) => aws.connector.open({} as never, io),
      }
      opened = await openWorld(
        [postgres, redis, twin, directory],
        ['postgres-url', 'redis-url', 'aws-access-key', 'aws-secret-key'],
      )
      const { world } = opened
      const { db, connections } = world
      await connections.add(db, 'postgres', {
        host: server.host,
        port: server.port,
        user: server.adminUser,
        password: server.adminPassword,
        database: server.database,
      })
      await connections.add(db, 'redis', {
        host: cache.host,
        port: cache.port,
        user: cache.adminUser,
        password: cache.adminPassword,
      })
      await connections.add(db, 'aws', {}, 'aws')
      await connections.add(db, 'directory', {
        path: root,
        approved: ['orders/**/.env', 'orders/**/*.env'],
        workloads: [{ name: 'billing', reads: 'billing/.env' }],
      })
      await observe.run(world, observe.input.parse({ workers: 1 }))
      // It is at work until the last moment.
      session = await login('orders_app', passwords.get('orders_app')!, 'orders')
      session.on('error', () => {})
      report = await offboard(db, world, {
        subject: 'orders',
        mode: 'graceful',
        windowSeconds: 1,
        apply: true,
      })
    })
    afterAll(async () => {
      await session?.end().catch(() => {})
      await opened?.close()
      await server?.stop()
      await cache?.stop()
      if (root) await rm(root, { recursive: true, force: true })
    })

    function urlOf(name: string): string {
      return `postgres://${name}:${passwords.get(name)}@${server.host}:${server.port}/${server.database}`
    }

    async function writeFiles(): Promise<void> {
      const cacheUrl = (name: string) =>
        `redis://${name}:${passwords.get(name)}@${cache.host}:${cache.port}/0`
      const catalog = (name: string) =>
        `apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: ${name} }\nspec: { type: service, owner: team-${name} }\n`
      const files = {
        'orders/catalog-info.yaml': catalog('orders'),
        'orders/.env': `PORT=3000\n${ROLES.map((name, at) => `DB_${at}=${urlOf(name)}\n`).join('')}`,
        'orders/worker/.env': USERS.map((name, at) => `REDIS_${at}=${cacheUrl(name)}\n`).join(''),
        ...Object.fromEntries(
          keyPairs.map(({ id, secret }, at) => [
            `orders/deploy/${at}.env`,
            `AWS_ACCESS_KEY_ID=${id}\nAWS_SECRET_ACCESS_KEY=${secret}\n`,
          ]),
        ),
        'orders/warehouse.env': `WAREHOUSE=${urlOf('warehouse')}\n`,
        'billing/.env': `WAREHOUSE=${urlOf('warehouse')}\n`,
        'notes.md': `psql ${urlOf('orders_app')}\n`,
      }
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true })
        await writeFile(join(root, path), text)
      }
    }

    async function login(user: string, password: string, name = 'test'): Promise<Client> {
      const { host, port, database } = server
      const client = new Client({ host, port, user, password, database, application_name: name })
      await client.connect()
      return client
    }

    test('all twelve are proven dead, in one run', () => {
      expect(report.credentials.map(({ state }) => state)).toEqual(Array.from({ length: 12 }, () => 'dead'))
      expect(report.contained, JSON.stringify(report.steps, null, 1)).toBe(true)
      expect(report.own.map(({ name }) => name).sort()).toEqual([...ROLES, ...USERS, ...AWS_USERS].sort())
    })

    test('PostgreSQL refuses each role, has ended its sessions, and has no right of it left', async () => {
      for (const name of ROLES) await expect(login(name, passwords.get(name)!)).rejects.toThrow()
      await expect(session.query('select 1')).rejects.toThrow()
      const admin = await login(server.adminUser, server.adminPassword.revealText())
      const { rows } = await admin.query(
        "select grantee from information_schema.role_table_grants where grantee like 'orders%'",
      )
      await admin.end()
      expect(rows).toEqual([])
    })

    test('Redis refuses each user, and AWS has no key', async () => {
      for (const name of USERS) {
        const client = new Redis({
          host: cache.host,
          port: cache.port,
          username: name,
          password: passwords.get(name)!,
          lazyConnect: true,
          retryStrategy: () => null,
        })
        client.on('error', () => {})
        await expect(client.connect().then(() => client.ping())).rejects.toThrow()
        client.disconnect()
      }
      for (const name of AWS_USERS) expect(aws.account.users.get(name)!.keys.size).toBe(0)
    })

    test('its files hold nothing of it any more, and all else', async () => {
      for (const path of [
        'orders/.env',
        'orders/worker/.env',
        'orders/deploy/0.env',
        'orders/deploy/3.env',
      ]) {
        const text = await read(path)
        for (const secret of [...secrets, ...keyPairs.map(pair => pair.secret)])
          expect(text.includes(secret), path).toBe(false)
      }
      expect(await read('orders/.env')).toMatch(/^PORT=3000\nDB_0=postgres:\/\/orders_app:@/)
      const left = report.copies.filter(({ state }) => state !== 'removed').map(({ where }) => where)
      expect(left.sort()).toEqual([
        expect.stringContaining('/reports/ro'),
        expect.stringContaining('notes.md'),
      ])
    })

    test('a secret of AWS that may be written holds the rest, and no version of it the password', () => {
      const [kept] = [...aws.account.secrets.values()].map(({ versions }) => versions.map(({ text }) => text))
      expect(kept).toEqual([expect.stringMatching(/^PORT=3000\nDB=postgres:\/\/orders_app:@/)])
    })

    test('what billing uses as well stays, and is named with why', async () => {
      expect(report.shared).toEqual([
        expect.objectContaining({ name: 'warehouse', why: expect.stringMatching(/^billing uses it: /) }),
      ])
      await (await login('warehouse', passwords.get('warehouse')!)).end()
      expect(await read('orders/warehouse.env')).toContain(passwords.get('warehouse'))
    })

    test('the evidence verifies, and no secret stands in it, in the store or in what people read', async () => {
      const { db } = opened.world
      await mustHold(db)
      const told = stripVTControlCharacters(operation.text(report, 80))
      expect(told).toContain('Gone: tried at the server, and refused.')
      expect(told).toContain('Shared with others')
      await mustNotStandIn(
        db,
        [...secrets, ...keyPairs.map(pair => pair.secret)],
        JSON.stringify(report) + told,
      )
    })
  },
)
