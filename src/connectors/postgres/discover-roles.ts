import { factsOf, type Observation } from '../../core/contract/observation.ts'
import { ownersInText } from '../../core/contract/owner-text.ts'
import type { Json, Ms } from '../../core/contract/ref.ts'
import { rightsOf } from './inherited-rights.ts'
import { instanceRef, refOf } from './instance-ref.ts'
import { readMark } from './mark.ts'
import { paged } from './paged.ts'
import type { Server, Sql } from './server.ts'

/** PUBLIC is no role, yet rights are given to it; its oid in every ACL is 0. */
const PUBLIC_OID = '0'
const FIRST_USER_OID = 16384
/** What tells whose a role is, and what for. */
export const ROLE_COMMENT = 'postgres role comment'

/**
 * Roles, their passwords, who is in which, and what a role may do without any grant. `apart` are those whose rights are a
 * thing by themselves.
 */
export async function* discoverRoles(
  server: Server,
  apart: ReadonlySet<string>,
): AsyncGenerator<Observation> {
  const { instance, config } = server
  const everyone = refOf(instance, 'role', PUBLIC_OID)
  yield { see: 'identity', ref: everyone, names: ['PUBLIC'], facts: { builtIn: { value: true } } }
  const mayRead = await server.read('asking for rights', sql =>
    sql.row<{ may: boolean }>(
      "select pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'select') as may",
    ),
  )
  for await (const role of paged(config.pageSize, '0', (after, size) =>
    server.read('listing roles', sql => readRoles(sql, mayRead.may, after, size)),
  )) {
    yield* aboutRole(server, role, apart)
    yield {
      see: 'edge',
      from: refOf(instance, 'role', role.key),
      to: everyone,
      crossing: 'member-of',
      certainty: 'proven',
      why: `What PUBLIC may do, every role may, ${role.name} too.`,
    }
  }
  for await (const row of paged(config.pageSize, '0/0/0', (after, size) =>
    server.read('listing memberships', sql => readMemberships(sql, server.version, after, size)),
  )) {
    yield* aboutMembership(instance, row, apart)
  }
  if (server.version < 160000) yield* passwordSetters(server)
}

interface RoleRow {
  key: string
  name: string
  superuser: boolean
  inherit: boolean
  createRole: boolean
  createDb: boolean
  canLogin: boolean
  replication: boolean
  bypassRls: boolean
  connectionLimit: number
  validUntilMs: number | null
  passwordKind: string
  comment: string | null
}

function readRoles(sql: Sql, mayReadPasswords: boolean, after: string, size: number): Promise<RoleRow[]> {
  // Only the kind of what is stored leaves the server.
  const kind = mayReadPasswords
    ? `(select case when a.rolpassword is null then 'none' when a.rolpassword like 'SCRAM-SHA-256$%'
        then 'scram-sha-256' else 'md5' end from pg_catalog.pg_authid a where a.oid = r.oid)`
    : `'unknown'::text`
  return sql.rows<RoleRow>(
    `select r.oid::text as key, rolname as name, rolsuper as superuser, rolinherit as inherit,
       rolcreaterole as "createRole", rolcreatedb as "createDb", rolcanlogin as "canLogin",
       rolreplication as replication, rolbypassrls as "bypassRls", rolconnlimit as "connectionLimit",
       case when rolvaliduntil = '-infinity' then 0 when pg_catalog.isfinite(rolvaliduntil)
         then (extract(epoch from rolvaliduntil) * 1000)::float8 end as "validUntilMs",
       ${kind} as "passwordKind", pg_catalog.shobj_description(r.oid, 'pg_authid') as comment
     from pg_catalog.pg_roles r where r.oid > $1::oid order by r.oid limit $2`,
    [after, size],
  )
}

function* aboutRole({ instance }: Server, role: RoleRow, apart: ReadonlySet<string>): Generator<Observation> {
  const ref = refOf(instance, 'role', role.key)
  const { name, validUntilMs, comment, passwordKind } = role
  const facts: Record<string, Json> = {
    superuser: role.superuser,
    inherit: role.inherit,
    createRole: role.createRole,
    createDb: role.createDb,
    canLogin: role.canLogin,
    replication: role.replication,
    bypassRls: role.bypassRls,
    connectionLimit: role.connectionLimit,
    validUntil: isoTime(validUntilMs),
    passwordKind,
    comment,
    builtIn: Number(role.key) < FIRST_USER_OID,
    issuedByFirebreak: readMark(role) !== undefined,
  }
  yield { see: 'identity', ref, names: [name], facts: factsOf(facts) }
  yield* ownersInText(ref, comment, ROLE_COMMENT)
  if (role.canLogin && passwordKind !== 'none') {
    const credential = { ...refOf(instance, 'password', role.key), identity: ref }
    yield {
      see: 'credential',
      ref: credential,
      facts: factsOf({
        kind: passwordKind,
        validUntil: isoTime(validUntilMs),
        // Null where it has none, so that an end that was lifted does not stay told.
        expires: isoTime(validUntilMs),
      }),
    }
  }
  const rights = rightsOf(instance, apart, role.key)
  if (rights.kind !== ref.kind) {
    yield { see: 'resource', ref: rights, names: [`rights of ${name}`], facts: {} }
    yield {
      see: 'edge',
      from: ref,
      to: rights,
      crossing: 'member-of',
      certainty: 'proven',
      why: `${name} has what was granted to it.`,
    }
  }
  const toInstance = { see: 'edge', from: rights, to: instanceRef(instance) } as const
  if (role.superuser) {
    yield {
      ...toInstance,
      from: ref,
      crossing: 'superuser',
      certainty: 'proven',
      why: `${name} is a superuser: no right is checked for it.`,
    }
  }
  if (role.superuser || name === 'pg_execute_server_program') {
    yield {
      ...toInstance,
      from: role.superuser ? ref : rights,
      crossing: 'runs-commands-on-host',
      certainty: 'conditional',
      when: 'the host lets the server’s account run programs',
      why: `${name} may run any program as the server’s account (COPY … PROGRAM).`,
    }
  }
  const everywhere = EVERYWHERE[name]
  if (everywhere)
    yield { ...toInstance, crossing: everywhere[0], certainty: 'proven', why: `${name} ${everywhere[1]}.` }
  if (role.replication) {
    yield {
      ...toInstance,
      from: ref,
      crossing: 'may-read',
      certainty: 'proven',
      why: `${name} may copy the whole server (REPLICATION).`,
    }
  }
}

