import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listLeases } from '../../src/act/broker/lease/lease-view.ts'
import { connectors } from '../../src/connectors/all.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { readCheckpoints, sealedEntries } from '../../src/core/evidence/export.ts'
import { sealEvidence } from '../../src/core/evidence/sealer.ts'
import { verifyEvidence } from '../../src/core/evidence/verify.ts'
import { deriveKeys, type Keys } from '../../src/core/keys/keys.ts'
import { loadRootKey } from '../../src/core/keys/root-key.ts'
import { type Db, openStore } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
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
import {
  ADMIN,
  availableMariadb,
  INSTALL_MARIADB,
  type MariadbServer,
  startMariadb,
} from '../connectors/mariadb/mariadb-server.ts'
import { requireServer } from '../servers.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/firebreak.js', import.meta.url))
const LEASES = Number(process.env['LEASES'] ?? 1000)
const KILLS = 10
const AT_ONCE = 6
const SEED = Number(process.env['SEED'] ?? 20_261_128)
/** So long after its end, of the time that the broker is up, a lease may still be there. */
const GRACE_MS = 5_000
const KINDS = ['postgres:orders', 'redis:cart', 'mariadb:shop', 'api:reports', 'api:reports'] as const

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')
const redis = requireServer('Redis', availableRedis() !== undefined, INSTALL_REDIS)
const mariadb = requireServer('MariaDB', availableMariadb(), INSTALL_MARIADB)
const skip = postgres.skip || redis.skip || mariadb.skip

interface Given {
  readonly id: string
  readonly name: string
  readonly user: string | undefined
  readonly notAfter: number
}

