import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Ms } from '../../core/contract/ref.ts'

/** Whether a row, of a table or what a query calls it, stood at a time. */
export function stoodAt(table: string, at: Ms): RawBuilder<SqlBool> {
  const [first, gone] = [sql.ref(`${table}.first_seen`), sql.ref(`${table}.gone_at`)]
  return sql<SqlBool>`(${first} <= ${at} and (${gone} is null or ${gone} > ${at}))`
}
