import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { TABLE_NAMES } from '../src/core/store/schema.ts'
import { type Db, openStore } from '../src/core/store/store.ts'
import { type PostgresServer, startPostgres } from '../src/serve/operations/drill/postgres-server.ts'
import { memoryStore } from './memory-store.ts'

/** Where stores are made. */
interface Engine {
  readonly name: 'sqlite' | 'postgres'
  /** A place for a store that is not there yet, to be opened by several. */
  place(): Promise<Place>
  /** An empty store that nobody else has. */
  take(): Promise<Db>
  give(db: Db): Promise<void>
}

interface Place {
  readonly url: string
  remove(): Promise<void>
}

const sqlite: Engine = {
  name: 'sqlite',
  async place() {
    const directory = await mkdtemp(join(tmpdir(), 'firebreak-store-'))
    return {
      url: join(directory, 'new', 'db'),
      remove: () => rm(directory, { recursive: true, force: true }),
    }
  },
  take: () => memoryStore(),
  give: db => db.destroy(),
}

/** SQLite, unless the file of tests that is being run has called `usePostgres` before it imported others. */
let current: Engine = sqlite

export function engineName(): Engine['name'] {
  return current.name
}

/** How many of `count` random cases are tried: fewer on a server, where each statement is a journey. */
export function numRuns(count: number): number {
  return current === sqlite ? count : Math.ceil(count / 5)
}

/** A place that is gone when the test ends. */
export async function ownPlace(): Promise<string> {
  const place = await current.place()
  onTestFinished(() => place.remove())
  return place.url
}

/** An empty store of the test's own. It is closed when the test ends; who opens many closes them before. */
export async function openOwnStore(): Promise<{ db: Db; close(): Promise<void> }> {
  const db = await current.take()
  let closed: Promise<void> | undefined
  const close = () => (closed ??= current.give(db))
  onTestFinished(close)
  return { db, close }
}

const EMPTY = TABLE_NAMES.map(table => `delete from "${table}"`).join('; ')

/** Makes PostgreSQL the engine of the file of tests that calls it: one server, started when it is first needed. */
export function usePostgres(): { server(): Promise<PostgresServer>; stop(): Promise<void> } {
  let starting: Promise<{ server: PostgresServer; admin: pg.Pool }> | undefined
  const unused: Db[] = []
  const urlOf = (server: PostgresServer, database: string) =>
    `postgres://${server.adminUser}:${server.adminPassword.revealText()}@127.0.0.1:${server.port}/${database}`
  const start = async () => {
    const server = await startPostgres()
    const admin = new pg.Pool({ connectionString: urlOf(server, 'postgres'), max: 2 })
    admin.on('error', () => {})
    // Made with all tables: a copy of it is a store.
    await admin.query('create database store_template')
    await (await openStore(urlOf(server, 'store_template'))).destroy()
    return { server, admin }
  }
  current = {
    name: 'postgres',
    async place() {
      const { server, admin } = await (starting ??= start())
      const name = `store_${randomBytes(8).toString('hex')}`
      await admin.query(`create database ${name} template store_template`)
      return {
        url: urlOf(server, name),
        async remove() {
          await admin.query(`drop database if exists ${name} with (force)`)
        },
      }
    },
    async take() {
      return unused.pop() ?? (await openStore((await this.place()).url, { connections: 2 }))
    },
    // Emptying costs a tenth of making another.
    async give(db) {
      await sql
        .raw(`set session_replication_role = replica; ${EMPTY}; reset session_replication_role`)
        .execute(db)
      unused.push(db)
    },
  }
  return {
    server: async () => (await (starting ??= start())).server,
    async stop() {
      if (!starting) return
      const { server, admin } = await starting
      await Promise.all([...unused.map(db => db.destroy()), admin.end()])
      await server.stop()
    },
  }
}