describe.skipIf(skip)(
  `${LEASES} leases of mixed kinds, the broker killed ${KILLS} times, seed ${SEED}`,
  () => {
    const io = realIo()
    const random = generator(SEED)
    const given: Given[] = []
    const sessions: pg.Client[] = []
    let home: string
    let servers: { postgres: PostgresServer; redis: RedisServer; mariadb: MariadbServer }
    let admin: {
      postgres: pg.Client
      redis: Redis
      mariadb: Awaited<ReturnType<typeof createConnection>>
    }
    let issuer: Server
    let token: () => Promise<string>
    let keys: Keys
    let db: Db
    let connections: Connections
    let broker: ChildProcess | undefined
    let url = ''
    /** When the broker was up, from and to. */
    const up: { from: number; to: number }[] = []

    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), 'firebreak-leases-'))
      await mkdir(join(home, 'policies'))
      await writeFile(join(home, 'policies', 'all.cedar'), 'permit(principal, action, resource);')
      const [sql, cache, maria] = await Promise.all([
        startPostgres({ settings: { max_connections: '100' } }),
        startRedis({ acl: [`user cart on #${'0'.repeat(64)} ~cart:* +@read`] }),
        startMariadb(),
      ])
      servers = { postgres: sql, redis: cache, mariadb: maria }
      admin = {
        postgres: new pg.Client({
          host: '127.0.0.1',
          port: sql.port,
          user: sql.adminUser,
          password: sql.adminPassword.revealText(),
          database: 'postgres',
        }),
        redis: new Redis({
          host: '127.0.0.1',
          port: cache.port,
          username: cache.adminUser,
          password: cache.adminPassword.revealText(),
        }),
        mariadb: await createConnection({
          host: '127.0.0.1',
          port: maria.port,
          user: ADMIN,
          password: maria.adminPassword,
        }),
      }
      await admin.postgres.connect()
      await admin.postgres.query('create role orders')
      await admin.mariadb.query("create user shop@'%' identified by 'x'")
      const pair = await generateKeyPair('ES256', { extractable: true })
      const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' }
      issuer = createServer((request, response) => {
        const own = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`
        const isKeys = request.url === '/keys'
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(isKeys ? { keys: [jwk] } : { issuer: own, jwks_uri: `${own}/keys` }))
      })
      await new Promise<void>(resolve => issuer.listen(0, '127.0.0.1', resolve))
      const address = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`
      let tokens = 0
      token = async () =>
        await new SignJWT({ sub: 'job', jti: `token-${++tokens}` })
          .setProtectedHeader({ alg: 'ES256', kid: 'one' })
          .setIssuer(address)
          .setAudience('https://broker.example')
          .setIssuedAt()
          .setExpirationTime('5m')
          .sign(pair.privateKey)
      await writeFile(
        join(home, 'broker.yaml'),
        `issuer: https://broker.example
issuers: [{ issuer: "${address}", subjects: ["*"] }]
leases:
  - { name: "postgres:orders", like: orders, ttl: 1m }
  - { name: "redis:cart", like: cart, ttl: 1m }
  - { name: "mariadb:shop", like: "shop@%", ttl: 1m }
  - { name: "api:reports", audience: "https://reports.example", ttl: 1m }
`,
      )
      keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
      db = await openStore(join(home, 'firebreak.db'))
      connections = new Connections(connectors, keys, io)
      const loopback = { host: '127.0.0.1' }
      const sources = [
        await connections.add(db, 'postgres', {
          ...loopback,
          port: sql.port,
          user: sql.adminUser,
          password: sql.adminPassword,
          tls: 'disable',
        }),
        await connections.add(db, 'redis', { ...loopback, port: cache.port, password: cache.adminPassword }),
        await connections.add(db, 'mariadb', {
          ...loopback,
          port: maria.port,
          user: ADMIN,
          password: new Secret(maria.adminPassword),
        }),
      ]
      const options = { io, keys, ...BUILT_IN_RULES, workers: 1 }
      for (const source of sources) await observe(db, source, await connections.open(db, source.id), options)
    }, 600_000)
    afterAll(async () => {
      broker?.kill('SIGKILL')
      await Promise.allSettled(sessions.map(client => client.end()))
      await admin?.postgres.end()
      admin?.redis.disconnect()
      await admin?.mariadb.end()
      await connections?.close()
      await db?.destroy()
      issuer?.close()
      await Promise.all([servers?.postgres.stop(), servers?.redis.stop(), servers?.mariadb.stop()])
      await rm(home, { recursive: true, force: true })
    })

    test('none outlives its time, none is left at a system, and every one is in the record', async () => {
      await start()
      const late = watchForLate()
      let asked = 0
      const killAt = new Set(
        Array.from({ length: KILLS }, (_, index) => Math.round(((index + random()) * LEASES) / KILLS)),
      )
      let restart = Promise.resolve()
      const work = async () => {
        while (given.length < LEASES) {
          if (killAt.delete(asked++)) restart = restart.then(() => killAndStart())
          await restart
          await ask().catch(async () => await new Promise(resolve => setTimeout(resolve, 200)))
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work))
      await restart
      await expect
        .poll(
          async () =>
            (
              await db
                .selectFrom('lease')
                .select('id')
                .where('state', 'in', ['issuing', 'active', 'ending'])
                .execute()
            ).length,
          { timeout: 300_000, interval: 1000 },
        )
        .toBe(0)
      const tooLate = await late.stop()
      await stopBroker()
      console.log(
        JSON.stringify({
          asked,
          given: given.length,
          kills: up.length - 1,
          sessions: sessions.length,
          longestLateMs: late.longest(),
          tooLate: tooLate.length,
        }),
      )

      expect(await there()).toEqual(new Map())
      const views = await listLeases(db, true)
      const known = new Map(views.map(view => [view.id, view]))
      for (const { id } of given) expect(known.get(id)?.state, id).toBe('ended')
      await sealEvidence(db, keys.signer, io)
      const told = new Set<string>()
      for await (const { kind, subject, body } of sealedEntries(db)) {
        told.add(`${kind} ${subject}`)
        // Access tokens that expire are told together.
        if (kind === 'lease.expired')
          for (const id of (JSON.parse(body) as { leases: string[] }).leases) told.add(`lease.ended ${id}`)
      }
      for (const { id, state } of views) {
        expect(told, `${id} ${state}`).toContain(`broker.decision ${id}`)
        expect(told, `${id} ${state}`).toContain(`lease.${state} ${id}`)
      }
      expect((await verifyEvidence(sealedEntries(db), await readCheckpoints(db), {})).problems).toEqual([])
      expect(tooLate).toEqual([])
    }, 3_600_000)

    /** One lease; some are ended by who has them, the others by their time. */
    async function ask(): Promise<void> {
      const name = KINDS[Math.floor(random() * KINDS.length)]!
      const ttlSeconds = 5 + Math.floor(random() * 30)
      const answer = await fetch(`${url}/leases`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name, ttlSeconds }),
      })
      const body = (await answer.json()) as {
        lease: { id: string; notAfter: string }
        handle: string
        credential?: { user: string; password: string }
      }
      if (answer.status !== 201) throw new Error(`${name}: ${answer.status} ${JSON.stringify(body)}`)
      const { lease, credential, handle } = body
      given.push({ id: lease.id, name, user: credential?.user, notAfter: Date.parse(lease.notAfter) })
      if (name.startsWith('postgres') && credential && random() < 0.3) await stayLoggedIn(credential)
      if (random() < 0.3)
        await fetch(`${url}/leases/${lease.id}`, {
          method: 'DELETE',
          headers: { authorization: `Bearer ${handle}` },
        })
    }

    /** A session that does not end by itself. */
    async function stayLoggedIn({ user, password }: { user: string; password: string }): Promise<void> {
      const { port } = servers.postgres
      const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' })
      client.on('error', () => {})
      await client.connect()
      sessions.push(client)
    }

    async function start(): Promise<void> {
      const child = spawn(process.execPath, [PROGRAM, 'broker', '--listen', '127.0.0.1:0'], {
        env: { ...process.env, FIREBREAK_HOME: home },
      })
      broker = child
      let said = ''
      url = await new Promise<string>((resolve, reject) => {
        const listen = (bytes: Buffer) => {
          said += String(bytes)
          const found = /https?:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
          if (found) resolve(found)
        }
        child.stdout.on('data', listen)
        child.stderr.on('data', listen)
        child.once('exit', code => reject(new Error(`the broker ended (${code}): ${said}`)))
      })
      up.push({ from: Date.now(), to: Number.POSITIVE_INFINITY })
    }

    async function stopBroker(): Promise<void> {
      const child = broker
      if (!child) return
      up.at(-1)!.to = Date.now()
      broker = undefined
      await new Promise(resolve => {
        child.once('exit', resolve)
        child.kill('SIGKILL')
      })
    }

    async function killAndStart(): Promise<void> {
      // Not when a request begins, but somewhere within what is at work.
      await new Promise(resolve => setTimeout(resolve, random() * 500))
      await stopBroker()
      await start()
    }

    /** What stands at the systems, asked directly: user → system. */
    async function there(): Promise<Map<string, string>> {
      const roles = await admin.postgres.query("select rolname from pg_roles where rolname like 'fb\\_%'")
      const users = (await admin.redis.call('ACL', 'USERS')) as string[]
      const [accounts] = await admin.mariadb.query(
        "select user as name from mysql.user where user like 'fb\\_%'",
      )
      return new Map([
        ...roles.rows.map(row => [row.rolname as string, 'postgres'] as const),
        ...users.filter(name => name.startsWith('fb_')).map(name => [name, 'redis'] as const),
        ...(accounts as { name: string }[]).map(({ name }) => [name, 'mariadb'] as const),
      ])
    }

    /** Those of them that can still be used: PostgreSQL lets nobody in after a role's time, but ends no session then. */
    async function alive(): Promise<Map<string, string>> {
      const all = await there()
      const { rows } = await admin.postgres.query(
        `select rolname from pg_roles where rolname like 'fb\\_%' and rolvaliduntil <= now()
        and not exists (select 1 from pg_stat_activity where usename = rolname)`,
      )
      for (const { rolname } of rows) all.delete(rolname as string)
      return all
    }

    /** How long of the broker's own time lies between. */
    function upBetween(from: number, to: number): number {
      return up.reduce((sum, one) => sum + Math.max(0, Math.min(to, one.to) - Math.max(from, one.from)), 0)
    }

    function watchForLate() {
      let stopping = false
      let longest = 0
      const found = new Map<string, number>()
      const loop = (async () => {
        while (!stopping) {
          const standing = await alive()
          const now = Date.now()
          for (const { user, notAfter, id } of given) {
            if (user === undefined || !standing.has(user)) continue
            const late = upBetween(notAfter, now)
            longest = Math.max(longest, late)
            if (late > GRACE_MS) found.set(`${id} ${standing.get(user)}`, late)
          }
          await new Promise(resolve => setTimeout(resolve, 250))
        }
      })()
      return {
        longest: () => longest,
        async stop() {
          stopping = true
          await loop
          return [...found]
        },
      }
    }
  },
)

function generator(seed: number): () => number {
  let state = seed % 2_147_483_647
  return () => {
    // Park and Miller's generator: any would do, as long as it is the same each time.
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
