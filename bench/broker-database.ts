import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { endLease } from '../src/act/broker/lease/end-lease.ts'
import { issueLease } from '../src/act/broker/lease/lease.ts'
import { postgres } from '../src/connectors/postgres/connector.ts'
import type { Connector } from '../src/core/contract/connector.ts'
import { realIo } from '../src/core/contract/io.ts'
import { deriveKeys } from '../src/core/keys/keys.ts'
import { loadRootKey } from '../src/core/keys/root-key.ts'
import { openStore } from '../src/core/store/store.ts'
import { Connections } from '../src/know/connections/registry.ts'
import { observe } from '../src/know/observe/observe.ts'
import { openBroker } from '../src/serve/operations/broker/open-broker.ts'
import { availablePostgres, startPostgres } from '../src/serve/operations/drill/postgres-server.ts'
import type { Measurement } from './measurement.ts'

const LEASES = 60
const AT_ONCE = 4
const RULES = fileURLToPath(new URL('../rules', import.meta.url))

/**
 * Leases of a PostgreSQL role, journalled, tried and in the evidence, beside the two statements that are the least of it. Each lease is
 * ended as well, which is measured by itself.
 */
export async function* databaseLeases(): AsyncGenerator<Measurement> {
  if (availablePostgres() === undefined) return
  const home = await mkdtemp(join(tmpdir(), 'firebreak-bench-'))
  const server = await startPostgres()
  const at = {
    host: '127.0.0.1',
    port: server.port,
    user: server.adminUser,
    password: server.adminPassword,
    tls: 'disable' as const,
  }
  const admin = new pg.Pool({
    ...at,
    password: server.adminPassword.revealText(),
    database: 'postgres',
    max: AT_ONCE,
  })
  const io = realIo()
  const keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
  const db = await openStore(join(home, 'db'))
  const connections = new Connections([postgres] as Connector[], keys, io)
  try {
    await admin.query(
      'create role orders_read; create table orders (id int); grant select on orders to orders_read',
    )
    const plain = await perSecond(async n => {
      await admin.query(`create role plain_${n} login password 'plain-${n}-${n}' valid until '2100-01-01'`)
      await admin.query(`grant orders_read to plain_${n}`)
    })
    await mkdir(join(home, 'policies'))
    await writeFile(join(home, 'policies', 'all.cedar'), 'permit(principal, action, resource);')
    await writeFile(
      join(home, 'broker.yaml'),
      'issuer: https://broker.example\nleases: [{ name: orders, like: orders_read }]\n',
    )
    const source = await connections.add(db, 'postgres', at)
    const reading = { io, keys, rulesDirectory: RULES, workers: 1 }
    await observe(db, source, await connections.open(db, source.id), reading)
    const world = { db, io, keys, connections, rulesDirectory: RULES, home, progress: () => {} }
    const broker = await openBroker(world as never, join(home, 'broker.yaml'))
    const workload = { issuer: 'local', subject: 'bench', claims: {} }
    const ids: string[] = []
    const leased = await perSecond(async () => {
      ids.push((await issueLease(db, broker, workload, { name: 'orders' })).lease.id)
    })
    yield {
      name: 'leases of a PostgreSQL role, beside create role and grant',
      value: leased,
      unit: '/s',
      peer: `the two statements: ${plain} /s`,
      ratio: Math.round((leased / plain) * 1000) / 1000,
      goal: null,
    }
    const ended = await perSecond(async n => {
      const { state } = await endLease(db, broker, ids[n]!, 'the bench is over')
      if (state !== 'ended') throw new Error(`a lease is ${state}`)
    })
    yield {
      name: 'leases ended: revoked, sessions ended, proven dead',
      value: ended,
      unit: '/s',
      peer: null,
      ratio: null,
      goal: null,
    }
  } finally {
    await connections.close()
    await db.destroy()
    await admin.end()
    await server.stop()
    await rm(home, { recursive: true, force: true })
  }
}

async function perSecond(work: (n: number) => Promise<void>): Promise<number> {
  let next = 0
  const began = performance.now()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < LEASES) await work(next++)
    }),
  )
  return Math.round((LEASES / ((performance.now() - began) / 1000)) * 10) / 10
}
