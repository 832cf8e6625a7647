import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { endLease } from '../../../../src/act/broker/lease/end-lease.ts'
import { leaseView } from '../../../../src/act/broker/lease/lease-view.ts'
import { redis } from '../../../../src/connectors/redis/connector.ts'
import { postgres } from '../../../../src/connectors/postgres/connector.ts'
import type { Connector } from '../../../../src/core/contract/connector.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { type Db, transaction } from '../../../../src/core/store/store.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { liftHold, setHold } from '../../../../src/know/inventory/holds.ts'
import { findSubject } from '../../../../src/know/inventory/queries.ts'
import { disconnect } from '../../../../src/know/observe/disconnect.ts'
import { observe } from '../../../../src/know/observe/observe.ts'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../../../src/serve/operations/drill/postgres-server.ts'
import {
  availableRedis,
  INSTALL_REDIS,
  type RedisServer,
  startRedis,
} from '../../../../src/serve/operations/drill/redis-server.ts'
import { testKeys } from '../../../know/estate.ts'
import { requireServer } from '../../../servers.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../broker-stage.ts'
import { BUILT_IN_RULES } from '../../../built-in-rules.ts'
import { memoryStore } from '../../../memory-store.ts'

const CONFIG = `
issuers:
  - issuer: ${ISSUER}
    subjects: ['job:*']
leases:
  - { name: postgres:orders/read, like: orders_read, ttl: 60s, maxTtl: 10m }
  - { name: redis:cart, like: cart, ttl: 60s }
  - { name: api:reports, audience: https://reports.example, scopes: [read, write], ttl: 60s }
`
const POLICIES = {
  'jobs.cedar': `
@id("jobs") permit(principal is Workload, action == Action::"lease", resource)
  when { principal.subject like "job:*" };
@id("one-task") forbid(principal, action, resource)
  when { resource.name == "postgres:orders/read" && context has task && context.task == "drop everything" };`,
}
const postgresServer = requireServer(
  'PostgreSQL',
  availablePostgres() !== undefined,
  'apt-get install postgresql',
)
const redisServer = requireServer('Redis', availableRedis() !== undefined, INSTALL_REDIS)

