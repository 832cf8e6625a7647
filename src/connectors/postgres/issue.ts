import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { issuedRoleName, markOf, readMark } from './mark.ts'
import { mustNotBeUs } from './restrict.ts'
import { dropRole } from './revoke.ts'
import { scramVerifier } from './scram-verifier.ts'
import {
  findRole,
  findRoleNamed,
  mustFindRole,
  mustStillBe,
  type Role,
  roleOid,
  type Server,
  type Sql,
} from './server.ts'

/**
 * A sibling: a new role, a member of the old one, whose sessions start as the old one (`set role`). So it owns what
 * the old one owns and makes, and attributes of the old one hold too; SUPERUSER and the like need no copying.
 * The old role and its password stay as they are.
 */
export async function issue(server: Server, want: Want): Promise<Issued> {
  const { like, scopes, ttlSeconds } = want
  if (!like) {
    throw new FirebreakError(
      'UNSUPPORTED',
      'a role is issued beside another one only',
      'Name the credential to be like.',
    )
  }
  if (scopes.length > 0) {
    throw new FirebreakError(
      'UNSUPPORTED',
      'a sibling has all the rights of the role beside it, so that it cannot be given fewer',
      'Leave scopes empty, or issue like a role that has only those rights.',
    )
  }
  const likeOid = roleOid(server, like)
  const name = issuedRoleName(want.name)
  const { password, verifier } = await newPassword(server)
  const now = server.io.now().getTime()

  const oid = await server.change('issuing a role', async sql => {
    const standing = await findRoleNamed(sql, name)
    if (standing) {
      throw new FirebreakError(
        'CONFLICT',
        `the role ${name} is there already`,
        readMark(standing)
          ? 'Undo the attempt that made it, then issue again.'
          : 'It is not ours: rename or remove it.',
      )
    }
    const old = await originOf(sql, await mustFindRole(sql, likeOid))
    const { replication, connectionLimit } = await sql.row<{ replication: boolean; connectionLimit: number }>(
      `select rolreplication as replication, rolconnlimit as "connectionLimit" from pg_catalog.pg_roles where oid = $1::oid`,
      [old.oid],
    )
    // A replication connection checks this before any SET ROLE: the one attribute that must be its own.
    const attributes = `login${replication ? ' replication' : ''} connection limit ${connectionLimit}`
    // By the server's clock, which is the one that VALID UNTIL is held against.
    const until =
      ttlSeconds === undefined ? '' : ` valid until ${sql.literal(await serverTimeIn(sql, ttlSeconds))}`
    const [sibling, group] = [sql.name(name), sql.name(old.name)]
    await sql.rows(
      `create role ${sibling} ${attributes} in role ${group} password ${sql.literal(verifier)}${until}`,
    )
    await copySettings(sql, old, name)
    await sql.rows(`comment on role ${sibling} is ${sql.literal(markOf(want.name, old.oid))}`)
    await mustStillBe(sql, old)
    const made = await findRoleNamed(sql, name)
    if (!made) throw new FirebreakError('CONFLICT', `the role ${name} went away while it was made`)
    return made.oid
  })
  return issued(
    server,
    oid,
    new Secret(password, name),
    ttlSeconds === undefined ? undefined : now + ttlSeconds * 1000,
  )
}

/** Moves the end of a role that we made, by the server's clock; nobody else's is touched. */
export async function extend(server: Server, ref: CredentialRef, ttlSeconds: number): Promise<void> {
  const oid = roleOid(server, ref)
  await server.change('extending a role', async sql => {
    const found = await mustFindRole(sql, oid)
    if (!readMark(found))
      throw new FirebreakError('CONFLICT', `the role ${found.name} is none that was issued`)
    const until = sql.literal(await serverTimeIn(sql, ttlSeconds))
    await sql.rows(`alter role ${sql.name(found.name)} valid until ${until}`)
    await mustStillBe(sql, found)
  })
}

/** Removes what `issue(want)` may have left. A role by that name which is not marked as ours is left alone. */
export async function undo(server: Server, want: Want): Promise<void> {
  const name = issuedRoleName(want.name)
  // In a change, not a read: what a broken connection left running must have ended before we look.
  const left = await server.change('looking for what is left', sql => findRoleNamed(sql, name))
  if (left && readMark(left)?.wantName === want.name) await dropRole(server, left.oid)
}

