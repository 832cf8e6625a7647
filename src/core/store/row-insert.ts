import { CompiledQuery, type InsertQueryBuilder, type InsertResult } from 'kysely'
import type { NewRow, Row, Schema } from './schema.ts'
import { isPostgres, type Tx } from './store.ts'

/** So many rows go into one statement: few sizes, so that each statement is made, and prepared, once. */
const SIZES = [64, 8, 1] as const

type Insert<Table extends keyof Schema> = InsertQueryBuilder<Schema, Table, InsertResult>

/**
 * Inserts many rows of one table. Building a statement anew costs more than running it; here it is built once for each
 * number of rows. `ending` says what follows the rows, and has no parameters.
 */
export class RowInsert<Table extends keyof Schema> {
  readonly #table: Table
  readonly #ending: (insert: Insert<Table>) => { compile(): CompiledQuery }
  readonly #texts = new Map<string, string>()

  constructor(table: Table, ending: (insert: Insert<Table>) => { compile(): CompiledQuery }) {
    this.#table = table
    this.#ending = ending
  }

  /** Every row has the same columns. Gives what the ending returns of those that were inserted. */
  async run(tx: Tx, rows: readonly NewRow<Table>[]): Promise<Partial<Row<Table>>[]> {
    const [first] = rows
    if (!first) return []
    const columns = Object.keys(first) as (keyof NewRow<Table>)[]
    const returned: Partial<Row<Table>>[] = []
    let at = 0
    for (const size of SIZES)
      for (; rows.length - at >= size; at += size) {
        const chunk = rows.slice(at, at + size)
        const parameters: unknown[] = []
        for (const row of chunk) for (const column of columns) parameters.push(row[column])
        const text = this.#textFor(tx, columns, chunk)
        returned.push(
          ...(await tx.executeQuery<Partial<Row<Table>>>(CompiledQuery.raw(text, parameters))).rows,
        )
      }
    return returned
  }

  #textFor(tx: Tx, columns: readonly (keyof NewRow<Table>)[], rows: readonly NewRow<Table>[]): string {
    const key = JSON.stringify([isPostgres(tx), rows.length, columns])
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    const { sql, parameters } = this.#ending(
      tx.insertInto(this.#table).values([...rows] as never) as Insert<Table>,
    ).compile()
    if (parameters.length !== rows.length * columns.length)
      throw new TypeError(`an insert into ${this.#table} has parameters beside its rows`)
    this.#texts.set(key, sql)
    return sql
  }
}
