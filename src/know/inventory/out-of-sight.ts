import { sql } from 'kysely'

/**
 * Of something that counts as gone, whether nobody has seen that it is: the source that told of it last was disconnected, and
 * not looked at since. `entity` is what the query calls its row.
 */
export function outOfSight(entity: string) {
  const [id, goneAt] = [sql.ref(`${entity}.id`), sql.ref(`${entity}.gone_at`)]
  // Of very many things few are gone: the others are not looked up.
  return sql<boolean>`(${goneAt} is not null and exists (
    select 1 from sighting inner join source on source.id = sighting.source_id
    where sighting.entity_id = ${id} and sighting.gone_at = ${goneAt}
      and sighting.gone_at > coalesce(source.observed_at, -1)))`
}
