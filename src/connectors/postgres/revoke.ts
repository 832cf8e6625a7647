import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { readMark } from './mark.ts'
import { mustNotBeUs } from './restrict.ts'
import { findRole, mustStillBe, type Role, roleOid, type Server, type Sql } from './server.ts'
import { endSessions } from './sessions.ts'

/** The first superuser's oid, the same in every cluster; the server refuses to drop that role. */
const BOOTSTRAP_OID = '10'

/**
 * A password of an ordinary role is cleared and the role shut, but it stays with all that it owns. A role that we
 * issued, or one revoked as a role, is dropped. In both cases its sessions end. A role that is not there is success.
 *
 * Why NOLOGIN too: a login that began before takes the old password for as long as `authentication_timeout`, and
 * only the LOGIN attribute is looked at after that.
 */
export async function revoke(server: Server, ref: CredentialRef): Promise<void> {
  const oid = roleOid(server, ref)
  mustNotBeUs(server, oid, 'revoked')
  const role = await server.read('looking the role up', sql => findRole(sql, oid))
  if (!role) return
  if (ref.kind === 'role' || readMark(role)) return dropRole(server, oid)
  await clearPassword(server, oid)
  await endAllSessions(server, oid)
  // A session that was still open may have given its role a new password in between: every role may.
  await clearPassword(server, oid)
}

async function clearPassword(server: Server, oid: string): Promise<void> {
  await server.change('clearing the password', async sql => {
    const role = await findRole(sql, oid)
    if (!role) return
    await sql.rows(`alter role ${sql.name(role.name)} nologin password null`)
    await mustStillBe(sql, role)
  })
}

function endAllSessions(server: Server, oid: string): Promise<void> {
  const identity = { system: 'postgres', instance: server.instance, kind: 'role', id: oid }
  return endSessions(server, identity, server.io.now().getTime())
}

/**
 * Shuts the role, ends its sessions, hands what it owns to the role that it was issued like (else to our own), takes
 * its rights away in every database that knows it, and drops it. Each step may find itself done already.
 */
export async function dropRole(server: Server, oid: string): Promise<void> {
  mustNotBeUs(server, oid, 'dropped')
  if (oid === BOOTSTRAP_OID) {
    throw new FirebreakError(
      'CONFLICT',
      'this is the role that the server was made with, which it cannot lose',
      'Revoke its password instead.',
    )
  }
  const databases = await server.change('shutting the role', async sql => {
    const role = await findRole(sql, oid)
    if (!role) return undefined
    await sql.rows(`alter role ${sql.name(role.name)} nologin`)
    await mustStillBe(sql, role)
    return databasesThatKnow(sql, oid)
  })
  if (!databases) return
  await endAllSessions(server, oid)
  for (const database of databases) {
    await server.change(
      `handing over what the role owns in ${database}`,
      async sql => {
        const role = await findRole(sql, oid)
        if (!role) return
        await handOver(sql, server, role)
        await mustStillBe(sql, role)
      },
      database,
    )
  }
  await server.change('dropping the role', async sql => {
    const role = await findRole(sql, oid)
    if (!role) return
    // Objects that all databases share (a database, a tablespace) are handed over from any of them.
    await handOver(sql, server, role)
    await sql.rows(`drop role ${sql.name(role.name)}`)
    if (await findRole(sql, oid)) {
      throw new FirebreakError('CONFLICT', `role ${oid} was renamed meanwhile`, 'Retry.')
    }
  })
}

/** The server keeps a list of what depends on a role, by database; 0 stands for what they share. */
async function databasesThatKnow(sql: Sql, oid: string): Promise<string[]> {
  const rows = await sql.rows<{ name: string }>(
    `select distinct d.datname as name from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
     where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and s.refobjid = $1::oid order by 1`,
    [oid],
  )
  return rows.map(row => row.name)
}

async function handOver(sql: Sql, server: Server, role: Role): Promise<void> {
  const mark = readMark(role)
  const origin = mark && (await findRole(sql, mark.likeOid))
  const heir = origin?.name ?? server.us.name
  const lent = server.us.superuser ? [] : await borrow(sql, server, [role.name, heir])
  await sql.rows(`reassign owned by ${sql.name(role.name)} to ${sql.name(heir)}`)
  await sql.rows(`drop owned by ${sql.name(role.name)}`)
  for (const name of lent) await sql.rows(`revoke ${sql.name(name)} from ${sql.name(server.us.name)}`)
}

/**
 * To hand over takes the rights of both roles. Who is not a superuser lends them to itself for this transaction,
 * which nobody else sees.
 */
async function borrow(sql: Sql, server: Server, names: readonly string[]): Promise<string[]> {
  const lent: string[] = []
  for (const name of names) {
    if (name === server.us.name) continue
    const { has } = await sql.row<{ has: boolean }>(
      "select pg_catalog.pg_has_role($1::name, 'usage') as has",
      [name],
    )
    if (has) continue
    await sql.rows(`grant ${sql.name(name)} to ${sql.name(server.us.name)}`)
    lent.push(name)
  }
  return lent
}
