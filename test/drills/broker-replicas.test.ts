import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeJoinToken } from '../../src/act/broker/join-token.ts'
import { listLeases } from '../../src/act/broker/lease-view.ts'
import { connectors } from '../../src/connectors/all.ts'
import { realIo } from '../../src/core/contract/io.ts'
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
import { requireServer } from '../servers.ts'

const RULES = fileURLToPath(new URL('../../rules', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../../bin/firebreak.js', import.meta.url))
const OWN = 'https://broker.example'
const REPORTS = 'https://reports.example'
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** So long after its end, of the time that a broker is up, a lease may still be there. */
const GRACE_MS = 5_000

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

interface Given {
  readonly handle: string
  readonly lease: { readonly id: string; readonly state: string; readonly notAfter: string }
  readonly accessToken?: string
  readonly credential?: { readonly user: string; readonly password: string }
}

/** The whole program twice, on one store: what the one does the other knows, and goes on with where the one is gone. */
describe.skipIf(postgres.skip)(`two brokers on one PostgreSQL ${postgres.reason}`, () => {
  const io = realIo()
  let home: string
  let server: PostgresServer
  let store: string
  let admin: pg.Client
  let key: CryptoKey
  let keys: Keys
  let db: Db
  let connections: Connections
  let one: Replica
  let two: Replica

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'firebreak-replicas-'))
    await mkdir(join(home, 'policies'))
    await writeFile(join(home, 'policies', 'all.cedar'), 'permit(principal, action, resource);')
    const pair = await generateKeyPair('ES256', { extractable: true })
    key = pair.privateKey
    const jwk = { ...(await exportJWK(pair.publicKey)), alg: 'ES256' }
    await writeFile(
      join(home, 'broker.yaml'),
      JSON.stringify({
        issuer: OWN,
        spiffe: { trustDomain: 'acme.example' },
        clients: [{ id: 'job', keys: [jwk], serves: [REPORTS] }],
        leases: [
          { name: 'postgres:orders', like: 'orders', ttl: '10m' },
          { name: 'api:reports', audience: REPORTS, ttl: '10m' },
          { name: 'svid:orders', spiffeId: 'spiffe://acme.example/orders', audience: REPORTS },
        ],
      }),
    )
    server = await startPostgres()
    const at = { host: '127.0.0.1', port: server.port, user: server.adminUser }
    const password = server.adminPassword.revealText()
    admin = new pg.Client({ ...at, password, database: 'postgres' })
    await admin.connect()
    await admin.query('create role orders')
    await admin.query('create database firebreak')
    store = `postgres://${at.user}:${password}@127.0.0.1:${at.port}/firebreak`
    keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
    db = await openStore(store)
    connections = new Connections(connectors, keys, io)
    const config = { ...at, password: server.adminPassword, tls: 'disable' }
    const source = await connections.add(db, 'postgres', config)
    const reading = { io, keys, rulesDirectory: RULES, workers: 0 }
    await observe(db, source, await connections.open(db, source.id), reading)
    // Both at once, so that both find neither a key nor policies in force.
    ;[one, two] = await Promise.all([start(), start()])
  }, 60_000)
  afterAll(async () => {
    await one?.stop('SIGTERM')
    await two?.stop('SIGTERM')
    await connections?.close()
    await db?.destroy()
    await admin?.end()
    await server?.stop()
    await rm(home, { recursive: true, force: true })
  })

  test('a lease of the one is shown, renewed and ended by the other', async () => {
    const { lease, handle, credential } = await one.lease('postgres:orders', { ttlSeconds: 60 })
    expect(await logsIn(credential)).toBe(true)
    const shown = await two.call('GET', `/leases/${lease.id}`, handle)
    expect(shown).toMatchObject({ id: lease.id, state: 'active' })
    const ended = await two.call('DELETE', `/leases/${lease.id}`, handle)
    expect(ended).toMatchObject({ state: 'ended', proof: { state: 'dead' } })
    expect(await logsIn(credential)).toBe(false)
    expect(await one.call('GET', `/leases/${lease.id}`, handle)).toMatchObject({ state: 'ended' })
  })

  test('a token of the one holds at the other until that ends it, by the keys of both', async () => {
    const { accessToken = '' } = await one.lease('api:reports')
    expect(await two.form('/introspect', { token: accessToken })).toMatchObject({ active: true })
    await two.form('/revoke', { token: accessToken }, {})
    expect(await one.form('/introspect', { token: accessToken })).toEqual({ active: false })
    const published = async (path: string) => [await one.call('GET', path), await two.call('GET', path)]
    for (const path of ['/jwks.json', '/spiffe/bundle']) {
      const [here, there] = await published(path)
      expect(here, path).toEqual(there)
      expect((here as { keys: unknown[] }).keys).toHaveLength(1)
    }
  })

  test('what was presented to the one is not taken by the other, though both ask at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const shown = await assertion()
      const asked = { grant_type: 'client_credentials', resource: REPORTS, ...shown }
      const answers = await Promise.all([one, two, one, two].map(each => each.form('/token', asked, {})))
      expect(answers.filter(answer => 'access_token' in (answer as object))).toHaveLength(1)
      const refused = answers.filter(answer => !('access_token' in (answer as object)))
      expect(refused).toEqual(refused.map(() => expect.objectContaining({ error: 'invalid_client' })))
    }
  })

  test('of one that is killed the other ends what it left, and nothing half-issued stays', async () => {
    const { credential, lease } = await one.lease('postgres:orders', { ttlSeconds: 4 })
    const token = await one.lease('api:reports', { ttlSeconds: 4 })
    const asked = Array.from({ length: 6 }, () =>
      one.lease('postgres:orders', { ttlSeconds: 4 }).catch(() => undefined),
    )
    // While it is at them, as the store tells.
    await expect
      .poll(async () => (await states()).filter(state => state === 'issuing').length, { interval: 5 })
      .toBeGreaterThan(0)
    await one.stop('SIGKILL')
    await Promise.all(asked)
    const until = Date.parse(lease.notAfter) + GRACE_MS
    const standing = async () => (await states()).filter(state => state !== 'ended' && state !== 'refused')
    await expect.poll(standing, { timeout: until - Date.now() + 30_000, interval: 50 }).toEqual([])
    expect(Date.now()).toBeLessThan(until)
    expect(await logsIn(credential)).toBe(false)
    expect(await two.form('/introspect', { token: token.accessToken ?? '' })).toEqual({ active: false })
    expect((await admin.query("select from pg_roles where rolname like 'fb\\_%'")).rowCount).toBe(0)
  })

  test('the record of both is one chain, and has all of it', async () => {
    one = await start()
    await Promise.all([one, two].flatMap(each => Array.from({ length: 20 }, () => each.lease('api:reports'))))
    await Promise.all([one.stop('SIGTERM'), two.stop('SIGTERM')])
    await sealEvidence(db, keys.signer, io)
    expect((await verifyEvidence(sealedEntries(db), await readCheckpoints(db), {})).problems).toEqual([])
    const told = new Set<string>()
    for await (const { kind, subject } of sealedEntries(db)) told.add(`${kind} ${subject}`)
    const leases = await listLeases(db, true)
    expect(leases.length).toBeGreaterThan(40)
    for (const { id } of leases) expect(told).toContain(`broker.decision ${id}`)
  })

  async function states(): Promise<string[]> {
    const leases = await listLeases(db, true)
    return leases.filter(({ name }) => name === 'postgres:orders').map(({ state }) => state)
  }

  async function logsIn(login: Given['credential']): Promise<boolean> {
    const { user = '', password = '' } = login ?? {}
    const client = new pg.Client({
      host: '127.0.0.1',
      port: server.port,
      user,
      password,
      database: 'postgres',
    })
    client.on('error', () => {})
    return await client.connect().then(
      () => client.end().then(() => true),
      () => false,
    )
  }

  async function assertion(): Promise<Record<string, string>> {
    const client_assertion = await new SignJWT({ jti: Buffer.from(io.random(12)).toString('hex') })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('job')
      .setSubject('job')
      .setAudience(OWN)
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign(key)
    return { client_assertion_type: ASSERTION, client_assertion }
  }

  interface Replica {
    lease(name: string, more?: object): Promise<Given>
    call(method: string, path: string, bearer?: string, body?: object): Promise<unknown>
    /** As the client, which says by an assertion of its own who it is, unless `as` says otherwise. */
    form(path: string, body: Record<string, string>, as?: Record<string, string>): Promise<unknown>
    stop(signal: NodeJS.Signals): Promise<void>
  }

  async function start(): Promise<Replica> {
    const child = spawn(process.execPath, [PROGRAM, 'broker', '--listen', '127.0.0.1:0'], {
      env: { ...process.env, FIREBREAK_HOME: home, DATABASE_URL: store },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const url = await listening(child)
    const call = async (path: string, init: RequestInit): Promise<unknown> =>
      await (await fetch(`${url}${path}`, init)).json()
    const json = (method: string, path: string, bearer?: string, body?: object) =>
      call(path, {
        method,
        headers: {
          ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
    return {
      call: json,
      async lease(name, more = {}) {
        const { token } = await makeJoinToken(db, io, { subject: 'job', saidBy: 'ann', ttlSeconds: 60 })
        const given = (await json('POST', '/leases', token.revealText(), { name, ...more })) as Given
        if (!('lease' in given)) throw new Error(JSON.stringify(given))
        return given
      },
      form: async (path, body, as) =>
        await call(path, {
          method: 'POST',
          body: new URLSearchParams({ ...body, ...(as ?? (await assertion())) }),
        }),
      async stop(signal) {
        if (child.exitCode !== null || child.signalCode !== null) return
        const gone = new Promise(resolve => child.once('exit', resolve))
        child.kill(signal)
        await gone
      },
    }
  }
})

async function listening(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    let said = ''
    child.stdout?.on('data', (piece: Buffer) => {
      said += piece.toString('utf8')
      const [, url] = /listens on (http:[\w.:/]+)/.exec(said) ?? []
      if (url !== undefined) resolve(url)
    })
    child.once('exit', code => reject(new Error(`a broker ended with ${code}: ${said}`)))
  })
}
