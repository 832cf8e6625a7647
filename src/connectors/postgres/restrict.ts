import { FirebreakError } from '../../core/contract/errors.ts'
import type { Ref, State } from '../../core/contract/ref.ts'
import { inspectRole } from './inspect.ts'
import {
  type Attribute,
  type GrantState,
  type MembershipState,
  NARROWABLE,
  parseRoleState,
  type RoleState,
  scopeOfGrant,
  scopeOfMembership,
} from './role-state.ts'
import { mustFindRole, mustStillBe, type Role, roleOid, type Server, type Sql } from './server.ts'

/** NOLOGIN: no new session by any way of authentication; those that are open stay until endSessions. */
export async function suspend(server: Server, ref: Ref): Promise<void> {
  const oid = roleOid(server, ref)
  mustNotBeUs(server, oid, 'suspended')
  await server.change('suspending the role', async sql => {
    const role = await mustFindRole(sql, oid)
    await sql.rows(`alter role ${sql.name(role.name)} nologin`)
    await mustStillBe(sql, role)
  })
}

/** LOGIN again, if it was so before. */
export async function resume(server: Server, ref: Ref, before: State): Promise<void> {
  const oid = roleOid(server, ref)
  const state = parseRoleState(before)
  mustBeOf(state, oid)
  await server.change('resuming the role', async sql => {
    const role = await mustFindRole(sql, oid)
    await sql.rows(`alter role ${sql.name(role.name)} ${state.attributes.login ? 'login' : 'nologin'}`)
    await mustStillBe(sql, role)
  })
}

/**
 * Takes away what makes new principals or lets others in: CREATEROLE, ADMIN options, and memberships by which the
 * role could become one that has them. A superuser cannot be kept from minting while it stays one: UNSUPPORTED.
 */
export async function freeze(server: Server, identity: Ref): Promise<void> {
  const oid = roleOid(server, identity)
  mustNotBeUs(server, oid, 'frozen')
  await server.change('freezing the role', async sql => {
    const role = await mustFindRole(sql, oid)
    if (role.superuser) {
      throw new FirebreakError(
        'UNSUPPORTED',
        `${role.name} is a superuser, and nothing keeps a superuser from making roles`,
        'Suspend it and end its sessions, or narrow it, which takes SUPERUSER away.',
      )
    }
    await setAttributes(sql, role, { createrole: false })
    const rows = await sql.rows<{ name: string; admin: boolean; grantor: string; mints: boolean }>(MINTING, [
      oid,
    ])
    for (const { name, admin, grantor, mints } of rows) {
      if (!admin && !mints) continue
      await revokeMembership(
        sql,
        server,
        { role: name, member: role.name, grantor },
        mints ? '' : 'admin option for ',
      )
    }
    await mustStillBe(sql, role)
  })
}

/** Each membership of a role, and whether the role behind it, or one behind that, can make or let in others. */
const MINTING = `with recursive behind(direct, oid) as (
    select roleid, roleid from pg_catalog.pg_auth_members where member = $1::oid
    union select b.direct, m.roleid from behind b join pg_catalog.pg_auth_members m on m.member = b.oid)
  select r.rolname as name, m.admin_option as admin, pg_catalog.pg_get_userbyid(m.grantor)::text as grantor, exists (
    select from behind b join pg_catalog.pg_roles x on x.oid = b.oid where b.direct = m.roleid
      and (x.rolsuper or x.rolcreaterole or x.rolname in ('pg_execute_server_program', 'pg_write_server_files')
        or exists (select from pg_catalog.pg_auth_members a where a.member = x.oid and a.admin_option))) as mints
  from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.roleid where m.member = $1::oid
  order by 1, 3`

/**
 * Takes away every attribute, membership and right of the role's own that `scopes` does not name; scopes are written
 * as `scopesOf(state)` writes them. What the role owns, and what PUBLIC may do, stays.
 */
export async function narrow(server: Server, identity: Ref, scopes: readonly string[]): Promise<void> {
  const oid = roleOid(server, identity)
  mustNotBeUs(server, oid, 'narrowed')
  const state = await inspectRole(server, oid)
  if (!state) throw new FirebreakError('NOT_FOUND', `there is no role with oid ${oid}`)
  if (state.unread.length > 0) {
    throw new FirebreakError(
      'DENIED',
      `rights in ${state.unread.join(', ')} cannot be read, so they cannot be narrowed`,
      'Grant CONNECT on these databases to the connection’s role.',
    )
  }
  const keep = new Set(scopes)
  const lost = NARROWABLE.filter(
    attribute => state.attributes[attribute] && !keep.has(`attribute ${attribute}`),
  )
  const memberships = state.memberships.filter(
    membership => membership.member === state.name && !keep.has(scopeOfMembership(membership)),
  )
  const grants = state.grants.filter(grant => grant.grantee === state.name && !keep.has(scopeOfGrant(grant)))
  await server.change('narrowing the role', async sql => {
    const role = await mustFindRole(sql, oid)
    await setAttributes(sql, role, Object.fromEntries(lost.map(attribute => [attribute, false])))
    for (const membership of memberships) await revokeMembership(sql, server, membership, '')
    await mustStillBe(sql, role)
  })
  await inEachDatabase(server, grants, 'narrowing rights', async (sql, grant) => {
    await sql.rows(`set local role ${sql.name(grant.grantor)}`)
    await sql.rows(`${statement(sql, 'revoke', grant)} cascade`)
    await sql.rows('reset role')
  })
}

