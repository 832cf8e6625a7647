import { type RawBuilder, sql } from 'kysely'

/**
 * For `on conflict`: when a row was last seen never goes back. Of two runs over one source the older one may state last what
 * the newer one has stated; set back, it would seem unseen to the newer one, and gone.
 */
export function laterSeen(table: 'copy' | 'occurrence' | 'sighting'): RawBuilder<number> {
  const stood = sql.ref(`${table}.last_seen`)
  const said = sql.ref('excluded.last_seen')
  return sql`case when ${stood} > ${said} then ${stood} else ${said} end`
}
