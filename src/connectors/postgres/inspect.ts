import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Ref, State } from '../../core/contract/ref.ts'
import { type GrantState, type MembershipState, type RoleState, scopesOf } from './role-state.ts'
import { findRole, roleOid, type Server, type Sql } from './server.ts'

/** What stands for a role now: attributes, memberships, rights in every database. Null for a role that is not there. */
export async function inspect(server: Server, ref: Ref): Promise<State> {
  return inspectRole(server, roleOid(server, ref))
}

export async function inspectRole(server: Server, oid: string): Promise<RoleState | null> {
  const shared = await server.read('inspecting the role', async sql => {
    if (!(await findRole(sql, oid))) return undefined
    const role = await sql.row<RoleRow>(ROLE, [oid])
    const { mayRead, ...rest } = role
    const hasPassword = mayRead ? (await sql.row<{ has: boolean }>(HAS_PASSWORD, [oid])).has : null
    const settings = await sql.rows<RoleState['settings'][number]>(SETTINGS, [oid])
    const memberships = await readMemberships(sql, server.version, oid)
    const grants = grantsAround(rest.name, await sql.rows<OwnedGrant>(SHARED_GRANTS(server.version), [oid]))
    const databases = await databasesWithRights(sql, oid)
    return { ...rest, hasPassword, settings, memberships, grants, databases }
  })
  if (!shared) return null
  const { databases, grants, ...role } = shared
  const unread: string[] = []
  for (const database of databases) {
    try {
      const rows = await server.read(
        `inspecting rights in ${database}`,
        sql => sql.rows<OwnedGrant>(LOCAL_GRANTS, [oid, database]),
        database,
      )
      grants.push(...grantsAround(role.name, rows))
    } catch (error) {
      if (!isFirebreakError(error, 'DENIED', 'INVALID_CONFIG', 'UNSUPPORTED')) throw error
      unread.push(database)
    }
  }
  const state = { present: true as const, ...role, grants, unread }
  return { ...state, scopes: scopesOf(state) }
}

type RoleRow = Pick<
  RoleState,
  'oid' | 'name' | 'comment' | 'attributes' | 'connectionLimit' | 'validUntil'
> & {
  mayRead: boolean
}

/** Roles below this number are the server's own, and which rights they have is not noted outside of each database. */
const FIRST_NOTED_OID = 16_384

/** Those in which something names the role in its rights, as far as they let anyone in. */
async function databasesWithRights(sql: Sql, oid: string): Promise<string[]> {
  const rows = await sql.rows<{ name: string }>(
    `select datname as name from pg_catalog.pg_database d where datallowconn and ($1::oid < ${FIRST_NOTED_OID} or exists (
       select from pg_catalog.pg_shdepend s
       where s.dbid = d.oid and s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and s.refobjid = $1::oid))
     order by oid`,
    [oid],
  )
  return rows.map(row => row.name)
}

const ROLE = `select oid::text, rolname as name, pg_catalog.shobj_description(oid, 'pg_authid') as comment,
  pg_catalog.json_build_object('login', rolcanlogin, 'superuser', rolsuper, 'inherit', rolinherit,
    'createrole', rolcreaterole, 'createdb', rolcreatedb, 'replication', rolreplication,
    'bypassrls', rolbypassrls) as attributes,
  rolconnlimit as "connectionLimit", rolvaliduntil::text as "validUntil",
  pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'select') as "mayRead"
  from pg_catalog.pg_roles where oid = $1::oid`

const HAS_PASSWORD = 'select rolpassword is not null as has from pg_catalog.pg_authid where oid = $1::oid'

const SETTINGS = `select d.datname as database, pg_catalog.unnest(s.setconfig) as setting
  from pg_catalog.pg_db_role_setting s left join pg_catalog.pg_database d on d.oid = s.setdatabase
  where s.setrole = $1::oid order by 1 nulls first, 2`

async function readMemberships(sql: Sql, version: number, oid: string): Promise<MembershipState[]> {
  const options =
    version >= 160000 ? 'm.inherit_option as inherit, m.set_option as set' : 'null as inherit, null as set'
  // From 16 on a membership falls with its grantor's own, so that what hangs on ours is part of the state.
  const rows = await sql.rows<MembershipState>(
    `select r.rolname as role, u.rolname as member, pg_catalog.pg_get_userbyid(m.grantor)::text as grantor,
       m.admin_option as admin, ${options}
     from pg_catalog.pg_auth_members m
     join pg_catalog.pg_roles r on r.oid = m.roleid join pg_catalog.pg_roles u on u.oid = m.member
     where m.roleid in (select roleid from pg_catalog.pg_auth_members where member = $1::oid)
     order by 1, 2, 3`,
    [oid],
  )
  const { name } = await sql.row<{ name: string }>(
    'select rolname as name from pg_catalog.pg_roles where oid = $1',
    [oid],
  )
  const kept = new Set(rows.filter(row => row.member === name))
  if (version >= 160000) {
    grow(kept, rows, (row, known) => row.role === known.role && row.grantor === known.member && known.admin)
  }
  return [...kept]
}

