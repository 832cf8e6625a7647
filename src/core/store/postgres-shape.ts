import { type Kysely, sql } from 'kysely'
import { FirebreakError } from '../contract/errors.ts'

/** Texts from outside, of any length. An index of PostgreSQL takes no more than 2,704 bytes of one row. */
const WIDE = new Set([
  'instance',
  'key',
  'label',
  'language',
  'member',
  'name',
  'native',
  'owner',
  'path',
  'scope',
  'slots',
  'source',
])

export function isWide(column: string): boolean {
  return WIDE.has(column)
}

/** The function that unique indexes have in the place of such a text. SHA-256, so that nobody can make two agree. */
export const WIDE_KEY = 'firebreak_key'

/** Raises STORE_BROKEN where Firebreak's tables would stand among another program's, or text would lose characters. */
export async function checkPlace(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ schema: string | null; encoding: string; tables: number }>`
    select current_schema() as schema, current_setting('server_encoding') as encoding,
      (select count(*) from pg_tables where schemaname = current_schema()) as tables`.execute(db)
  const [place] = rows
  if (!place?.schema)
    throw new FirebreakError(
      'STORE_BROKEN',
      'none of the schemas in its search path is there',
      'create the schema first, or leave search_path out of the URL',
    )
  if (place.encoding !== 'UTF8')
    throw new FirebreakError(
      'STORE_BROKEN',
      `its encoding is ${place.encoding}`,
      "create it with encoding 'UTF8'",
    )
  if (place.tables > 0)
    throw new FirebreakError(
      'STORE_BROKEN',
      `its schema ${place.schema} holds tables that are not Firebreak's`,
      'it may be meant for another program: give Firebreak a database or a schema of its own',
    )
}

/**
 * Makes what the migrations made mean what it means on SQLite: text sorts by its bytes whatever the server's language, and
 * a text of any length can be a key. Done after migrations, on whatever is not so yet.
 */
export async function shapeTables(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create or replace function ${WIDE_KEY}(text) returns bytea language sql immutable strict parallel safe
       as $$ select pg_catalog.sha256(pg_catalog.convert_to($1, 'UTF8')) $$`,
    )
    .execute(db)
  await collate(db)
  await digestKeys(db)
  await sql.raw('create index if not exists entity_native on entity using hash (native)').execute(db)
}

async function collate(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ table: string; column: string }>`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = current_schema() and data_type = 'text' and collation_name is distinct from 'C'
    order by table_name, ordinal_position`.execute(db)
  for (const [table, columns] of Map.groupBy(rows, row => row.table)) {
    const changes = columns.map(({ column }) => `alter column "${column}" type text collate "C"`)
    await sql.raw(`alter table "${table}" ${changes.join(', ')}`).execute(db)
  }
}

interface Index {
  readonly table: string
  readonly name: string
  readonly unique: boolean
  readonly constrained: boolean
  readonly columns: string[]
}

async function digestKeys(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<Index>`
    select t.relname as "table", i.relname as name, x.indisunique as "unique", c.oid is not null as constrained,
      array(select a.attname::text from unnest(x.indkey::smallint[]) with ordinality k (number, place)
        join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number order by k.place) as columns
    from pg_index x
    join pg_class i on i.oid = x.indexrelid
    join pg_class t on t.oid = x.indrelid
    join pg_am m on m.oid = i.relam and m.amname = 'btree'
    left join pg_constraint c on c.conindid = x.indexrelid and c.contype in ('p', 'u')
    where t.relnamespace = current_schema()::regnamespace and x.indexprs is null
      and t.relname not like 'kysely%'`.execute(db)
  for (const { table, name, unique, constrained, columns } of rows) {
    if (!columns.some(isWide)) continue
    const drop = constrained ? `alter table "${table}" drop constraint "${name}"` : `drop index "${name}"`
    await sql.raw(drop).execute(db)
    const keys = columns.map(column => (isWide(column) ? `${WIDE_KEY}("${column}")` : `"${column}"`))
    // What is only looked up is found by equality.
    const [only, ...others] = columns
    const made =
      unique || others.length > 0
        ? `create ${unique ? 'unique ' : ''}index "${name}" on "${table}" (${keys.join(', ')})`
        : `create index "${name}" on "${table}" using hash ("${only}")`
    await sql.raw(made).execute(db)
  }
}
