import { type Kysely, Migrator, PostgresAdapter, sql } from 'kysely'
import { FirebreakError } from '../contract/errors.ts'
import { migrations } from './migrations.ts'
import type { Schema } from './schema.ts'

const MIGRATION_LOCK = 7_412_000

/** Brings the tables to what this version knows. Of several processes at once one does it, all of it or nothing; the others wait. */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  const done = await executed(db)
  refuseNewer(done)
  if (Object.keys(migrations).every(name => done.includes(name))) return
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  await db.connection().execute(async connection => {
    await sql.raw(isPostgres ? 'begin' : 'begin immediate').execute(connection)
    try {
      if (isPostgres) await onPostgres(connection)
      else await toLatest(connection)
      await sql`commit`.execute(connection)
    } catch (error) {
      // Where the engine did it by itself, there is nothing left to roll back.
      await sql`rollback`.execute(connection).catch(() => {})
      throw error
    }
  })
}

async function onPostgres(connection: Kysely<Schema>): Promise<void> {
  const { checkPlace, shapeTables } = await import('./postgres-shape.ts')
  await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)}, hashtext(current_schema()))`.execute(
    connection,
  )
  const { rows } = await sql<{ schema: string; there: boolean }>`
    select current_schema() as schema, to_regclass(quote_ident(current_schema()) || '.kysely_migration') is not null
      as there`.execute(connection)
  const untyped = connection as unknown as Kysely<unknown>
  if (!rows[0]?.there) await checkPlace(untyped)
  await toLatest(connection, rows[0]?.schema)
  await shapeTables(untyped)
}

async function toLatest(connection: Kysely<Schema>, schema?: string): Promise<void> {
  const { error } = await new Migrator({
    db: connection,
    provider: { getMigrations: async () => migrations },
    // Branches land in another order than they were begun in; no migration depends on one beside it.
    allowUnorderedMigrations: true,
    disableTransactions: true,
    ...(schema !== undefined && { migrationTableSchema: schema }),
  }).migrateToLatest()
  if (error) throw error
}

/** The names of what was done already; none where nothing was, or where looking fails, which what follows then says. */
async function executed(db: Kysely<Schema>): Promise<string[]> {
  try {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db)
    return rows.map(row => row.name)
  } catch {
    return []
  }
}

function refuseNewer(done: readonly string[]): void {
  const unknown = done.filter(name => !(name in migrations))
  if (unknown.length > 0)
    throw new FirebreakError(
      'STORE_BROKEN',
      `a newer version made it (${unknown.join(', ')})`,
      'use that version, or a newer one, on every machine that shares the database',
    )
}
