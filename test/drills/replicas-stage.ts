import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import pg from 'pg'
import { makeJoinToken } from '../../src/act/broker/attest/join-token.ts'
import { connectors } from '../../src/connectors/all.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { readCheckpoints, sealedEntries } from '../../src/core/evidence/export.ts'
import { sealEvidence } from '../../src/core/evidence/sealer.ts'
import { verifyEvidence } from '../../src/core/evidence/verify.ts'
import { deriveKeys } from '../../src/core/keys/keys.ts'
import { loadRootKey } from '../../src/core/keys/root-key.ts'
import { type Db, openStore } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { startPostgres } from '../../src/serve/operations/drill/postgres-server.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/firebreak.js', import.meta.url))
const OWN = 'https://broker.example'
export const REPORTS = 'https://reports.example'
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

interface Given {
  readonly handle: string
  readonly lease: { readonly id: string; readonly state: string; readonly notAfter: string }
  readonly accessToken?: string
  readonly credential?: { readonly user: string; readonly password: string }
}

/** One `firebreak broker`, a process of its own. */
export interface Replica {
  lease(name: string, more?: object): Promise<Given>
  call(method: string, path: string, bearer?: string, body?: object): Promise<unknown>
  /** As the client, which says by an assertion of its own who it is, unless `as` says otherwise. */
  form(path: string, body: Record<string, string>, as?: Record<string, string>): Promise<unknown>
  stop(signal: NodeJS.Signals): Promise<void>
}

export interface ReplicasStage {
  readonly db: Db
  start(): Promise<Replica>
  assertion(): Promise<Record<string, string>>
  logsIn(login: Given['credential']): Promise<boolean>
  /** Issued roles that can still be used, by the server itself: it lets nobody in after a role's time, but ends no session then. */
  usable(): Promise<readonly string[]>
  /** Issued roles that are there. */
  roles(): Promise<readonly string[]>
  /** Seals what is left, and gives what is recorded, as `kind subject`; raises where the chain does not hold. */
  record(): Promise<ReadonlySet<string>>
  close(): Promise<void>
}

/** A store on PostgreSQL for several brokers, which lease roles of the same server, and a client that they all know. */
export async function replicasStage(): Promise<ReplicasStage> {
  const io = realIo()
  const home = await mkdtemp(join(tmpdir(), 'firebreak-replicas-'))
  await mkdir(join(home, 'policies'))
  await writeFile(join(home, 'policies', 'all.cedar'), 'permit(principal, action, resource);')
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), alg: 'ES256' }
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
  const server = await startPostgres({ settings: { max_connections: '100' } })
  const at = { host: '127.0.0.1', port: server.port, user: server.adminUser }
  const password = server.adminPassword.revealText()
  const admin = new pg.Client({ ...at, password, database: 'postgres' })
  await admin.connect()
  await admin.query('create role orders')
  await admin.query('create database firebreak')
  const store = `postgres://${at.user}:${password}@127.0.0.1:${at.port}/firebreak`
  const keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
  const db = await openStore(store)
  const connections = new Connections(connectors, keys, io)
  const config = { ...at, password: server.adminPassword, tls: 'disable' }
  const source = await connections.add(db, 'postgres', config)
  const reading = { io, keys, ...BUILT_IN_RULES, workers: 0 }
  await observe(db, source, await connections.open(db, source.id), reading)

  const assertion = async () => {
    const client_assertion = await new SignJWT({ jti: Buffer.from(io.random(12)).toString('hex') })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('job')
      .setSubject('job')
      .setAudience(OWN)
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign(privateKey)
    return { client_assertion_type: ASSERTION, client_assertion }
  }
  const rolesWhere = async (condition: string): Promise<string[]> => {
    const sql = `select rolname from pg_roles where rolname like 'fb\\_%' and ${condition}`
    return (await admin.query<{ rolname: string }>(sql)).rows.map(({ rolname }) => rolname)
  }
  return {
    db,
    assertion,
    async start() {
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
    },
    async logsIn(login) {
      const { user = '', password: its = '' } = login ?? {}
      const client = new pg.Client({ ...at, user, password: its, database: 'postgres' })
      client.on('error', () => {})
      return await client.connect().then(
        () => client.end().then(() => true),
        () => false,
      )
    },
    usable: () =>
      rolesWhere(
        '(rolvaliduntil > now() or exists (select 1 from pg_stat_activity where usename = rolname))',
      ),
    roles: () => rolesWhere('true'),
    async record() {
      await sealEvidence(db, keys.signer, io)
      const { problems } = await verifyEvidence(sealedEntries(db), await readCheckpoints(db), {})
      if (problems.length > 0) throw new Error(JSON.stringify(problems))
      const told = new Set<string>()
      for await (const { kind, subject } of sealedEntries(db)) told.add(`${kind} ${subject}`)
      return told
    },
    async close() {
      await connections.close()
      await db.destroy()
      await admin.end()
      await server.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

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