type OwnedGrant = GrantState & { owner: string }

/** The role's own rights, and those that it passed on, and so on: REVOKE … CASCADE takes them all. */
function grantsAround(role: string, rows: readonly OwnedGrant[]): GrantState[] {
  const kept = new Set(rows.filter(row => row.grantee === role && row.owner !== role))
  grow(kept, rows, (row, known) => {
    const same = row.kind === known.kind && row.object === known.object && row.column === known.column
    return same && row.privilege === known.privilege && known.grantable && row.grantor === known.grantee
  })
  return [...kept].map(({ database, kind, object, column, privilege, grantable, grantor, grantee }) => {
    return { database, kind, object, column, privilege, grantable, grantor, grantee }
  })
}

function grow<T>(kept: Set<T>, all: readonly T[], hangsOn: (row: T, known: T) => boolean): void {
  // A set iterates over what is added meanwhile: this ends when nothing more hangs on anything kept, in an order
  // in which rights can be given back.
  for (const known of kept) for (const row of all) if (hangsOn(row, known)) kept.add(row)
}

const EXPLODED = `select o.database, o.kind, o.object, o.col as column, a.privilege_type as privilege,
    a.is_grantable as grantable, pg_catalog.pg_get_userbyid(a.grantor)::text as grantor,
    case when a.grantee <> 0 then pg_catalog.pg_get_userbyid(a.grantee)::text end as grantee,
    pg_catalog.pg_get_userbyid(o.owner)::text as owner
  from objects o cross join lateral pg_catalog.aclexplode(o.acl) a
  where exists (select from pg_catalog.aclexplode(o.acl) b where b.grantee = $1::oid)
  order by 2, 3, 4, 5, 7, 8`

const SHARED_GRANTS = (version: number) => `with objects(database, kind, object, col, owner, acl) as (
    select null::text, 'database', pg_catalog.quote_ident(datname), null::text, datdba, datacl from pg_catalog.pg_database
    union all
    select null, 'tablespace', pg_catalog.quote_ident(spcname), null, spcowner, spcacl from pg_catalog.pg_tablespace
    ${
      version >= 150000
        ? `union all select null, 'parameter', pg_catalog.quote_ident(parname), null, 10, paracl from pg_catalog.pg_parameter_acl`
        : ''
    }
  ) ${EXPLODED}`

const LOCAL_GRANTS = `with objects(database, kind, object, col, owner, acl) as (
    select $2::text, case relkind when 'S' then 'sequence' else 'table' end, oid::pg_catalog.regclass::text, null::text,
      relowner, relacl from pg_catalog.pg_class where relacl is not null
    union all
    select $2, 'table', c.oid::pg_catalog.regclass::text, pg_catalog.quote_ident(a.attname), c.relowner, a.attacl
      from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
      where a.attacl is not null and not a.attisdropped
    union all
    select $2, 'schema', pg_catalog.quote_ident(nspname), null, nspowner, nspacl from pg_catalog.pg_namespace
      where nspname !~ '^pg_(toast_)?temp_'
    union all
    select $2, 'routine', oid::pg_catalog.regprocedure::text, null, proowner, proacl from pg_catalog.pg_proc
      where proacl is not null
    union all
    select $2, 'type', oid::pg_catalog.regtype::text, null, typowner, typacl from pg_catalog.pg_type
      where typacl is not null
    union all
    select $2, 'language', pg_catalog.quote_ident(lanname), null, lanowner, lanacl from pg_catalog.pg_language
    union all
    select $2, 'foreign data wrapper', pg_catalog.quote_ident(fdwname), null, fdwowner, fdwacl
      from pg_catalog.pg_foreign_data_wrapper
    union all
    select $2, 'foreign server', pg_catalog.quote_ident(srvname), null, srvowner, srvacl
      from pg_catalog.pg_foreign_server
    union all
    select $2, 'large object', oid::text, null, lomowner, lomacl from pg_catalog.pg_largeobject_metadata
    union all
    select $2, 'default', 'for role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole)::text)
        || coalesce(' in schema ' || pg_catalog.quote_ident(n.nspname), '') || ' on ' || case d.defaclobjtype
          when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
          when 'n' then 'schemas' else 'large objects' end,
      null, d.defaclrole, d.defaclacl
      from pg_catalog.pg_default_acl d left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
  ) ${EXPLODED}`
