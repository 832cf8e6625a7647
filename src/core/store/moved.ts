import { dirname } from 'node:path'
import { sql } from 'kysely'
import { FirebreakError } from '../contract/errors.ts'
import { TABLE_NAMES } from './schema.ts'
import { type Db, isPostgres, isUrl, type Tx } from './store.ts'
import { MOVED_AWAY } from './store-error.ts'

/** Where everything that stood here is now, without a password; undefined while it is here. */
export async function movedTo(db: Db): Promise<string | undefined> {
  const setting = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', 'moved_to')
    .executeTakeFirst()
  return setting?.value
}

/** Raises CONFLICT where everything is elsewhere now. */
export async function refuseMoved(db: Db): Promise<void> {
  const place = await movedTo(db)
  if (place === undefined) return
  throw new FirebreakError(
    'CONFLICT',
    `everything that stood here was moved to ${place}`,
    `${whatOpens(place)}; firebreak migrate --reopen works on here again, without what was written there since`,
  )
}

/** What has to be set for commands to work on a place that everything was moved to. */
export function whatOpens(place: string): string {
  return isUrl(place)
    ? `set DATABASE_URL to ${place}`
    : `unset DATABASE_URL, set FIREBREAK_HOME to ${dirname(place)}, and put the key there`
}

/**
 * Nothing is written here from now on, not by a process that was at work before either: the engine itself refuses it.
 * What stands here stays as it is.
 */
export async function markMoved(tx: Tx, place: string): Promise<void> {
  await tx.insertInto('setting').values({ name: 'moved_to', value: place }).execute()
  if (isPostgres(tx))
    await sql
      .raw(
        `create or replace function firebreak_moved() returns trigger language plpgsql
         as $$ begin raise exception '${MOVED_AWAY}'; end $$`,
      )
      .execute(tx)
  for (const statement of guards(tx, guard => guard.create)) await sql.raw(statement).execute(tx)
}

/** The store is worked on again as it was when it was moved. */
export async function reopen(tx: Tx): Promise<void> {
  for (const statement of guards(tx, guard => guard.drop)) await sql.raw(statement).execute(tx)
  await tx.deleteFrom('setting').where('name', '=', 'moved_to').execute()
}

function guards(tx: Tx, pick: (guard: { create: string; drop: string }) => string): string[] {
  return TABLE_NAMES.flatMap(table =>
    ['insert', 'update', 'delete'].map(event => {
      const name = `moved_${table}_${event}`
      if (isPostgres(tx))
        return pick({
          create: `create trigger ${name} before ${event} on "${table}" for each statement execute function firebreak_moved()`,
          drop: `drop trigger if exists ${name} on "${table}"`,
        })
      return pick({
        create: `create trigger ${name} before ${event} on "${table}" begin select raise(abort, '${MOVED_AWAY}'); end`,
        drop: `drop trigger if exists ${name}`,
      })
    }),
  )
}
