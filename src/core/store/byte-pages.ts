import { setImmediate as turn } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import type { Schema } from './schema.ts'
import { type Db, isPostgres } from './store.ts'

/**
 * A page of rows as one run of bytes, UTF-8: each value of each row in turn, one byte apart. Of value `n` of row `row`, `ends` at
 * `row * fields + n` says where it ends. Whoever has it may write into it, until the next page is asked for.
 */
export interface BytePage {
  readonly count: number
  readonly bytes: Buffer
  readonly ends: Int32Array
}

/** So many rows are read at once; between them other work of the process has its turn. */
const ROWS = 4000
/** What stands between values; a page in which some value has it is read row by row. */
export const SEPARATOR = '\x1f'
const SEPARATING = 0x1f

/**
 * All rows of a table, some at a time, for whoever looks at each value of millions and keeps few: no value becomes a text of its own
 * before it is asked for. On SQLite a page comes as one value, by the number that SQLite keeps rows by.
 */
export async function* bytePages(
  db: Db,
  table: keyof Schema,
  columns: readonly RawBuilder<unknown>[],
): AsyncGenerator<BytePage> {
  const texts = columns.map(column => sql`coalesce(cast(${column} as text), '')`)
  if (isPostgres(db)) {
    const named = sql.join(texts.map((text, at) => sql`${text} as ${sql.ref(`c${at}`)}`))
    const { rows } = await sql<Record<string, string>>`select ${named} from ${sql.table(table)}`.execute(db)
    for (let at = 0; at < rows.length; at += ROWS)
      yield joined(rows.slice(at, at + ROWS).map(row => columns.map((_, at) => row[`c${at}`]!)))
    return
  }
  const page = (after: number, values: RawBuilder<unknown>) =>
    sql`select rowid as row_number, ${values} from ${sql.table(table)} not indexed
      where rowid > ${after} order by rowid limit ${ROWS}`
  for (let after = 0; ; ) {
    // It makes a text of each value itself, and would leave out what is null.
    const line = sql`concat_ws(${SEPARATOR}, ${sql.join(columns.map(column => sql`coalesce(${column}, '')`))}) as line`
    const { rows } = await sql<{
      last_row: number | null
      row_count: number
      bytes: Uint8Array<ArrayBuffer> | null
    }>`
      select max(row_number) as last_row, count(*) as row_count,
      cast(string_agg(line, ${SEPARATOR}) as blob) as bytes from (${page(after, line)}) as page`.execute(db)
    const [read] = rows
    if (!read || read.last_row === null || read.bytes === null) return
    const count = read.row_count
    const bytes = Buffer.from(read.bytes.buffer, read.bytes.byteOffset, read.bytes.byteLength)
    const ends = endsIn(bytes, count * columns.length)
    if (ends) yield { count, bytes, ends }
    else {
      const array = sql`json_array(${sql.join(texts)}) as line`
      const { rows } = await sql<{ line: string }>`${page(after, array)}`.execute(db)
      yield joined(rows.map(({ line }) => JSON.parse(line) as string[]))
    }
    // Its bytes are given back at once: V8 would collect all of its garbage for every few pages.
    read.bytes.buffer.transfer(0)
    after = read.last_row
    await turn()
  }
}

/** Undefined where there are more values than there should be. */
function endsIn(bytes: Uint8Array, values: number): Int32Array | undefined {
  const ends = new Int32Array(values)
  let found = 0
  for (let at = 0; at < bytes.length; at++)
    if (bytes[at] === SEPARATING) {
      if (found === values - 1) return undefined
      ends[found++] = at
    }
  ends[found] = bytes.length
  return found === values - 1 ? ends : undefined
}

function joined(rows: readonly (readonly string[])[]): BytePage {
  const values = rows.flat()
  const bytes = Buffer.from(values.join(SEPARATOR))
  const ends = new Int32Array(values.length)
  let end = -1
  for (const [at, value] of values.entries()) ends[at] = end += 1 + Buffer.byteLength(value)
  return { count: rows.length, bytes, ends }
}
