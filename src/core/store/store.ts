import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Kysely, Migrator, sql, type Transaction } from 'kysely'
import { FirebreakError } from '../contract/errors.ts'
import { migrations } from './migrations.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect } from './sqlite.ts'
import { isBusy, storeError } from './store-error.ts'

/** The database, or a transaction in it: the first argument of every function that touches it. */
export type Db = Kysely<Schema>
export type Tx = Transaction<Schema>

export interface StoreOptions {
  readonly maxPageCount?: number
}

/**
 * Opens the store at `url`: a file's path, or `:memory:`. One dialect for each engine; all else is the same code.
 * Raises STORE_BROKEN, STORE_FULL or STORE_BUSY.
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Db> {
  if (/^\w+:\/\//.test(url))
    throw new FirebreakError(
      'INVALID_CONFIG',
      `${url.slice(0, url.indexOf(':'))} is no store that this version knows`,
      'give the path of a file; it is made when it is not there',
    )
  return await translated(async () => {
    if (url !== ':memory:') await mkdir(dirname(url), { recursive: true, mode: 0o700 })
    // Another process that opens or closes the file at this moment holds it for an instant.
    const dialect = await retried(async () => sqliteDialect(url, options))
    const db = new Kysely<Schema>({ dialect })
    try {
      await migrate(db)
      return db
    } catch (error) {
      await db.destroy()
      throw error
    }
  })
}

async function migrate(db: Db): Promise<void> {
  const migratorOn = (db: Db) => new Migrator({ db, provider: { getMigrations: async () => migrations } })
  await retried(async () => {
    const known = await migratorOn(db).getMigrations()
    if (known.every(migration => migration.executedAt !== undefined)) return
    await db.connection().execute(async connection => {
      // Of several processes that open a new file at once, one makes the tables, all of them or none; the others wait.
      await sql`begin immediate`.execute(connection)
      try {
        const { error } = await migratorOn(connection).migrateToLatest()
        if (error) throw error
        await sql`commit`.execute(connection)
      } catch (error) {
        // Where SQLite did it by itself, there is nothing left to roll back.
        await sql`rollback`.execute(connection).catch(() => {})
        throw error
      }
    })
  })
}

/**
 * Runs `work` in one transaction; it may run more than once, so it does nothing but read and write the database. No
 * network call belongs in it: it holds the write lock.
 */
export async function transaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return await translated(() => retried(() => db.transaction().execute(work)))
}

const BUSY_PATIENCE_MS = 15_000

/** SQLite's own wait would block the whole process, so waiting for another writer is done here. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + BUSY_PATIENCE_MS
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error
      await wait(1 + Math.random() * Math.min(50, 2 ** attempt))
    }
  }
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeError(error)
  }
}