/** A new password for the role itself; the old one is refused from then on. Sessions that are open stay. */
export async function rotate(server: Server, ref: CredentialRef, want: Want): Promise<Issued> {
  const oid = roleOid(server, ref)
  mustNotBeUs(server, oid, 'given another password')
  const { password, verifier } = await newPassword(server)
  const now = server.io.now().getTime()
  const { ttlSeconds } = want
  const role = await server.change('rotating a password', async sql => {
    const found = await mustFindRole(sql, oid)
    const until =
      ttlSeconds === undefined ? '' : ` valid until ${sql.literal(await serverTimeIn(sql, ttlSeconds))}`
    await sql.rows(`alter role ${sql.name(found.name)} password ${sql.literal(verifier)}${until}`)
    await mustStillBe(sql, found)
    return found
  })
  return issued(
    server,
    oid,
    new Secret(password, role.name),
    ttlSeconds === undefined ? undefined : now + ttlSeconds * 1000,
  )
}

async function newPassword(server: Server): Promise<{ password: string; verifier: string }> {
  const password = Buffer.from(server.io.random(32)).toString('base64url')
  return { password, verifier: await scramVerifier(password, server.io.random(16)) }
}

function issued(server: Server, oid: string, secret: Secret, notAfter: number | undefined): Issued {
  const at = { system: 'postgres', instance: server.instance, id: oid }
  const ref = { ...at, kind: 'password', identity: { ...at, kind: 'role' } }
  return { ref, secret, ...(notAfter === undefined ? {} : { notAfter }) }
}

/** A sibling of a sibling is a sibling of the first: else revoking the one between would take its rights away. */
async function originOf(sql: Sql, role: Role): Promise<Role> {
  const mark = readMark(role)
  return (mark && (await findRole(sql, mark.likeOid))) ?? role
}

async function serverTimeIn(sql: Sql, seconds: number): Promise<string> {
  const { at } = await sql.row<{ at: string }>(
    `select (pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $1::float8))::text as at`,
    [seconds],
  )
  return at
}

/**
 * The old role's settings, for all databases and for single ones, then `role`: its own where it has one (then its
 * sessions start as that), else the old role.
 */
async function copySettings(sql: Sql, old: Role, name: string): Promise<void> {
  const settings = await sql.rows<{ database: string | null; entry: string }>(
    `select d.datname as database, pg_catalog.unnest(s.setconfig) as entry from pg_catalog.pg_db_role_setting s
     left join pg_catalog.pg_database d on d.oid = s.setdatabase where s.setrole = $1::oid`,
    [old.oid],
  )
  const parsed = settings.map(({ database, entry }) => {
    const at = entry.indexOf('=')
    return { database, parameter: entry.slice(0, at), value: entry.slice(at + 1) }
  })
  if (!parsed.some(({ database, parameter }) => database === null && parameter === 'role')) {
    parsed.push({ database: null, parameter: 'role', value: old.name })
  }
  for (const { database, parameter, value } of parsed) {
    const where = database === null ? '' : ` in database ${sql.name(database)}`
    const words = LISTS.has(parameter)
      ? splitNames(value).map(sql.name).join(', ') || `''`
      : sql.literal(value)
    const names = parameter.split('.').map(sql.name).join('.')
    await sql.rows(`alter role ${sql.name(name)}${where} set ${names} to ${words}`)
  }
}

/** Settings that are lists of names (GUC_LIST_QUOTE): as one literal they would become one long name. */
const LISTS = new Set([
  'search_path',
  'temp_tablespaces',
  'local_preload_libraries',
  'session_preload_libraries',
])

/**
 * The names of a list as PostgreSQL reads it (SplitIdentifierString): quoted, or anything without space or comma.
 * Never passed on as it stands: a role can put `x;drop` into its own search path.
 */
function splitNames(list: string): string[] {
  const names = [...list.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain?.toLowerCase() ?? '',
  )
  return names.filter(name => name !== '')
}
