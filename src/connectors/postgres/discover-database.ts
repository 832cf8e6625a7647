import type { Observation } from '../../core/contract/observation.ts'
import { rightsOf } from './inherited-rights.ts'
import { instanceRef, refOf } from './instance-ref.ts'
import { paged } from './paged.ts'
import type { Server, Sql } from './server.ts'

/** A database, its schemas and its tables, and an edge for each right that a role has on them; `apart` as in discoverRoles. */
export async function* discoverDatabase(
  server: Server,
  oid: string,
  name: string,
  apart: ReadonlySet<string>,
): AsyncGenerator<Observation> {
  const { config } = server
  const at = { instance: server.instance, apart }
  const itself = await server.read(
    `reading database ${name}`,
    sql => sql.rows<ObjectRow>(DATABASE, [oid]),
    name,
  )
  for (const row of itself) yield* aboutObject(at, 'database', oid, row, `database ${name}`)
  for await (const row of paged(config.pageSize, '0', (after, size) =>
    server.read(`listing schemas of ${name}`, sql => page(sql, SCHEMAS, after, size), name),
  )) {
    yield* aboutObject(at, 'schema', `${oid}.${row.key}`, row, `schema ${row.name} of ${name}`)
  }
  for await (const row of paged(config.pageSize, '0', (after, size) =>
    server.read(`listing tables of ${name}`, sql => page(sql, TABLES, after, size), name),
  )) {
    yield* aboutObject(at, 'table', `${oid}.${row.key}`, row, `table ${row.name} of ${name}`)
  }
}

interface ObjectRow {
  key: string
  name: string
  owner: string
  ownerName: string
  detail: string | null
  /** One for each grantee, with all its rights; `0` is PUBLIC. */
  grants: { grantee: string; name: string | null; privileges: string[] }[]
}

function page(sql: Sql, text: string, after: string, size: number): Promise<ObjectRow[]> {
  return sql.rows<ObjectRow>(text, [after, size])
}

const grants = (
  acl: string,
  owner: string,
) => `(select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'grantee', g.grantee::text, 'name', g.name, 'privileges', g.privileges)), '[]'::json)
  from (select a.grantee, case when a.grantee <> 0 then pg_catalog.pg_get_userbyid(a.grantee)::text end as name,
      pg_catalog.json_agg(distinct a.privilege_type) as privileges
    from pg_catalog.aclexplode(${acl}) a where a.grantee <> ${owner} group by a.grantee order by a.grantee) g) as grants`

const DATABASE = `select oid::text as key, datname as name, datdba::text as owner,
    pg_catalog.pg_get_userbyid(datdba)::text as "ownerName", null as detail,
    ${grants(`coalesce(datacl, pg_catalog.acldefault('d', datdba))`, 'datdba')}
  from pg_catalog.pg_database where oid = $1::oid`

const SCHEMAS = `select oid::text as key, nspname as name, nspowner::text as owner,
    pg_catalog.pg_get_userbyid(nspowner)::text as "ownerName", null as detail,
    ${grants(`coalesce(nspacl, pg_catalog.acldefault('n', nspowner))`, 'nspowner')}
  from pg_catalog.pg_namespace where oid > $1::oid and nspname !~ '^pg_' and nspname <> 'information_schema'
  order by pg_namespace.oid limit $2`

const TABLES = `select c.oid::text as key, n.nspname || '.' || c.relname as name, c.relowner::text as owner,
    pg_catalog.pg_get_userbyid(c.relowner)::text as "ownerName",
    case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
      else 'table' end as detail,
    ${grants(`coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))`, 'c.relowner')}
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid > $1::oid and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
  order by c.oid limit $2`

function* aboutObject(
  { instance, apart }: { readonly instance: string; readonly apart: ReadonlySet<string> },
  kind: string,
  id: string,
  row: ObjectRow,
  called: string,
): Generator<Observation> {
  const ref = refOf(instance, kind, id)
  const facts = {
    owner: { value: row.ownerName },
    ...(row.detail ? { relation: { value: row.detail } } : {}),
  }
  yield { see: 'resource', ref, names: [row.name], facts }
  yield {
    see: 'edge',
    from: instanceRef(instance),
    to: ref,
    crossing: 'contains',
    certainty: 'proven',
    why: `Who has the whole server has ${called}.`,
  }
  yield {
    see: 'edge',
    from: rightsOf(instance, apart, row.owner),
    to: ref,
    crossing: 'owns',
    certainty: 'proven',
    why: `${row.ownerName} owns ${called}.`,
  }
  for (const { grantee, name, privileges } of row.grants) {
    for (const [crossing, held] of Map.groupBy(privileges, privilege => CROSSINGS[kind]?.[privilege])) {
      if (!crossing) continue
      yield {
        see: 'edge',
        from: rightsOf(instance, apart, grantee),
        to: ref,
        crossing,
        certainty: 'proven',
        why: `${name ?? 'PUBLIC'} was granted ${held.sort().join(', ')} on ${called}.`,
      }
    }
  }
}

/** What a privilege lets its holder do. Those left out (TEMPORARY, REFERENCES, MAINTAIN) reach nothing. */
const CROSSINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  database: { CONNECT: 'may-connect', CREATE: 'may-create' },
  schema: { USAGE: 'may-use', CREATE: 'may-create' },
  table: {
    SELECT: 'may-read',
    INSERT: 'may-write',
    UPDATE: 'may-write',
    DELETE: 'may-write',
    TRUNCATE: 'may-write',
    TRIGGER: 'may-attach-code',
  },
}
