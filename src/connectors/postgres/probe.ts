import type { Held, Trial, Tried } from '../../core/contract/probe.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { dial, type LoginTrace } from './dial.ts'
import { complaintOf } from './failure.ts'
import { findRole, roleOid, type Server, type Sql, sqlOn } from './server.ts'
import { interpret } from './verify.ts'

/**
 * Logs in as the tester, becomes whom the hop begins at where the server lets them, and asks the server about the right,
 * all in one read-only transaction that is rolled back. SET ROLE is really done; no table is opened and no program run.
 */
export async function probe(server: Server, trial: Trial, held: Held): Promise<Tried> {
  const question = QUESTIONS[trial.crossing]?.[trial.to.kind]
  if (!question && trial.crossing !== 'can-set-role')
    return { state: 'not-tried', why: `There is no way to try "${trial.crossing}" without using it.` }
  try {
    const { user, database } = await lookUp(server, trial, held)
    return await asTester(server, { user, database, held }, async sql => {
      await become(sql, held.as.id)
      if (trial.from.kind === 'role') await become(sql, trial.from.id)
      const target = trial.to.id.slice(trial.to.id.indexOf('.') + 1)
      if (trial.crossing === 'can-set-role') {
        const { name } = await sql.row<{ name: string }>(
          'select rolname as name from pg_catalog.pg_roles where oid = $1::oid',
          [target],
        )
        return (await become(sql, target))
          ? {
              state: 'confirmed',
              why: `${user} became ${name} with SET ROLE.`,
              held: { ...held, as: trial.to },
            }
          : { state: 'refused', why: `The server does not let ${user} become ${name} with SET ROLE.` }
      }
      const { may, me } = await sql.row<{ may: boolean | null; me: string }>(
        `select (${question!.sql}) as may, current_user::text as me`,
        question!.sql.includes('$1') ? [target] : [],
      )
      if (may === null) return { state: 'unknown', why: 'It is not there any more.' }
      if (!may) return { state: 'refused', why: `The server denies that ${me} ${question!.says}.` }
      const why = `The server says that ${me} ${question!.says}.`
      return question!.changes
        ? { state: 'confirmed', why: `${why} It was not done, since that changes the server.` }
        : { state: 'confirmed', why, held }
    })
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
    throw error
  }
}

/** What the tester logs in as, and into which database: tables are seen from their own alone. */
async function lookUp(
  server: Server,
  { to }: Trial,
  { by }: Held,
): Promise<{ user: string; database: string }> {
  const oid = roleOid(server, by)
  return await server.read('looking up what is to be tried', async sql => {
    const role = await findRole(sql, oid)
    const [inside] = ['schema', 'table'].includes(to.kind) ? to.id.split('.') : []
    const [found] = await sql.rows<{ name: string }>(
      'select datname as name from pg_catalog.pg_database where oid = $1::oid',
      [inside ?? '0'],
    )
    return { user: role?.name ?? by.id, database: found?.name ?? server.config.database }
  })
}

async function asTester(
  server: Server,
  { user, database, held }: { user: string; database: string; held: Held },
  work: (sql: Sql) => Promise<Tried>,
): Promise<Tried> {
  const { config, io } = server
  const trace: LoginTrace = { asked: undefined, authenticated: false }
  let inside = false
  try {
    const login = { user, password: held.secret, database }
    const { client, close } = await dial(config, login, io.signal, trace)
    inside = true
    try {
      // Who is let in without being asked has proven nothing about the credential.
      if (!trace.asked) return { state: 'unknown', why: 'The server let the tester in without a password.' }
      const sql = sqlOn(client)
      await sql.rows('begin read only')
      await sql.rows(`select pg_catalog.set_config('search_path', '', true),
        pg_catalog.set_config('statement_timeout', '${config.statementTimeoutMs}', true)`)
      const { instance } = await sql.row<{ instance: string }>(
        'select system_identifier::text as instance from pg_catalog.pg_control_system()',
      )
      if (instance !== server.instance)
        return { state: 'unknown', why: 'Another server answered than the one this hop is of.' }
      const tried = await work(sql)
      await sql.rows('rollback')
      return tried
    } finally {
      await close()
    }
  } catch (error) {
    if (isFirebreakError(error)) throw error
    const complaint = complaintOf(error)
    if (inside)
      return {
        state: 'unknown',
        why: `The server gave no answer (${complaint?.sqlState ?? 'no connection'}).`,
      }
    const answer = interpret(error, user, trace)
    // The password was right, and the way to the database is shut all the same.
    const refused = answer.state === 'dead' || (answer.state === 'live' && complaint?.sqlState === '42501')
    return { state: refused ? 'refused' : 'unknown', why: answer.why }
  }
}

