import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Keeper } from '../../src/act/broker/lease/keeper.ts'
import { listLeases } from '../../src/act/broker/lease/lease-view.ts'
import { connectors } from '../../src/connectors/all.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { readCheckpoints, sealedEntries } from '../../src/core/evidence/export.ts'
import { sealEvidence } from '../../src/core/evidence/sealer.ts'
import { deriveKeys, type Keys } from '../../src/core/keys/keys.ts'
import { loadRootKey } from '../../src/core/keys/root-key.ts'
import { type Db, openStore } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { openBroker } from '../../src/serve/operations/broker/open-broker.ts'
import type { World } from '../../src/serve/operations/operation.ts'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { requireServer } from '../servers.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'

const PROGRAM = fileURLToPath(new URL('broker-program.ts', import.meta.url))
/** Where the outside and the journal may come apart. */
const KILLS = ['issue:call', 'issue:result', 'revoke-issued:call']

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

describe.skipIf(postgres.skip)(`leases, killed ${postgres.reason}`, () => {
  let home: string
  let server: PostgresServer
  let admin: pg.Client
  let db: Db
  let keys: Keys
  let connections: Connections
  const io = realIo()

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'firebreak-broker-kill-'))
    await mkdir(join(home, 'policies'))
    await writeFile(join(home, 'policies', 'all.cedar'), 'permit(principal, action, resource);')
    await writeFile(
      join(home, 'broker.yaml'),
      "issuer: https://broker.example\nleases: [{ name: 'postgres:orders', like: orders, ttl: 10m }]\n",
    )
    server = await startPostgres()
    admin = new pg.Client({
      host: '127.0.0.1',
      port: server.port,
      user: server.adminUser,
      password: server.adminPassword.revealText(),
      database: 'postgres',
    })
    await admin.connect()
    await admin.query('create role orders')
    keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
    db = await openStore(join(home, 'firebreak.db'))
    connections = new Connections(connectors, keys, io)
    const source = await connections.add(db, 'postgres', {
      host: '127.0.0.1',
      port: server.port,
      user: server.adminUser,
      password: server.adminPassword,
      tls: 'disable',
    })
    const options = { io, keys, ...BUILT_IN_RULES, workers: 1 }
    await observe(db, source, await connections.open(db, source.id), options)
  })
  afterAll(async () => {
    await connections?.close()
    await db?.destroy()
    await admin?.end()
    await server?.stop()
    await rm(home, { recursive: true, force: true })
  })

  test('nothing that was begun stays: what was half-issued is undone, what nobody got is revoked', async () => {
    expect(await Promise.all(KILLS.map(killed))).toEqual(KILLS.map(() => 'SIGKILL'))
    const left = await listLeases(db, true)
    expect(left.map(({ state }) => state).sort()).toEqual(['ending', 'issuing', 'issuing'])
    // At the server there is what the journal cannot tell by itself.
    expect(await roles()).toHaveLength(2)

    const world = { db, io, keys, connections, home, ...BUILT_IN_RULES, progress: () => {} }
    const broker = await openBroker(world as Partial<World> as World, join(home, 'broker.yaml'))
    const troubles: unknown[] = []
    const keeper = new Keeper(db, broker, error => troubles.push(error))
    await keeper.sweep()
    await keeper.settled()
    expect(troubles).toEqual([])

    const ended = new Map((await listLeases(db, true)).map(lease => [lease.workload.subject, lease]))
    expect([...ended].map(([at, { state }]) => [at, state]).sort()).toEqual([
      ['issue:call', 'refused'],
      ['issue:result', 'ended'],
      ['revoke-issued:call', 'ended'],
    ])
    for (const [at, { state, proof }] of ended)
      if (state === 'ended') expect(proof, at).toMatchObject({ state: 'dead' })
    expect(await roles()).toEqual([])

    await sealEvidence(db, keys.signer, io)
    const told: string[] = []
    for await (const entry of sealedEntries(db)) told.push(`${entry.kind} ${entry.subject}`)
    for (const { id, state } of ended.values()) {
      expect(told).toContain(`broker.decision ${id}`)
      expect(told).toContain(`lease.${state} ${id}`)
    }
    expect((await readCheckpoints(db)).length).toBeGreaterThan(0)
  })

  async function roles(): Promise<string[]> {
    const { rows } = await admin.query("select rolname from pg_roles where rolname like 'fb\\_%'")
    return rows.map(row => row.rolname as string)
  }

  /** The signal that the program ended by. */
  function killed(at: string): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [PROGRAM, home, at], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        stdio: ['ignore', 'inherit', 'inherit'],
      })
      child.on('error', reject)
      child.on('exit', (code, signal) => resolve(signal ?? `exit ${code}`))
    })
  }
})
