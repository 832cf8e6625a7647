import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { dial, type LoginTrace } from './dial.ts'
import { complaintOf, networkReason } from './failure.ts'
import { findRole, type Role, roleOid, type Server } from './server.ts'

/**
 * Tries the password at this connection's own address. First a wrong one: a server that takes that too (pg_hba
 * `trust`) tells nothing about the right one. What an error means is read off the protocol: AuthenticationOk comes
 * after the password was found right and before everything else is checked (LOGIN, database, limits).
 */
export async function verify(server: Server, ref: Ref, secret?: Secret): Promise<Verdict> {
  const oid = roleOid(server, ref)
  let role: (Role & { verifierKind: VerifierKind; expired: boolean }) | undefined
  try {
    role = await server.read('looking the role up', async sql => {
      const found = await findRole(sql, oid)
      if (!found) return undefined
      const [more] = await sql.rows<{ expired: boolean; mayRead: boolean }>(
        `select coalesce(rolvaliduntil < pg_catalog.clock_timestamp(), false) as expired,
           pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'select') as "mayRead"
         from pg_catalog.pg_roles where oid = $1::oid`,
        [oid],
      )
      const kind = more?.mayRead
        ? (await sql.row<{ kind: VerifierKind }>(VERIFIER_KIND, [oid])).kind
        : 'unreadable'
      return { ...found, verifierKind: kind, expired: more?.expired ?? false }
    })
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }

  if (!role) {
    const gone = `There is no role with oid ${oid} on this server`
    // Its name may have been given to a new role, with the same password.
    if (!secret?.id) return { state: 'dead', why: `${gone}.` }
    const answer = await offer(server, secret.id, secret)
    if (answer.state !== 'live')
      return { state: 'dead', why: `${gone}, and ${secret.id} with this password is not let in.` }
    const wrong = await offer(server, secret.id, wrongSecret(server))
    if (wrong.state !== 'dead')
      return { state: 'unknown', why: `${gone}, but ${secret.id} is let in with any password.` }
    return { ...verdictOf(answer), why: `${gone}, but another role by its name takes this password.` }
  }
  if (!secret)
    return role.canLogin
      ? { state: 'unknown', why: 'There is no password to try.' }
      : { state: 'dead', why: 'Nobody may log in as this role, whatever the password: it is NOLOGIN.' }
  if (secret.length === 0) return { state: 'unknown', why: 'An empty password cannot be offered.' }

  const wrong = await offer(server, role.name, wrongSecret(server))
  if (wrong.noLogin)
    return { state: 'dead', why: 'Nobody may log in as this role, whatever the password: it is NOLOGIN.' }
  if (wrong.state === 'live' || wrong.unasked) {
    return {
      state: 'unknown',
      why: 'The server lets this role in with a wrong password too, or asks for none (pg_hba trust, peer, cert).',
    }
  }
  if (wrong.state === 'unknown') return verdictOf(wrong)
  const right = await offer(server, role.name, secret)
  if (!right.refused) return verdictOf(right)
  if (right.asked === 'scram' && role.verifierKind === 'md5') {
    return {
      state: 'unknown',
      why: 'The stored password is an MD5 one, and the server asks us for SCRAM: where pg_hba allows md5 it may still be let in.',
    }
  }
  if (role.verifierKind === 'none')
    return { state: 'dead', why: 'Refused, and the role has no password any more.' }
  if (role.expired) return { state: 'dead', why: 'Refused: the password’s VALID UNTIL has passed.' }
  return verdictOf(right)
}

type VerifierKind = 'scram-sha-256' | 'md5' | 'none' | 'unreadable'

/** Only the kind leaves the server, never the verifier itself. */
const VERIFIER_KIND = `select case when rolpassword is null then 'none'
    when rolpassword like 'SCRAM-SHA-256$%' then 'scram-sha-256' else 'md5' end as kind
  from pg_catalog.pg_authid where oid = $1::oid`