/** The built-in roles whose rights no grant shows (manual, Predefined Roles). */
const EVERYWHERE: Readonly<Record<string, readonly [string, string]>> = {
  pg_read_all_data: ['may-read', 'may read every table of every database'],
  pg_write_all_data: ['may-write', 'may write every table of every database'],
  pg_read_server_files: ['may-read', 'may read every file that the server can, its own data too'],
  pg_write_server_files: [
    'superuser',
    'may write every file that the server can, so that it can make itself anything',
  ],
}

interface MembershipRow {
  key: string
  roleOid: string
  role: string
  memberOid: string
  member: string
  admin: boolean
  inherit: boolean
  set: boolean
}

function readMemberships(sql: Sql, version: number, after: string, size: number): Promise<MembershipRow[]> {
  const [roleOid, memberOid, grantorOid] = after.split('/') as [string, string, string]
  const options =
    version >= 160000
      ? 'm.inherit_option as inherit, m.set_option as set'
      : 'u.rolinherit as inherit, true as set'
  return sql.rows<MembershipRow>(
    `select m.roleid || '/' || m.member || '/' || m.grantor as key, m.roleid::text as "roleOid", r.rolname as role,
       m.member::text as "memberOid", u.rolname as member, m.admin_option as admin, ${options}
     from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.roleid
     join pg_catalog.pg_roles u on u.oid = m.member
     where (m.roleid, m.member, m.grantor) > ($1::oid, $2::oid, $3::oid)
     order by m.roleid, m.member, m.grantor limit $4`,
    [roleOid, memberOid, grantorOid, size],
  )
}

function* aboutMembership(
  instance: string,
  row: MembershipRow,
  apart: ReadonlySet<string>,
): Generator<Observation> {
  const { member, role } = row
  const [asMember, asRole] = [refOf(instance, 'role', row.memberOid), refOf(instance, 'role', row.roleOid)]
  const rightsOfMember = rightsOf(instance, apart, row.memberOid)
  const edge = { see: 'edge', certainty: 'proven' } as const
  if (row.inherit)
    yield {
      ...edge,
      from: rightsOfMember,
      to: rightsOf(instance, apart, row.roleOid),
      crossing: 'member-of',
      why: `${member} has the rights of ${role}, which it is in.`,
    }
  if (row.set)
    yield {
      ...edge,
      from: asMember,
      to: asRole,
      crossing: 'can-set-role',
      why: `${member} may become ${role} with SET ROLE.`,
    }
  if (row.admin)
    yield {
      ...edge,
      from: rightsOfMember,
      to: asRole,
      crossing: 'can-grant',
      why: `${member} may let any role into ${role}, itself too (ADMIN OPTION).`,
    }
}

/** Before 16, CREATEROLE alone sets the password of every role that is no superuser, and grants any of them. */
async function* passwordSetters(server: Server): AsyncGenerator<Observation> {
  const makers = await server.read('listing roles with CREATEROLE', sql =>
    sql.rows<{ oid: string; name: string }>(
      'select oid::text, rolname as name from pg_catalog.pg_roles where rolcreaterole and not rolsuper order by 2',
    ),
  )
  for (const maker of makers) {
    for await (const role of paged(server.config.pageSize, '0', (after, size) =>
      server.read('listing roles', sql =>
        sql.rows<{ key: string; name: string }>(
          `select oid::text as key, rolname as name from pg_catalog.pg_roles
           where oid > $1::oid and not rolsuper and oid <> $3::oid order by pg_roles.oid limit $2`,
          [after, size, maker.oid],
        ),
      ),
    )) {
      yield {
        see: 'edge',
        from: refOf(server.instance, 'role', maker.oid),
        to: refOf(server.instance, 'role', role.key),
        crossing: 'can-grant',
        certainty: 'proven',
        why: `${maker.name} has CREATEROLE, which before PostgreSQL 16 gives it ${role.name}, password and all.`,
      }
    }
  }
}

function isoTime(ms: Ms | null): string | null {
  // A date outside what ECMAScript can tell is as good as none.
  return ms === null || Math.abs(ms) > 8.64e15 ? null : new Date(ms).toISOString()
}
