import { setImmediate as turn } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import type { Schema } from './schema.ts'
import { type Db, isPostgres } from './store.ts'

/** A page of rows, by column: each value as text, and empty where there is none. */
export type ColumnPage<Column extends string> = {
  readonly [Name in Column]: readonly string[]
} & { readonly count: number }

/** So many rows are read at once; between them other work of the process has its turn. */
const ROWS = 4000
/** What separates values; a page in which some value has it is read row by row. */
const SEPARATOR = '\x1f'

/**
 * All rows of a table for which a condition holds, some at a time. On SQLite a column of a page comes as one text: a value for each
 * column of each row would take four times as long. Pages go by the number that SQLite keeps rows by, so that no index is walked;
 * a column `key` is that number, and on PostgreSQL, which has none, the row's id.
 */
export async function* columnPages<Column extends string>(
  db: Db,
  table: keyof Schema,
  columns: Readonly<Record<Column, RawBuilder<unknown>>>,
  where: RawBuilder<unknown> = sql`true`,
): AsyncGenerator<ColumnPage<Column>> {
  const names = Object.keys(columns) as Column[]
  const texts = sql.join(
    names.map(name => sql`coalesce(cast(${columns[name]} as text), '') as ${sql.ref(name)}`),
  )
  if (isPostgres(db)) {
    const { rows } = await sql<Record<Column, string>>`select ${texts} from ${sql.table(table)}
      where ${where}`.execute(db)
    for (let at = 0; at < rows.length; at += ROWS) yield byColumn(names, rows.slice(at, at + ROWS))
    return
  }
  const all = sql.join(names.map(name => sql`string_agg(${sql.ref(name)}, ${SEPARATOR}) as ${sql.ref(name)}`))
  // What puts a column together makes a text of each value itself.
  const values = sql.join(names.map(name => sql`coalesce(${columns[name]}, '') as ${sql.ref(name)}`))
  for (let after = 0; ; ) {
    const page = (
      selected: RawBuilder<unknown>,
    ) => sql`select rowid as row_number, ${selected} from ${sql.table(table)} not indexed
      where rowid > ${after} and ${where} order by rowid limit ${ROWS}`
    const { rows } = await sql<Record<Column, string> & { last_row: number | null; row_count: number }>`
      select max(row_number) as last_row, count(*) as row_count, ${all} from (${page(values)}) as page`.execute(
      db,
    )
    const [read] = rows
    if (!read || read.last_row === null) return
    const count = read.row_count
    const split = names.map(name => [name, read[name].split(SEPARATOR)] as const)
    yield split.every(([, values]) => values.length === count)
      ? ({ ...Object.fromEntries(split), count } as ColumnPage<Column>)
      : byColumn(names, (await sql<Record<Column, string>>`${page(texts)}`.execute(db)).rows)
    after = read.last_row
    await turn()
  }
}

/** The same few texts are of very many rows: whoever keeps rows keeps each of them once. */
export function sharedTexts(): (text: string) => string {
  const shared = new Map<string, string>()
  return text => {
    const known = shared.get(text)
    if (known !== undefined) return known
    shared.set(text, text)
    return text
  }
}

function byColumn<Column extends string>(
  names: readonly Column[],
  rows: readonly Readonly<Record<Column, string>>[],
): ColumnPage<Column> {
  const columns = names.map(name => [name, rows.map(row => row[name])] as const)
  return { ...Object.fromEntries(columns), count: rows.length } as ColumnPage<Column>
}