describe.skipIf(postgresServer.skip || redisServer.skip)(
  `leases on real servers ${postgresServer.reason}${redisServer.reason}`,
  () => {
    let server: PostgresServer
    let cache: RedisServer
    let admin: pg.Client
    let db: Db
    let connections: Connections
    let stage: BrokerStage

    beforeAll(async () => {
      const digest = randomBytes(32).toString('hex')
      ;[server, cache] = await Promise.all([
        startPostgres(),
        startRedis({ acl: [`user cart on #${digest} ~cart:* +@all`] }),
      ])
      admin = client(server.adminUser, server.adminPassword.revealText())
      await admin.connect()
      await admin.query(
        'create role orders_read; create table orders (id int); grant select on orders to orders_read',
      )
      db = await memoryStore()
      const io = realIo()
      connections = new Connections([postgres, redis] as Connector[], testKeys, io)
      const sources = [
        await connections.add(db, 'postgres', {
          host: '127.0.0.1',
          port: server.port,
          user: server.adminUser,
          password: server.adminPassword,
          tls: 'disable',
        }),
        await connections.add(db, 'redis', {
          host: '127.0.0.1',
          port: cache.port,
          user: cache.adminUser,
          password: cache.adminPassword,
        }),
      ]
      for (const source of sources)
        await observe(db, source, await connections.open(db, source.id), {
          io,
          keys: testKeys,
          ...BUILT_IN_RULES,
          workers: 1,
        })
      stage = await brokerStage(db, connections, { config: CONFIG, policies: POLICIES })
    })
    afterAll(async () => {
      await stage?.close()
      await connections?.close()
      await db?.destroy()
      await admin?.end()
      await Promise.all([server?.stop(), cache?.stop()])
    })

    function client(user: string, password: string): pg.Client {
      const made = new pg.Client({
        host: '127.0.0.1',
        port: server.port,
        user,
        password,
        database: 'postgres',
      })
      made.on('error', () => {})
      return made
    }

    async function ask(body: Record<string, unknown>, claims: Record<string, unknown> = {}) {
      return await stage.post('/leases', await stage.token(claims), body)
    }

    async function issuedRoles(): Promise<string[]> {
      const { rows } = await admin.query(
        "select rolname from pg_roles where rolname like 'fb\\_%' order by 1",
      )
      return rows.map(row => row.rolname as string)
    }

    test('nothing is issued where its system was disconnected since it was chosen', async () => {
      const known = async () => [await issuedRoles(), await db.selectFrom('run').select('id').execute()]
      const before = await known()
      const forInstance = connections.forInstance.bind(connections)
      const { id } = (await connections.list(db)).find(({ system }) => system === 'postgres')!
      vi.spyOn(connections, 'forInstance').mockImplementationOnce(async (...asked) => {
        const chosen = await forInstance(...asked)
        await disconnect(db, realIo(), id, { by: 'ann' })
        return chosen
      })
      const issue = vi.spyOn(await connections.open(db, id), 'issue')
      try {
        const { status } = await ask({ name: 'postgres:orders/read' })
        expect(status).toBe(500)
        expect(issue).not.toHaveBeenCalled()
        expect(await known()).toEqual(before)
      } finally {
        vi.restoreAllMocks()
        const { port, adminUser: user, adminPassword: password } = server
        const config = { host: '127.0.0.1', port, user, password, tls: 'disable' }
        const source = await connections.add(db, 'postgres', config)
        const options = { io: realIo(), keys: testKeys, ...BUILT_IN_RULES, workers: 1 }
        await observe(db, source, await connections.open(db, source.id), options)
      }
    })

    test('a job gets a role of PostgreSQL for its task, and it is dead when the job says so', async () => {
      const { status, body } = await ask({ name: 'postgres:orders/read', task: 'report', ttlSeconds: 120 })
      expect(status, JSON.stringify(body)).toBe(201)
      const { lease, handle, credential } = body as never as Granted
      expect(lease).toMatchObject({
        state: 'active',
        identity: 'orders_read',
        task: 'report',
        workload: { issuer: ISSUER, subject: 'job:orders' },
        permittedBy: 'permitted by jobs',
      })
      expect(credential).toMatchObject({ system: 'postgres', host: '127.0.0.1', port: server.port })
      const session = client(credential.user, credential.password)
      await session.connect()
      await session.query('select * from orders')
      await expect(session.query('insert into orders values (1)')).rejects.toThrow('permission denied')
      const { rows } = await admin.query('select rolvaliduntil as until from pg_roles where rolname = $1', [
        credential.user,
      ])
      expect(Math.abs(Date.parse(rows[0].until) - Date.parse(lease.notAfter))).toBeLessThan(5000)

      expect((await stage.call('GET', `/leases/${lease.id}`, handle)).body['state']).toBe('active')
      expect((await stage.call('GET', `/leases/${lease.id}`, 'fblease_other')).status).toBe(401)
      const ended = await stage.call('DELETE', `/leases/${lease.id}`, handle)
      expect(ended.body).toMatchObject({
        state: 'ended',
        endedWhy: 'its holder ended it',
        proof: { state: 'dead' },
      })
      await expect(session.query('select 1')).rejects.toThrow()
      await expect(client(credential.user, credential.password).connect()).rejects.toThrow('password')
      expect(await issuedRoles()).toEqual([])
      // Twice is as once.
      expect((await stage.call('DELETE', `/leases/${lease.id}`, handle)).body['state']).toBe('ended')
    })

    test('the keeper takes nothing from who ends a lease, and of two who do neither fails', async () => {
      const { body } = await ask({ name: 'postgres:orders/read', ttlSeconds: 120 })
      const { lease, handle } = body as never as Granted
      let ending = true
      const sweeping = (async () => {
        for (; ending; await new Promise(resolve => setTimeout(resolve, 1))) await stage.keeper.sweep()
      })()
      const ended = await stage.call('DELETE', `/leases/${lease.id}`, handle)
      ending = false
      await sweeping
      expect([ended.status, ended.body['state']]).toEqual([200, 'ended'])
      const again = await ask({ name: 'postgres:orders/read', ttlSeconds: 120 })
      const other = again.body as never as Granted
      const both = [0, 1].map(() => stage.call('DELETE', `/leases/${other.lease.id}`, other.handle))
      expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
      await expect.poll(() => stateOf(other.lease.id)).toBe('ended')
      await stage.keeper.settled()
      expect(stage.troubles).toEqual([])
    })

    test('a lease of a system is renewed there, and ends at its new time', async () => {
      const asked = [
        await ask({ name: 'postgres:orders/read', ttlSeconds: 15 }),
        await ask({ name: 'redis:cart', ttlSeconds: 15 }),
      ]
      const granted = asked.map(({ body }) => body as never as Granted)
      const [role] = granted
      const until = async () => {
        const sql = 'select rolvaliduntil as until from pg_roles where rolname = $1'
        return Date.parse((await admin.query(sql, [role!.credential.user])).rows[0].until)
      }
      const before = await until()
      await new Promise(resolve => setTimeout(resolve, 5_000))
      for (const { lease, handle } of granted) {
        const answer = await stage.post(`/leases/${lease.id}/renew`, handle, {})
        expect(answer.status, JSON.stringify(answer.body)).toBe(200)
        const { notAfter } = answer.body['lease'] as never as { notAfter: string }
        expect(Date.parse(notAfter)).toBeGreaterThan(Date.parse(lease.notAfter) + 4_900)
      }
      expect(await until()).toBeGreaterThan(before + 4_900)
      await new Promise(resolve => setTimeout(resolve, Date.parse(role!.lease.notAfter) + 200 - Date.now()))
      await stage.keeper.sweep()
      await stage.keeper.settled()
      expect(await stateOf(role!.lease.id)).toBe('active')
      const session = client(role!.credential.user, role!.credential.password)
      await session.connect()
      for (const { lease } of granted)
        await expect
          .poll(async () => {
            await stage.keeper.sweep()
            return await stateOf(lease.id)
          })
          .toBe('ended')
      await expect(session.query('select 1')).rejects.toThrow()
      expect(await issuedRoles()).toEqual([])
    })

    test('a user of Redis ends at its time, and its sessions with it', async () => {
      const { status, body } = await ask({ name: 'redis:cart', ttlSeconds: 5 })
      expect(status, JSON.stringify(body)).toBe(201)
      const { lease, credential } = body as never as Granted
      const session = new Redis({
        host: '127.0.0.1',
        port: cache.port,
        username: credential.user,
        password: credential.password,
        enableReadyCheck: false,
        lazyConnect: true,
        retryStrategy: () => null,
      })
      session.on('error', () => {})
      await session.connect()
      await session.set('cart:1', 'x')
      await expect
        .poll(async () => {
          await stage.keeper.sweep()
          return await stateOf(lease.id)
        })
        .toBe('ended')
      await expect(session.get('cart:1')).rejects.toThrow()
      session.disconnect()
      const ended = await row(lease.id)
      expect(ended.ended_why).toBe('its time is over')
      expect(ended.ended_at!).toBeGreaterThanOrEqual(ended.not_after)
    })

    test('an access token is verified by its keys, has what was asked for and no more', async () => {
      const { body } = await ask({ name: 'api:reports', scopes: ['read'], task: 'may' })
      const { accessToken, lease } = body as never as Granted
      const keys = createRemoteJWKSet(new URL(`${stage.url}/jwks.json`))
      const { payload, protectedHeader } = await jwtVerify(accessToken, keys, {
        issuer: 'https://broker.example',
        audience: 'https://reports.example',
        typ: 'at+jwt',
        algorithms: ['EdDSA'],
      })
      expect(protectedHeader.alg).toBe('EdDSA')
      expect(payload).toMatchObject({ sub: 'job:orders', scope: 'read', task: 'may', jti: lease.id })
      expect(payload.exp! - payload.iat!).toBe(60)
      expect((await ask({ name: 'api:reports', scopes: ['admin'] })).body).toMatchObject({
        error: 'invalid_scope',
      })
    })

    test('what nothing permits is refused in OAuth’s words, and recorded with all it was decided from', async () => {
      const refused = await ask({ name: 'postgres:orders/read', task: 'drop everything' })
      expect(refused.status).toBe(403)
      expect(refused.body).toEqual({ error: 'access_denied', error_description: 'forbidden by one-task' })
      expect(refused.headers.get('cache-control')).toBe('no-store')
      const entries = await db
        .selectFrom('evidence')
        .selectAll()
        .where('kind', '=', 'broker.decision')
        .orderBy('id', 'desc')
        .limit(1)
        .execute()
      expect(JSON.parse(entries[0]!.body)).toMatchObject({
        workload: { subject: 'job:orders' },
        lease: { name: 'postgres:orders/read', system: 'postgres', identity: 'orders_read' },
        context: { task: 'drop everything', held: false, ttlSeconds: 60 },
        decision: { allowed: false, policies: ['one-task'], version: stage.broker.policies.current.version },
      })
      expect(await issuedRoles()).toEqual([])
      for (const [body, error] of [
        [{ name: 'postgres:nothing' }, 'invalid_target'],
        [{ name: 'postgres:orders/read', ttlSeconds: 601 }, 'invalid_request'],
        [{ name: 'postgres:orders/read', colour: 'red' }, 'invalid_request'],
        [{ name: 'postgres:orders/read', ttlSeconds: -1 }, 'invalid_request'],
      ] as const)
        expect((await ask(body)).body['error'], JSON.stringify(body)).toBe(error)
    })

    test('while an incident holds the identity nothing is given, and what was given ends within seconds', async () => {
      const { lease, credential } = (await ask({ name: 'postgres:orders/read' })).body as never as Granted
      const [identity] = (await findSubject(db, testKeys, 'orders_read')).filter(
        ({ type }) => type === 'identity',
      )
      await transaction(db, tx => setHold(tx, realIo(), identity!.id, undefined, 'it leaked'))
      const refused = await ask({ name: 'postgres:orders/read' })
      expect(refused.body['error']).toBe('access_denied')
      const heldAt = Date.now()
      await expect
        .poll(async () => {
          await stage.keeper.look()
          return await stateOf(lease.id)
        })
        .toBe('ended')
      expect(Date.now() - heldAt).toBeLessThan(60_000)
      expect((await row(lease.id)).ended_why).toContain('is held')
      await expect(client(credential.user, credential.password).connect()).rejects.toThrow()
      const [hold] = await db.selectFrom('hold').selectAll().where('lifted_at', 'is', null).execute()
      await transaction(db, tx => liftHold(tx, realIo(), hold!.id))
    })

    test('a policy that is broken changes nothing; one that is sound ends what it would refuse', async () => {
      const { lease } = (await ask({ name: 'postgres:orders/read' })).body as never as Granted
      const before = stage.broker.policies.current.version
      const file = join(stage.policies, 'jobs.cedar')
      await writeFile(file, 'permit(principal, action')
      expect((await stage.broker.policies.refresh()).refused?.message).toContain('jobs.cedar')
      expect(stage.broker.policies.current.version).toBe(before)
      expect((await ask({ name: 'postgres:orders/read' })).status).toBe(201)
      await writeFile(
        file,
        `${POLICIES['jobs.cedar']}\nforbid(principal, action, resource) when { resource.kind == "credential" };`,
      )
      await stage.broker.policies.refresh()
      expect(stage.broker.policies.current.version).not.toBe(before)
      await expect
        .poll(async () => {
          await stage.keeper.look()
          return [await stateOf(lease.id), ...(await issuedRoles())]
        })
        .toEqual(['ended'])
      await writeFile(file, POLICIES['jobs.cedar'])
      await stage.broker.policies.refresh()
      expect(stage.broker.policies.current.version).toBe(before)
    })

    test('a system that is away when a lease ends is seen, tried again, and the lease ends', async () => {
      const { lease, credential } = (await ask({ name: 'postgres:orders/read' })).body as never as Granted
      await admin.end()
      await server.kill()
      const ending = await endLease(
        db,
        { ...stage.broker, patienceSeconds: 0.5 },
        lease.id,
        'its task is over',
      )
      expect(ending).toMatchObject({ state: 'ending', failures: 1 })
      expect((await leaseView(db, ending)).trouble).toContain('could not be reached')
      const run = await db
        .selectFrom('run')
        .select('state')
        .where('id', '=', ending.run_id!)
        .executeTakeFirst()
      expect(run?.state).toBe('stuck')
      await server.restart()
      await expect
        .poll(async () => {
          await stage.keeper.sweep()
          return await stateOf(lease.id)
        })
        .toBe('ended')
      await expect(client(credential.user, credential.password).connect()).rejects.toThrow('password')
      expect((await leaseView(db, await row(lease.id))).proof?.state).toBe('dead')
      admin = client(server.adminUser, server.adminPassword.revealText())
      await admin.connect()
      expect(await issuedRoles()).toEqual([])
    })

    async function row(id: string) {
      return await db.selectFrom('lease').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    }

    async function stateOf(id: string): Promise<string> {
      return (await row(id)).state
    }
  },
)

interface Granted {
  readonly lease: { id: string; notAfter: string; state: string }
  readonly handle: string
  readonly accessToken: string
  readonly credential: { system: string; host: string; port: number; user: string; password: string }
}