/** Acts as the role from now on; false where the server does not let one, and one stays who one was. */
async function become(sql: Sql, oid: string): Promise<boolean> {
  const [role] = await sql.rows<{ name: string; already: boolean }>(
    `select rolname as name, rolname = current_user as already from pg_catalog.pg_roles where oid = $1::oid`,
    [oid],
  )
  if (!role) return false
  if (role.already) return true
  await sql.rows('savepoint before_set_role')
  try {
    await sql.rows(`set local role ${sql.name(role.name)}`)
    return true
  } catch (error) {
    if (complaintOf(error)?.sqlState !== '42501') throw error
    await sql.rows('rollback to savepoint before_set_role')
    return false
  }
}

interface Question {
  /** `$1` is what the hop leads to; null where it is not there. */
  readonly sql: string
  /** What follows "says that NAME". */
  readonly says: string
  /** To use the right would change something. */
  readonly changes?: boolean
}

const IS_SUPERUSER = '(select rolsuper from pg_catalog.pg_roles where rolname = current_user)'
const hasRole = (...names: string[]) =>
  `exists (select from pg_catalog.pg_roles r where r.rolname in (${names.map(name => `'${name}'`).join(', ')})
    and pg_catalog.pg_has_role(current_user, r.oid, 'usage'))`
const mayInTable = (...privileges: string[]) =>
  `select pg_catalog.has_schema_privilege(current_user, c.relnamespace, 'usage')
    and (${privileges.map(one => `pg_catalog.has_table_privilege(current_user, c.oid, '${one}')`).join(' or ')})
  from pg_catalog.pg_class c where c.oid = $1::oid`
const owns = (catalog: string, owner: string): Question => ({
  sql: `select pg_catalog.pg_has_role(current_user, o.${owner}, 'usage')
    from pg_catalog.${catalog} o where o.oid = $1::oid`,
  says: 'has the rights of its owner',
})
const onDatabase = (privilege: string, says: string): Question => ({
  sql: `pg_catalog.has_database_privilege(current_user, $1::oid, '${privilege}')`,
  says,
})
const onSchema = (privilege: string, says: string): Question => ({
  sql: `pg_catalog.has_schema_privilege(current_user, $1::oid, '${privilege}')`,
  says,
})

const HAS_RIGHTS: Question = {
  // What PUBLIC may do, which is no role, everyone may.
  sql: `select case when $1::oid = 0 then true else pg_catalog.pg_has_role(current_user, $1::oid, 'usage') end`,
  says: 'has the rights of that role',
}

/** How the server is asked about a crossing to a thing of a kind. */
const QUESTIONS: Readonly<Record<string, Readonly<Record<string, Question>>>> = {
  'member-of': { role: HAS_RIGHTS, 'role-rights': HAS_RIGHTS },
  'can-grant': {
    role: {
      sql: `select pg_catalog.pg_has_role(current_user, r.oid, 'member with admin option')
          or (not r.rolsuper and pg_catalog.current_setting('server_version_num')::int < 160000
            and (select u.rolcreaterole from pg_catalog.pg_roles u where u.rolname = current_user))
        from pg_catalog.pg_roles r where r.oid = $1::oid`,
      says: 'may let any role into that role',
      changes: true,
    },
  },
  superuser: {
    instance: {
      sql: `${IS_SUPERUSER} or ${hasRole('pg_write_server_files')}`,
      says: 'is a superuser, or may write the server’s files',
    },
  },
  'runs-commands-on-host': {
    instance: {
      sql: `${IS_SUPERUSER} or ${hasRole('pg_execute_server_program')}`,
      says: 'may run programs as the server’s account (none was run)',
    },
  },
  'may-read': {
    instance: {
      sql: `${IS_SUPERUSER} or ${hasRole('pg_read_all_data', 'pg_read_server_files')}
        or (select rolreplication from pg_catalog.pg_roles where rolname = current_user)`,
      says: 'may read everything there',
    },
    table: { sql: mayInTable('select'), says: 'may read that table' },
  },
  'may-write': {
    instance: {
      sql: `${IS_SUPERUSER} or ${hasRole('pg_write_all_data')}`,
      says: 'may write every table there',
    },
    table: { sql: mayInTable('insert', 'update', 'delete', 'truncate'), says: 'may write that table' },
  },
  'may-attach-code': { table: { sql: mayInTable('trigger'), says: 'may attach triggers to that table' } },
  'may-connect': { database: onDatabase('connect', 'may connect to that database') },
  'may-use': { schema: onSchema('usage', 'may use that schema') },
  'may-create': {
    database: onDatabase('create', 'may make schemas in that database'),
    schema: onSchema('create', 'may make things in that schema'),
  },
  owns: {
    database: owns('pg_database', 'datdba'),
    schema: owns('pg_namespace', 'nspowner'),
    table: owns('pg_class', 'relowner'),
  },
  contains: {
    database: onDatabase('connect', 'may connect to that database'),
    schema: onSchema('usage', 'may use that schema'),
    table: { sql: mayInTable('select'), says: 'may read that table' },
  },
}
