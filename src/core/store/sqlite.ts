import { DatabaseSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type SelectModifierNode,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely'

export interface SqliteOptions {
  /** A full disk for tests: SQLite's own limit on the file, in pages of 4096 bytes. */
  readonly maxPageCount?: number
  /** After so many pages of the log they are written back to their place, while the commit waits. */
  readonly checkpointPages?: number
}

/** Keys are random, so that a large scan touches pages everywhere: written back late, each is written once. */
const CHECKPOINT_PAGES = 8_192

export function sqliteDialect(path: string, options: SqliteOptions = {}): SqliteDialect {
  return dialectOn(new DatabaseSync(path, { timeout: 0 }), options)
}

/** node:sqlite as the better-sqlite3 that Kysely's dialect expects. */
export function dialectOn(db: DatabaseSync, options: SqliteOptions = {}): SqliteDialect {
  // synchronous=full: a commit that was answered is on the disk. secure_delete: erased secrets are overwritten. `like`
  // tells small letters from capitals, as it does on PostgreSQL. 16 MiB of pages are kept.
  const { maxPageCount, checkpointPages = CHECKPOINT_PAGES } = options
  try {
    db.exec(
      'pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on; pragma secure_delete=on; ' +
        'pragma case_sensitive_like=on; pragma cache_size=-16384; ' +
        `pragma wal_autocheckpoint=${Math.trunc(checkpointPages)}`,
    )
  } catch (error) {
    db.close()
    throw error
  }
  if (maxPageCount !== undefined) db.exec(`pragma max_page_count=${Math.trunc(maxPageCount)}`)
  const prepared = new Map<string, Prepared>()
  return new ImmediateDialect({
    database: {
      close: () => {
        prepared.clear()
        db.close()
      },
      prepare: sql => {
        const known = prepared.get(sql)
        if (known) {
          // Kept in the order of use, so that the first is the one to forget.
          prepared.delete(sql)
          prepared.set(sql, known)
          return known
        }
        const fresh = prepare(db, sql)
        prepared.set(sql, fresh)
        const [oldest] = prepared.keys()
        if (prepared.size > MOST_PREPARED && oldest !== undefined) prepared.delete(oldest)
        return fresh
      },
    },
  })
}

/** Preparing costs as much as running; the program has some two hundred statements, and uses few of them often. */
const MOST_PREPARED = 128

type Prepared = ReturnType<SqliteDatabase['prepare']>

function prepare(db: DatabaseSync, sql: string): Prepared {
  const statement = db.prepare(sql)
  return {
    reader: statement.columns().length > 0,
    all: parameters => statement.all(...(parameters as never[])),
    run: parameters => statement.run(...(parameters as never[])),
    // One that is being stepped through cannot be run beside it.
    iterate: parameters => db.prepare(sql).iterate(...(parameters as never[])),
  }
}

/**
 * Takes the write lock at the start: a deferred transaction that finds it taken halfway has to be run again whole. What a statement
 * of several rows would have to take back SQLite keeps meanwhile, page by page: in a file that cost a fifth of a scan with many
 * finds. It goes by what is set where a transaction begins: in memory, some hundred kilobytes. Sorting may well need a file.
 */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(
    connection: DatabaseConnection,
    settings: TransactionSettings = {},
  ): Promise<void> {
    if (settings.accessMode === 'read only') return await run(connection, 'begin deferred')
    await run(connection, 'pragma temp_store=memory')
    try {
      await run(connection, 'begin immediate')
    } finally {
      await run(connection, 'pragma temp_store=default')
    }
  }

  /** A full disk makes SQLite roll back by itself; failing to do it again would hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await super.rollbackTransaction(connection)
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('no transaction is active'))) throw error
    }
  }
}

async function run(connection: DatabaseConnection, sql: string): Promise<void> {
  await connection.executeQuery(CompiledQuery.raw(sql))
}

/** A transaction has the write lock from its beginning: there are no rows left to lock. */
class UnlockingCompiler extends SqliteQueryCompiler {
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (node.modifier === 'Distinct') super.visitSelectModifier(node)
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: ConstructorParameters<typeof SqliteDialect>[0]

  constructor(config: ConstructorParameters<typeof SqliteDialect>[0]) {
    super(config)
    this.#config = config
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config)
  }

  override createQueryCompiler(): SqliteQueryCompiler {
    return new UnlockingCompiler()
  }
}
