import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { PRIMARY_KEYS, type Schema, TABLE_NAMES } from './schema.ts'
import { type Db, fileOf, isPostgres, type Tx } from './store.ts'

/** How many rows a table has, and SHA-256 over all of them in the order of their keys: the same on both engines. */
export interface TableDigest {
  readonly table: keyof Schema
  readonly rows: number
  readonly sha256: string
}

/** What the store knows of itself stays; everything that it knows of the world moves. */
export const MOVED_TABLES = TABLE_NAMES.filter(table => table !== 'setting')

/** So many rows are moved at once, and no more than some that are about so large: a page is held in memory, and is one message. */
const MOST_ROWS = 500
const PAGE_BYTES = 4 * 1024 * 1024

type AnyRow = Record<string, unknown>

/** Where a store is, the same by whatever name it was opened; undefined in memory, where each is another. */
export async function placeOf(db: Db): Promise<string | undefined> {
  if (!isPostgres(db)) return await fileOf(db)
  const { rows } = await sql`select pg_postmaster_start_time()::text as started, inet_server_port() as port,
    current_database()::text as database, current_schema()::text as schema`.execute(db)
  return JSON.stringify(rows)
}

/** Nobody else writes before this transaction ends. SQLite has seen to that already. */
export async function lockAll(tx: Tx): Promise<void> {
  if (!isPostgres(tx)) return
  const tables = TABLE_NAMES.map(table => `"${table}"`).join(', ')
  // One side waits while the other works, however long that takes.
  await sql
    .raw(`set local idle_in_transaction_session_timeout = 0; lock table ${tables} in exclusive mode`)
    .execute(tx)
}

export async function isEmpty(tx: Tx): Promise<boolean> {
  for (const table of MOVED_TABLES) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(tx)
    if (rows.length > 0) return false
  }
  return true
}

/** Writes every row of `from` into `to`, whose tables are empty, and gives what was read. */
export async function copyTables(from: Tx, to: Tx): Promise<TableDigest[]> {
  const digests: TableDigest[] = []
  for (const table of MOVED_TABLES) {
    const digest = new Digest(table)
    const merged: { id: string; merged_into: string }[] = []
    for await (const page of pages(from, table)) {
      digest.add(page)
      // An entity may stand for one that comes later.
      const rows = table === 'entity' ? page.map(row => withoutMerge(row, merged)) : page
      await insert(to, table, rows)
    }
    for (const { id, merged_into } of merged)
      await to.updateTable('entity').set({ merged_into }).where('id', '=', id).execute()
    digests.push(digest.end())
  }
  return digests
}

export async function digestTables(tx: Tx): Promise<TableDigest[]> {
  const digests: TableDigest[] = []
  for (const table of MOVED_TABLES) {
    const digest = new Digest(table)
    for await (const page of pages(tx, table)) digest.add(page)
    digests.push(digest.end())
  }
  return digests
}

/** The tables whose rows are not the same on both sides. */
export function differing(one: readonly TableDigest[], two: readonly TableDigest[]): (keyof Schema)[] {
  return one
    .filter(({ table, rows, sha256 }) => {
      const other = two.find(digest => digest.table === table)
      return other?.rows !== rows || other.sha256 !== sha256
    })
    .map(({ table }) => table)
}

class Digest {
  readonly #table: keyof Schema
  readonly #hash = createHash('sha256')
  #rows = 0

  constructor(table: keyof Schema) {
    this.#table = table
  }

  add(rows: readonly AnyRow[]): void {
    for (const row of rows) {
      const members = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))
      this.#hash.update(`${JSON.stringify(members)}\n`)
      this.#rows++
    }
  }

  end(): TableDigest {
    return { table: this.#table, rows: this.#rows, sha256: this.#hash.digest('hex') }
  }
}

function withoutMerge(row: AnyRow, merged: { id: string; merged_into: string }[]): AnyRow {
  const { id, merged_into } = row
  if (typeof id !== 'string' || typeof merged_into !== 'string') return row
  merged.push({ id, merged_into })
  return { ...row, merged_into: null }
}

async function insert(tx: Tx, table: keyof Schema, rows: readonly AnyRow[]): Promise<void> {
  if (rows.length === 0) return
  await untyped(tx).insertInto(table).values(rows).execute()
}

/** All rows in the order of their keys, some at a time, from one snapshot. */
async function* pages(tx: Tx, table: keyof Schema): AsyncGenerator<AnyRow[]> {
  let query = untyped(tx).selectFrom(table).selectAll()
  for (const column of PRIMARY_KEYS[table]) query = query.orderBy(column)
  if (isPostgres(tx)) return yield* fetched(tx, query.compile().sql)
  let page: AnyRow[] = []
  let bytes = 0
  for await (const row of query.stream()) {
    page.push(row)
    bytes += sizeOf(row)
    if (page.length < MOST_ROWS && bytes < PAGE_BYTES) continue
    yield page
    page = []
    bytes = 0
  }
  if (page.length > 0) yield page
}

/** How many are asked for goes by how large the last ones were. */
async function* fetched(tx: Tx, query: string): AsyncGenerator<AnyRow[]> {
  await sql.raw(`declare moving no scroll cursor for ${query}`).execute(tx)
  try {
    for (let count = 8; ; ) {
      const { rows } = await sql.raw<AnyRow>(`fetch ${count} from moving`).execute(tx)
      if (rows.length > 0) yield rows
      if (rows.length < count) return
      const bytes = rows.reduce((sum, row) => sum + sizeOf(row), 0) / rows.length
      count = Math.max(1, Math.min(MOST_ROWS, 8 * count, Math.floor(PAGE_BYTES / bytes)))
    }
  } finally {
    // The other side may have failed, and is tried again; where this one did there is nothing to close.
    await sql`close moving`.execute(tx).catch(() => {})
  }
}

function sizeOf(row: AnyRow): number {
  return Object.values(row).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' || value instanceof Uint8Array ? value.length : 8),
    0,
  )
}

/** Tables by their name: all are moved alike. */
function untyped(tx: Tx): Kysely<Record<string, AnyRow>> {
  return tx as unknown as Kysely<Record<string, AnyRow>>
}