/** Brings back the attributes, memberships and rights of `before` that are missing now; nothing is taken away. */
export async function thaw(server: Server, identity: Ref, before: State): Promise<void> {
  const oid = roleOid(server, identity)
  const state = parseRoleState(before)
  mustBeOf(state, oid)
  const now = await inspectRole(server, oid)
  if (!now) throw new FirebreakError('NOT_FOUND', `there is no role with oid ${oid}`)
  const missing = <T>(then: readonly T[], present: readonly T[]) => {
    const there = new Set(present.map(item => JSON.stringify(item)))
    return then.filter(item => !there.has(JSON.stringify(item)))
  }
  const attributes = NARROWABLE.filter(attribute => state.attributes[attribute] && !now.attributes[attribute])
  await server.change('thawing the role', async sql => {
    const role = await mustFindRole(sql, oid)
    await setAttributes(sql, role, Object.fromEntries(attributes.map(attribute => [attribute, true])))
    for (const membership of missing(state.memberships, now.memberships))
      await grantMembership(sql, membership)
    await mustStillBe(sql, role)
  })
  await inEachDatabase(server, missing(state.grants, now.grants), 'thawing rights', async (sql, grant) => {
    await sql.rows(`set local role ${sql.name(grant.grantor)}`)
    await sql.rows(`${statement(sql, 'grant', grant)}${grant.grantable ? ' with grant option' : ''}`)
    await sql.rows('reset role')
  })
}

export function mustNotBeUs(server: Server, oid: string, what: string): void {
  if (oid !== server.us.oid) return
  throw new FirebreakError(
    'CONFLICT',
    `role ${server.us.name} is the one that this connection logs in as: were it ${what}, we would cut ourselves off`,
    'Open a connection as another administrator and act through that.',
  )
}

function mustBeOf(state: RoleState, oid: string): void {
  if (state.oid === oid) return
  throw new FirebreakError('CONFLICT', `the state to go back to is of role ${state.oid}, not of ${oid}`)
}

async function setAttributes(
  sql: Sql,
  role: Role,
  wanted: Partial<Record<Attribute, boolean>>,
): Promise<void> {
  // Only what differs: to mention SUPERUSER at all takes a superuser, changed or not.
  const { attributes } = await sql.row<{ attributes: Record<string, boolean> }>(
    `select pg_catalog.json_build_object('superuser', rolsuper, 'createrole', rolcreaterole, 'createdb', rolcreatedb,
       'replication', rolreplication, 'bypassrls', rolbypassrls) as attributes
     from pg_catalog.pg_roles where oid = $1::oid`,
    [role.oid],
  )
  const changes = Object.entries(wanted).filter(([attribute, value]) => attributes[attribute] !== value)
  if (changes.length === 0) return
  const words = changes.map(([attribute, value]) => (value ? attribute : `no${attribute}`))
  await sql.rows(`alter role ${sql.name(role.name)} ${words.join(' ')}`)
}

type MembershipKey = Pick<MembershipState, 'role' | 'member' | 'grantor'>

async function revokeMembership(sql: Sql, server: Server, key: MembershipKey, option: string): Promise<void> {
  // Before 16 there is one membership whoever granted it, and GRANTED BY would only be checked, not used.
  const by = server.version >= 160000 ? ` granted by ${sql.name(key.grantor)}` : ''
  await sql.rows(`revoke ${option}${sql.name(key.role)} from ${sql.name(key.member)}${by} cascade`)
}

async function grantMembership(sql: Sql, membership: MembershipState): Promise<void> {
  const { admin, inherit, set } = membership
  const options =
    inherit === null
      ? admin
        ? ' with admin option'
        : ''
      : ` with admin ${admin}, inherit ${inherit}, set ${set === true}`
  const [role, member, grantor] = [membership.role, membership.member, membership.grantor].map(sql.name)
  await sql.rows(`grant ${role} to ${member}${options} granted by ${grantor}`)
}

async function inEachDatabase(
  server: Server,
  grants: readonly GrantState[],
  doing: string,
  work: (sql: Sql, grant: GrantState) => Promise<void>,
): Promise<void> {
  for (const [database, members] of Map.groupBy(grants, grant => grant.database)) {
    await server.change(
      doing,
      async sql => {
        for (const grant of members) await work(sql, grant)
      },
      database ?? undefined,
    )
  }
}

function statement(sql: Sql, verb: 'grant' | 'revoke', grant: GrantState): string {
  const whom = `${verb === 'grant' ? 'to' : 'from'} ${grant.grantee === null ? 'public' : sql.name(grant.grantee)}`
  if (grant.kind === 'default') {
    const [, whose, what] = /^(.*) on ([a-z ]+)$/s.exec(grant.object) ?? []
    if (!whose || !what) throw new FirebreakError('CONFLICT', 'a default privilege of an unknown form')
    return `alter default privileges ${whose} ${verb} ${grant.privilege} on ${what} ${whom}`
  }
  const column = grant.column === null ? '' : ` (${grant.column})`
  return `${verb} ${grant.privilege}${column} on ${grant.kind} ${grant.object} ${whom}`
}
