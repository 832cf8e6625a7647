import { chmod, mkdir, open, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type Dialect,
  HandleEmptyInListsPlugin,
  Kysely,
  PostgresAdapter,
  replaceWithNoncontingentExpression,
  sql,
  type Transaction,
} from 'kysely'
import { FirebreakError, isFirebreakError } from '../contract/errors.ts'
import { migrate } from './migrate.ts'
import type { Schema } from './schema.ts'
import type { SqliteOptions } from './sqlite.ts'
import { isBusy, isLost, storeError } from './store-error.ts'

/** The database, or a transaction in it: the first argument of every function that touches it. */
export type Db = Kysely<Schema>
export type Tx = Transaction<Schema>

export interface StoreOptions extends SqliteOptions {
  /** PostgreSQL: the most connections that this process opens. */
  readonly connections?: number
  /** What gave its address, as whoever cannot open it is told; DATABASE_URL where nothing is said. */
  readonly givenBy?: string
}

/**
 * Opens the store: `postgres://…`, or a file's path. One dialect for each engine; all else is the same code.
 * Raises STORE_BROKEN, STORE_FULL, STORE_BUSY, STORE_UNREACHABLE, and INVALID_CONFIG for a URL that is none.
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Db> {
  return await translated(async () => {
    const db = storeOn(await dialectOf(url, options))
    try {
      await retried(() => migrate(db))
      return db
    } catch (error) {
      await db.destroy()
      throw error
    }
  }, options.givenBy)
}

/** A store whose tables are there. */
export function storeOn(dialect: Dialect): Db {
  return new Kysely<Schema>({
    dialect,
    // PostgreSQL takes no list without a member.
    plugins: [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })],
  })
}

/** The name of the file that a folder is opened by (FIREBREAK_HOME). */
export const STORE_FILE = 'firebreak.db'

export function isPostgresUrl(place: string): boolean {
  return /^postgres(ql)?:\/\//i.test(place) && URL.canParse(place)
}

/** Whether a place is meant for a URL: anything else is a file. One with a slash too few must not become a file's name. */
export function isUrl(place: string): boolean {
  return /^(?:[a-z][a-z\d+.-]+:\/\/|postgres(?:ql)?:)/i.test(place)
}

async function dialectOf(url: string, options: StoreOptions) {
  if (isUrl(url)) {
    const { postgresDialect, unusableUrl } = await import('./postgres.ts')
    if (!isPostgresUrl(url)) throw unusableUrl()
    return await postgresDialect(url, options.connections)
  }
  const { sqliteDialect } = await import('./sqlite.ts')
  await mkdir(dirname(url), { recursive: true, mode: 0o700 })
  await makePrivate(url)
  // Another process that opens or closes the file at this moment holds it for an instant.
  const dialect = await retried(async () => sqliteDialect(url, options))
  await takeFromOthers(url)
  return dialect
}

/** The folder may be one that others look into. SQLite gives the files beside it the mode of this one. */
async function makePrivate(file: string): Promise<void> {
  // What is there stays as it is, and where nothing can be made SQLite says why.
  const made = await open(file, 'wx', 0o600).catch(() => undefined)
  await made?.close()
}

/**
 * Databases were made readable by others once: of one that is ours, they may do nothing from now on. By path: to open a file and
 * close it again would give back the locks that this process has on it.
 */
async function takeFromOthers(file: string): Promise<void> {
  // SQLite resolves links before it names the files beside it.
  const real = await realpath(file).catch(() => file)
  for (const path of [real, `${real}-wal`, `${real}-shm`])
    try {
      const { mode, uid } = await stat(path)
      if (uid === process.getuid?.() && (mode & 0o077) !== 0) await chmod(path, mode & 0o700)
    } catch {
      // One that is not there now, or that may not be changed, keeps nobody from what is known.
    }
}

export function isPostgres(db: Db): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** The file that a store of SQLite is in; undefined in memory, and on a server. */
export async function fileOf(db: Db): Promise<string | undefined> {
  if (isPostgres(db)) return undefined
  const { rows } = await sql<{
    file: string
  }>`select file from pragma_database_list where name = 'main'`.execute(db)
  return rows[0]?.file || undefined
}

