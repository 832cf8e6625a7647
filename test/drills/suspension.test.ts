import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { memoryAws, type MemoryAws } from '../../src/connectors/aws/memory.ts'
import { postgres } from '../../src/connectors/postgres/connector.ts'
import { redis } from '../../src/connectors/redis/connector.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { check } from '../../src/serve/operations/check.ts'
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
import { owner } from '../../src/serve/operations/owner.ts'
import { require } from '../../src/serve/operations/require.ts'
import { resume } from '../../src/serve/operations/resume.ts'
import { show } from '../../src/serve/operations/show.ts'
import { watch } from '../../src/serve/operations/watch.ts'
import { openWorld } from '../serve/operations/open-world.ts'
import { requireServer } from '../servers.ts'
import { mustHold } from '../simulation/invariants.ts'

const postgresHere = requireServer(
  'PostgreSQL',
  availablePostgres() !== undefined,
  'apt-get install postgresql',
)
const redisHere = requireServer('Redis', availableRedis() !== undefined, INSTALL_REDIS)
const PASSWORD = randomBytes(24).toString('hex')
const KEY = { id: `AKIA${'A'.repeat(4)}Q7N2KXT6WLM4`, secret: randomBytes(30).toString('base64') }

describe.skipIf(postgresHere.skip || redisHere.skip)(
  `what nobody owns in a PostgreSQL, a Redis and an AWS account ${postgresHere.reason || redisHere.reason}`,
  () => {
    let server: PostgresServer
    let cache: RedisServer
    let aws: MemoryAws
    let opened: Awaited<ReturnType<typeof openWorld>>
    const lines: string[] = []

    beforeAll(async () => {
      const digest = createHash('sha256').update(PASSWORD).digest('hex')
      ;[server, cache] = await Promise.all([
        startPostgres(),
        startRedis({ acl: [`user jobs on #${digest} ~* +@all`] }),
      ])
      const admin = await login(server.adminUser, server.adminPassword.revealText())
      for (const name of ['orders', 'billing'])
        await admin.query(`create role ${name} login password '${PASSWORD}'`)
      await admin.query(`comment on role billing is 'owner: payments'`)
      await admin.end()
      aws = memoryAws({ settleSeconds: 1 })
      aws.account.users.set('deploy', {
        name: 'deploy',
        id: 'AIDADEPLOY',
        arn: `arn:aws:iam::${aws.account.number}:user/deploy`,
        keys: new Map([[KEY.id, { ...KEY, active: true, created: new Date(Date.UTC(2025, 0, 1)) }]]),
        tags: new Map(),
        policies: new Map(),
        hasPassword: false,
      })
      const twin: Connector = {
        ...aws.connector,
        config: z.object({}),
        open: (_, io) => aws.connector.open({} as never, io),
      }
      opened = await openWorld([postgres, redis, twin], ['postgres-url'], {
        say: ({ text }) => void lines.push(stripVTControlCharacters(text)),
      })
      const { db, connections } = opened.world
      const admins = { user: server.adminUser, password: server.adminPassword, database: server.database }
      await connections.add(db, 'postgres', { host: server.host, port: server.port, ...admins })
      await connections.add(db, 'redis', {
        host: cache.host,
        port: cache.port,
        user: cache.adminUser,
        password: cache.adminPassword,
      })
      await connections.add(db, 'aws', {}, 'aws')
    })
    afterAll(async () => {
      await opened?.close()
      await Promise.all([server?.stop(), cache?.stop()])
    })

    async function login(user: string, password: string): Promise<Client> {
      const client = new Client({
        host: server.host,
        port: server.port,
        user,
        password,
        database: server.database,
      })
      // Its end is part of what is tried.
      client.on('error', () => {})
      await client.connect()
      return client
    }
    const opensPostgres = async (user: string) =>
      await login(user, PASSWORD).then(
        client => client.end().then(() => true),
        () => false,
      )
    const opensRedis = async () => {
      const options = { host: cache.host, port: cache.port, username: 'jobs', password: PASSWORD }
      const client = new Redis({
        ...options,
        lazyConnect: true,
        enableReadyCheck: false,
        retryStrategy: () => null,
      })
      client.on('error', () => {})
      return await client
        .connect()
        .then(
          () =>
            client.ping().then(
              () => true,
              () => false,
            ),
          () => false,
        )
        .finally(() => client.disconnect())
    }
    const isActive = () => aws.account.users.get('deploy')!.keys.get(KEY.id)!.active
    const opens = async () => [await opensPostgres('orders'), await opensRedis(), isActive()]

    async function required(automatic: string): Promise<void> {
      const file = join(opened.world.home, 'requirements.yaml')
      await writeFile(file, `require:\n  - owner: true\n    automatic: { ${automatic} }\n`)
      await require.run(opened.world, { file, by: 'ann' })
    }
    async function watched(): Promise<string[]> {
      lines.length = 0
      await watch.run(opened.world, watch.input.parse({ once: true, workers: 1 }))
      return lines.filter(line => line.includes('suspend')).map(line => line.replace(/^\S+ +/, ''))
    }
    const shown = async (subject: string) =>
      stripVTControlCharacters(show.text(await show.run(opened.world, { subject }), 80)).replace(/\s+/g, ' ')
    const owned = async (subject: string) => {
      const given = owner.input.parse({ action: 'set', subject, owner: 'payments', by: 'ann' })
      return stripVTControlCharacters(owner.text(await owner.run(opened.world, given), 80)).replace(
        /\s+/g,
        ' ',
      )
    }

    test('it is announced with its time, and nothing happens before', async () => {
      await required('suspend: [orphan], grace: 30d, notice: 7d')
      const announced = await watched()
      for (const name of ['orders', 'jobs', 'deploy'])
        expect(announced).toContainEqual(
          expect.stringMatching(
            new RegExp(
              `^suspend announced +\\S*${name} \\(nobody answers for it\\): .*; it is suspended on .* or after`,
            ),
          ),
        )
      expect(announced.filter(line => line.includes('billing'))).toEqual([])
      expect(await shown('orders')).toContain('It is to be suspended by policy, announced on')
      expect(await opens()).toEqual([true, true, true])
    })

    test('when its time has come nobody gets in, who was logged in is not any more, and what is owned is as it was', async () => {
      const session = await login('orders', PASSWORD)
      const ended = new Promise(resolve => session.once('end', resolve))
      await required('suspend: [orphan], grace: 0d, notice: 0d')
      const told = await watched()
      await ended
      expect(told.filter(line => line.startsWith('suspend acted'))).toHaveLength(3)
      expect(await opens()).toEqual([false, false, false])
      expect(await opensPostgres('billing')).toBe(true)
      expect(await shown('orders')).toMatch(
        /It is suspended by policy since .*firebreak resume gives it back/,
      )
      const { findings } = await check.run(opened.world, check.input.parse({}))
      expect(findings.filter(one => one.check === 'owner-missing').map(({ why }) => why)).toEqual(
        expect.arrayContaining([expect.stringContaining('suspended by policy since')]),
      )
    })

    test('an owner’s name alone brings it back by command, and where policy says so by the next watch', async () => {
      expect(await owned('orders')).toContain('orders is suspended: firebreak resume orders gives it back.')
      expect(await opens()).toEqual([false, false, false])
      const given = await resume.run(opened.world, resume.input.parse({ subject: 'orders', by: 'ann' }))
      expect(given).toMatchObject({ outcome: 'acted', owner: 'payments' })
      expect(await opens()).toEqual([true, false, false])
      await expect(resume.run(opened.world, resume.input.parse({ subject: 'orders' }))).rejects.toMatchObject(
        {
          code: 'NOT_FOUND',
        },
      )
      await required('suspend: [orphan], grace: 0d, notice: 0d, resume: true')
      expect(await owned('jobs')).toContain('a watch gives it back')
      await owned('deploy')
      expect((await watched()).map(line => line.split('  ')[0])).toEqual([
        'suspend resumed',
        'suspend resumed',
      ])
      expect(await opens()).toEqual([true, true, true])
      expect(await watched()).toEqual([])
      await mustHold(opened.world.db)
    })
  },
)
