import type { Client } from 'pg'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ref } from '../../core/contract/ref.ts'
import type { PostgresConfig } from './config.ts'
import { type Dialled, dial } from './dial.ts'
import { toFailure } from './failure.ts'
import { KeptSessions } from './kept-sessions.ts'

/** Statements on one physical connection. */
export interface Sql {
  /** `values` travel apart from the text. */
  rows<Row>(
    text: string,
    values?: readonly (string | number | boolean | null | readonly string[])[],
  ): Promise<Row[]>
  row<Row>(
    text: string,
    values?: readonly (string | number | boolean | null | readonly string[])[],
  ): Promise<Row>
  name(identifier: string): string
  literal(text: string): string
}

/** The server as our own role sees it. */
export interface Server {
  readonly config: PostgresConfig
  readonly io: Io
  readonly instance: string
  /** 150018 is 15.18. */
  readonly version: number
  readonly us: { readonly oid: string; readonly name: string; readonly superuser: boolean }
  /** Reads on a connection that nobody else uses meanwhile, in one snapshot of the catalogs per statement. */
  read<T>(doing: string, work: (sql: Sql) => Promise<T>, database?: string): Promise<T>
  /** Changes in one transaction, on a connection that has just shown that it leads to `instance`. */
  change<T>(doing: string, work: (sql: Sql) => Promise<T>, database?: string): Promise<T>
  /** Like `change`, without a transaction around it, for what must take effect while we watch. */
  act<T>(doing: string, work: (sql: Sql) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/**
 * The owner of a database can set its defaults, and its search path decides which function a bare name means: run
 * with our rights, that is theirs to abuse (CVE-2018-1058). So names resolve in pg_catalog alone, and whatever
 * else a default could twist is set, before anything else is said.
 */
const PREAMBLE = (config: PostgresConfig) => `select
  pg_catalog.set_config('search_path', '', false),
  pg_catalog.set_config('standard_conforming_strings', 'on', false),
  pg_catalog.set_config('client_encoding', 'UTF8', false),
  pg_catalog.set_config('datestyle', 'ISO', false),
  pg_catalog.set_config('timezone', 'UTC', false),
  pg_catalog.set_config('default_transaction_read_only', 'off', false),
  pg_catalog.set_config('statement_timeout', '${config.statementTimeoutMs}', false),
  pg_catalog.set_config('lock_timeout', '${Math.ceil(config.statementTimeoutMs / 2)}', false),
  pg_catalog.set_config('idle_in_transaction_session_timeout', '${config.statementTimeoutMs}', false)`

/** Connects once, to learn which server this is and who we are there. */
export async function openServer(config: PostgresConfig, io: Io): Promise<Server> {
  const kept = new KeptSessions(config.database)
  const connected = <T>(doing: string, database: string, work: (sql: Sql, seen: Identity) => Promise<T>) =>
    inSession({ config, io, kept }, doing, database, work)
  const identity = await connected('connecting', config.database, async (_sql, seen) => seen)
  const { instance } = identity

  const mustBeUs = (seen: Identity) => {
    if (seen.instance === instance) return
    throw new FirebreakError(
      'CONFLICT',
      `${config.host}:${config.port} is another server now: system_identifier ${seen.instance}, expected ${instance}`,
      'Find out which server answers there; open a new connection for it if it is meant.',
    )
  }

  return {
    config,
    io,
    instance,
    version: identity.version,
    us: { oid: identity.oid, name: identity.name, superuser: identity.superuser },
    read: (doing, work, database = config.database) =>
      connected(doing, database, async (sql, seen) => {
        mustBeUs(seen)
        return work(sql)
      }),
    act: (doing, work) =>
      connected(doing, config.database, async (sql, seen) => {
        mustBeUs(seen)
        mustBeWritable(seen)
        return work(sql)
      }),
    change: (doing, work, database = config.database) =>
      connected(doing, database, async (sql, seen) => {
        mustBeUs(seen)
        mustBeWritable(seen)
        await sql.rows('begin')
        // One change at a time. Also, what a broken connection left running has ended once we hold this: its
        // transaction committed or rolled back, so that undo sees all there is to undo.
        await sql.rows('select pg_catalog.pg_advisory_xact_lock($1)', [ADVISORY_LOCK])
        const result = await work(sql)
        await sql.rows('commit')
        return result
      }),
    close: () => kept.close(),
  }
}

/** "firebrea" as a 64-bit number. */
const ADVISORY_LOCK = '7379536987113812321'

interface Identity {
  instance: string
  version: number
  standby: boolean
  oid: string
  name: string
  superuser: boolean
}

function mustBeWritable(seen: Identity): void {
  if (!seen.standby) return
  throw new FirebreakError(
    'CONFLICT',
    'the server is a standby, which cannot be changed',
    'Point the connection at the primary.',
  )
}

interface OurSessions {
  readonly config: PostgresConfig
  readonly io: Io
  readonly kept: KeptSessions
}

async function inSession<T>(
  ours: OurSessions,
  doing: string,
  database: string,
  work: (sql: Sql, identity: Identity) => Promise<T>,
): Promise<T> {
  try {
    const { session, sql, identity } = await begin(ours, database)
    try {
      const result = await work(sql, identity)
      ours.kept.keep(session, database)
      return result
    } catch (error) {
      // An open transaction is rolled back by the server when its connection ends.
      await session.close()
      throw error
    }
  } catch (error) {
    throw toFailure(error, doing)
  }
}

interface Begun {
  readonly session: Dialled
  readonly sql: Sql
  readonly identity: Identity
}

/** On a session that was kept, where there is one that still answers. */
async function begin({ config, io, kept }: OurSessions, database: string): Promise<Begun> {
  const old = kept.take(database)
  if (old) {
    try {
      return await greet(old, config)
    } catch {
      // It broke while nobody used it. Nothing of the work was said on it: a new one tells whether the server is there.
    }
  }
  return greet(
    await dial(config, { user: config.user, password: config.password, database }, io.signal),
    config,
  )
}

async function greet(session: Dialled, config: PostgresConfig): Promise<Begun> {
  try {
    const sql = sqlOn(session.client)
    await sql.rows(PREAMBLE(config))
    const identity = await sql.row<Identity>(`
        select (select system_identifier::text from pg_catalog.pg_control_system()) as instance,
          pg_catalog.current_setting('server_version_num')::int as version,
          pg_catalog.pg_is_in_recovery() as standby,
          oid::text, rolname as name, rolsuper as superuser
        from pg_catalog.pg_roles where rolname = current_user`)
    return { session, sql, identity }
  } catch (error) {
    await session.close()
    throw error
  }
}

export function sqlOn(client: Client): Sql {
  const rows = async <Row>(text: string, values?: readonly unknown[]): Promise<Row[]> => {
    const result = await client.query<Row & object>(text, values ? [...values] : undefined)
    return result.rows
  }
  return {
    rows,
    row: async <Row>(text: string, values?: readonly unknown[]) => {
      const [first] = await rows<Row>(text, values)
      if (first === undefined) throw new FirebreakError('NOT_FOUND', 'the server returned no row')
      return first
    },
    name: identifier => client.escapeIdentifier(identifier),
    literal: text => client.escapeLiteral(text),
  }
}

export interface Role {
  readonly oid: string
  readonly name: string
  readonly comment: string | null
  readonly superuser: boolean
  readonly canLogin: boolean
}

/** The role's oid out of a reference to it or to its password. Raises UNSUPPORTED or CONFLICT for any other. */
export function roleOid(server: Pick<Server, 'instance'>, ref: Ref): string {
  if (ref.system !== 'postgres' || !['role', 'password'].includes(ref.kind)) {
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is neither a role nor a password here`)
  }
  if (ref.instance !== server.instance) {
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to server ${ref.instance}, this is ${server.instance}`,
      'Use the connection of that server.',
    )
  }
  if (!/^\d{1,10}$/.test(ref.id))
    throw new FirebreakError('UNSUPPORTED', 'a role’s id here is its oid, a number')
  return ref.id
}

/** The role that has this oid now, whatever it is called by now. */
export async function findRole(sql: Sql, oid: string): Promise<Role | undefined> {
  const [role] = await sql.rows<Role>(`${SELECT_ROLE} where oid = $1::oid`, [oid])
  return role
}

export async function findRoleNamed(sql: Sql, name: string): Promise<Role | undefined> {
  const [role] = await sql.rows<Role>(`${SELECT_ROLE} where rolname = $1`, [name])
  return role
}

const SELECT_ROLE = `select oid::text, rolname as name, rolsuper as superuser, rolcanlogin as "canLogin",
  pg_catalog.shobj_description(oid, 'pg_authid') as comment from pg_catalog.pg_roles`

export async function mustFindRole(sql: Sql, oid: string): Promise<Role> {
  const role = await findRole(sql, oid)
  if (!role) throw new FirebreakError('NOT_FOUND', `there is no role with oid ${oid}`)
  return role
}

/**
 * Statements name roles, references number them. Called at the end of a change: the row is locked by what was
 * altered, so that name and number agreeing now means that the right role was changed.
 */
export async function mustStillBe(sql: Sql, role: Role): Promise<void> {
  const now = await findRole(sql, role.oid)
  if (now?.name === role.name) return
  throw new FirebreakError('CONFLICT', `role ${role.oid} was renamed meanwhile`, 'Retry.')
}