/**
 * What a transaction keeps others from. `inventory` (what is known: one writer at a time, as folding and linking need it)
 * and `sealing` (the chain of evidence) are locks of the whole store. With `rows` the work itself locks what it changes,
 * with `forUpdate()`. SQLite has one lock for all, which it takes in each case.
 */
export type Lock = 'inventory' | 'sealing' | 'rows'

const LOCKS: Readonly<Record<Exclude<Lock, 'rows'>, number>> = { inventory: 7_412_001, sealing: 7_412_002 }

/**
 * Runs `work` in one transaction; it may run more than once, so it does nothing but read and write the database. No
 * network call belongs in it: it holds a lock. A connection that breaks is no loss: it is found out whether the
 * transaction was committed, and it is run again only where it was not.
 */
export async function transaction<T>(
  db: Db,
  work: (tx: Tx) => Promise<T>,
  lock: Lock = 'inventory',
): Promise<T> {
  const passes = (error: unknown) => isBusy(error) || isLost(error)
  if (!isPostgres(db)) return await translated(() => retried(() => db.transaction().execute(work), passes))
  const attempt = () => translated(() => retried(() => locked(db, work, lock), passes))
  return await (lock === 'rows' ? attempt() : inTurn(db, lock, attempt))
}

/**
 * Runs `work`, which only reads, over all as it stands now, whatever others write meanwhile: it keeps nobody from writing. It may run
 * more than once.
 */
export async function snapshot<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return await translated(() =>
    retried(
      () => db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work),
      error => isBusy(error) || isLost(error),
    ),
  )
}

const queues = new WeakMap<Db, Map<Lock, Promise<unknown>>>()

/** Of one process, one waits at the server for a lock: the others would keep all connections from those that need none. */
async function inTurn<T>(db: Db, lock: Lock, attempt: () => Promise<T>): Promise<T> {
  const queue = queues.get(db) ?? new Map<Lock, Promise<unknown>>()
  queues.set(db, queue)
  const before = queue.get(lock) ?? Promise.resolve()
  const mine = before.then(attempt)
  queue.set(
    lock,
    mine.catch(() => {}),
  )
  return await mine
}

/**
 * Each statement sees what was committed before it (read committed), and the lock is the first: so the work sees all that
 * its predecessor did, as if there had never been two at once.
 */
async function locked<T>(db: Db, work: (tx: Tx) => Promise<T>, lock: Lock): Promise<T> {
  let finished: { result: T; id: string | null } | undefined
  try {
    return await db.transaction().execute(async tx => {
      // A server knows such a lock in a whole database, which may hold several stores.
      if (lock !== 'rows')
        await sql`select pg_advisory_xact_lock(${sql.lit(LOCKS[lock])}, hashtext(current_schema()))`.execute(
          tx,
        )
      const result = await work(tx)
      const { rows } = await sql<{
        id: string | null
      }>`select txid_current_if_assigned()::text as id`.execute(tx)
      finished = { result, id: rows[0]?.id ?? null }
      return result
    })
  } catch (error) {
    // The answer to `commit` was lost, and the commit perhaps not.
    if (!finished || !isLost(error)) throw error
    if (finished.id === null || (await wasCommitted(db, finished.id))) return finished.result
    throw error
  }
}

async function wasCommitted(db: Db, id: string): Promise<boolean> {
  return await retried(
    async () => {
      const { rows } = await sql<{
        status: string | null
      }>`select txid_status(${id}::bigint) as status`.execute(db)
      // The server has not noticed yet that whoever began the transaction is gone.
      if (rows[0]?.status === 'in progress') throw undecided()
      return rows[0]?.status === 'committed'
    },
    error => isFirebreakError(error) || isBusy(error) || isLost(error),
  )
}

function undecided(): FirebreakError {
  return new FirebreakError(
    'STORE_UNREACHABLE',
    'the connection broke off during a commit, and the server still holds that transaction open',
    'run the same again in a minute: the server has decided by then, and what was committed is kept',
  )
}

const PATIENCE_MS = 15_000

/** SQLite's own wait would block the whole process, so waiting for another writer is done here. */
async function retried<T>(work: () => Promise<T>, passes: (error: unknown) => boolean = isBusy): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!passes(error) || performance.now() > giveUpAt) throw error
      await wait(1 + Math.random() * Math.min(50, 2 ** attempt))
    }
  }
}

async function translated<T>(work: () => Promise<T>, givenBy?: string): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeError(error, givenBy)
  }
}