function wrongSecret(server: Server): Secret {
  return new Secret(Buffer.from(server.io.random(24)).toString('base64url'))
}

interface Answer extends Verdict {
  /** The login went through without a password being asked for. */
  readonly unasked?: boolean
  /** Authentication went through, the role may not log in. */
  readonly noLogin?: boolean
  /** The password itself was refused. */
  readonly refused?: boolean
  readonly asked?: LoginTrace['asked']
}

function verdictOf({ state, why, access }: Answer): Verdict {
  return { state, why, ...(access ? { access } : {}) }
}

async function offer(server: Server, user: string, password: Secret): Promise<Answer> {
  const { config, io } = server
  const trace: LoginTrace = { asked: undefined, authenticated: false }
  let inside = false
  try {
    const { client, close } = await dial(
      config,
      { user, password, database: config.database },
      io.signal,
      trace,
    )
    inside = true
    try {
      if (!trace.asked)
        return { state: 'unknown', unasked: true, why: 'The server let us in without a password.' }
      const [seen] = (await client.query<Seen>(SEEN)).rows
      if (seen?.instance !== server.instance) {
        return { state: 'unknown', why: 'Another server answered than the one this credential belongs to.' }
      }
      return { state: 'live', why: `Logged in as ${user}.`, access: accessOf(seen) }
    } finally {
      await close()
    }
  } catch (error) {
    if (inside) return { state: 'live', why: `Logged in as ${user}; then ${networkReason(error)}.` }
    return interpret(error, user, trace)
  }
}

interface Seen {
  instance: string
  role: string
  superuser: boolean
  databases: string[]
}

const SEEN = `select (select system_identifier::text from pg_catalog.pg_control_system()) as instance,
  current_user::text as role,
  (select rolsuper from pg_catalog.pg_roles where rolname = current_user) as superuser,
  array(select datname::text from pg_catalog.pg_database where datallowconn
    and pg_catalog.has_database_privilege(oid, 'connect') order by 1 limit 100) as databases`

function accessOf(seen: Seen): string[] {
  const rights = seen.superuser ? ['superuser'] : []
  return [`acts as role ${seen.role}`, ...rights, ...seen.databases.map(name => `database ${name}`)]
}

/** Source: PostgreSQL's src/backend/libpq/auth.c (auth_failed) and utils/init/postinit.c, versions 12 to 18. */
export function interpret(error: unknown, user: string, trace: LoginTrace): Answer {
  const complaint = complaintOf(error)
  const { asked, authenticated } = trace
  if (!complaint) return { state: 'unknown', why: `No verdict: ${networkReason(error)}.` }
  const said = `SQLSTATE ${complaint.sqlState}`
  if (authenticated && complaint.sqlState === '28000') {
    const why = `Authentication went through, but ${user} may not log in: the role is NOLOGIN (${said}).`
    return { state: 'dead', noLogin: true, why }
  }
  if (authenticated && !asked)
    return { state: 'unknown', unasked: true, why: `No password was asked for (${said}).` }
  const then = AFTER_LOGIN[complaint.sqlState]
  if (authenticated && then)
    return { state: 'live', why: `The password was accepted; then ${then} (${said}).` }
  if (complaint.sqlState === '28P01') {
    return { state: 'dead', refused: true, asked, why: `The server refused the password (${said}).` }
  }
  if (complaint.sqlState === '28000') {
    return {
      state: 'unknown',
      why: `pg_hba or the way of authentication refuses us before any verdict (${said}).`,
    }
  }
  return { state: 'unknown', why: `The server refused to talk before any verdict (${said}).` }
}

const AFTER_LOGIN: Readonly<Record<string, string>> = {
  '3D000': 'the database asked for was not there',
  '42501': 'the right to connect to that database was missing',
  '53300': 'a connection limit was reached',
  '55000': 'the database takes no connections',
}
