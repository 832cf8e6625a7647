import { createHash } from 'node:crypto'
import { z } from 'zod'
import { BreakableCalls } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { Secret } from '../../core/contract/secret.ts'
import { quoted } from './account.ts'
import { mariadbOver } from './connector.ts'
import { MemoryGrants } from './memory-grants.ts'
import type { Dial, Row } from './server.ts'

/**
 * A MariaDB in memory, at the driver: it takes the statements that the connector sends and answers as the server does, so that
 * the connector is run whole. It keeps accounts, rights and sessions across connections, can be unreachable, be replaced by another
 * one, take any password, and break off a chosen login or statement. Our own account may do everything.
 */
export interface MemoryMariadb {
  readonly connector: Connector<Record<string, never>>
  /** Logins and statements. */
  readonly wire: BreakableCalls
  /** Takes any password, as an account of a lax PAM module does; one that is locked is refused all the same. */
  trust: boolean
  /** Every statement with its values, as the general log has it. */
  readonly log: readonly string[]
  /** A statement of the administrator: of those that the connector sends, and `create` of users, roles and databases. */
  run(statement: string): readonly Row[]
  account(user: string): MemoryAccount | undefined
  accounts(): readonly MemoryAccount[]
  /** Logs in as a client would; undefined where the server refuses. */
  login(user: string, password: Secret): MemorySession | undefined
  /** Another, empty server takes over the address. */
  replace(): void
  /** Everything that stands, as text, to be compared. */
  snapshot(): string
}

export interface MemoryAccount {
  readonly user: string
  /** Roles have none. */
  readonly host: string
  readonly isRole: boolean
  readonly grants: MemoryGrants
  plugin: string
  authentication: string
  locked: boolean
  defaultRole: string
}

export interface MemorySession {
  readonly id: number
  readonly account: MemoryAccount
  lastMs: number
  alive: boolean
}

export interface MemoryMariadbOptions {
  readonly endpoint?: string
  readonly now?: () => number
}

const OURS = 'firebreak'
const CLIENT = '10.0.0.9'
const NATIVE = 'mysql_native_password'
const NAME = '`((?:[^`]|``)*)`'
const ACCOUNT = `${NAME}(?:@${NAME})?`

export function memoryMariadb(options: MemoryMariadbOptions = {}): MemoryMariadb {
  const now = options.now ?? Date.now
  const [, host = 'memory', port = '3306'] = /^(.+):(\d+)$/.exec(options.endpoint ?? '') ?? []
  const wire = new BreakableCalls(() =>
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', fatal: true }),
  )
  const log: string[] = []
  const password = new Secret('of our own account')
  let [servers, nextId] = [0, 1]
  let accounts: MemoryAccount[] = []
  let databases: string[] = []
  let sessions: MemorySession[] = []
  const locks = new Map<string, MemorySession>()

  const add = (user: string, at: string, more: Partial<MemoryAccount> = {}) => {
    if (find(user, at)) throw refusal('ER_CANNOT_USER', 1396, 'HY000')
    accounts.push({
      user,
      host: at,
      isRole: false,
      grants: new MemoryGrants(),
      plugin: NATIVE,
      authentication: '',
      locked: false,
      defaultRole: '',
      ...more,
    })
    accounts.sort((a, b) => (a.user < b.user || (a.user === b.user && a.host < b.host) ? -1 : 1))
  }
  const find = (user: string, at: string) => accounts.find(each => each.user === user && each.host === at)
  const must = (user: string, at: string) => {
    const found = find(user, at)
    if (!found) throw refusal('ER_CANNOT_USER', 1396, 'HY000')
    return found
  }
  /** A name without a host is a role's, or that of an account from anywhere. */
  const named = (user: string, at: string | undefined) =>
    at === undefined ? (find(user, '') ?? find(user, '%')) : find(user, at)
  const mustBeGrantee = (user: string, at: string | undefined) => {
    const found = named(user, at)
    if (!found) throw refusal('ER_PASSWORD_NO_MATCH', 1133, '28000')
    return found
  }
  const start = () => {
    servers++
    for (const session of sessions) session.alive = false
    databases = ['information_schema', 'mysql', 'performance_schema', 'sys']
    ;[accounts, sessions] = [[], []]
    locks.clear()
    add(OURS, '%', { authentication: digestOf(password) })
  }
  start()

  /** An account that names where the client comes from goes before one that takes it from anywhere. */
  const begin = (user: string, given: Secret): MemorySession => {
    const account = find(user, CLIENT) ?? find(user, '%')
    const fits = memory.trust || (account?.plugin === NATIVE && account.authentication === digestOf(given))
    if (!account || !fits) throw refusal('ER_ACCESS_DENIED_ERROR', 1045, '28000')
    // The driver has another name for this number.
    if (account.locked) throw refusal('ER_BULK_PARSER_INCOMPLETE_ESCAPE_SEQUENCE', 4151, 'HY000')
    const session = { id: nextId++, account, lastMs: now(), alive: true }
    sessions.push(session)
    return session
  }
  const end = (session: MemorySession) => {
    session.alive = false
    sessions = sessions.filter(each => each !== session)
    for (const [name, holder] of locks) if (holder === session) locks.delete(name)
  }

  const dial: Dial = async (_config, user, given) => {
    let session: MemorySession | undefined
    /** Of a connection that broke, the server knows it. */
    const ask = <T>(effect: () => T): T => {
      try {
        return wire.run(effect)
      } catch (error) {
        if (session && !(error instanceof Error && 'sqlState' in error)) end(session)
        throw error
      }
    }
    ask(() => (session = begin(user, given)))
    const own = session!
    return {
      sql: async (statement, values = []) =>
        ask(() => {
          if (!own.alive)
            throw Object.assign(new Error('closed'), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true })
          own.lastMs = now()
          return perform(own, statement, values)
        }),
      close: async () => end(own),
    }
  }

  function perform(session: MemorySession, statement: string, values: readonly unknown[]): Row[] {
    log.push([statement, ...values].join(' '))
    for (const [pattern, answer] of STATEMENTS) {
      const match = pattern.exec(statement)
      if (match) return answer(match.slice(1), values.map(String), session) ?? []
    }
    throw new Error(`this statement is not known in memory: ${statement}`)
  }

  type Answer = (parts: string[], values: string[], session: MemorySession) => Row[] | void
  const STATEMENTS: [RegExp, Answer][] = (
    [
      [
        'select @@version version, @@server_uid uid, .*',
        () => [{ version: '10.11.6-MariaDB', uid: `server ${servers}`, folder: '/var/lib/mysql', made: 1 }],
      ],
      [
        'select User user, Host host, Priv priv from mysql.global_priv order by User, Host',
        () =>
          accounts.map(each => ({ user: each.user, host: each.host, priv: JSON.stringify(privOf(each)) })),
      ],
      [
        "select json_value\\(Priv, '\\$.default_role'\\) role from mysql.global_priv where User = \\? and Host = \\?",
        (_, [user = '', at = '']) => [{ role: find(user, at)?.defaultRole || null }],
      ],
      ['select schema_name name from information_schema.schemata', () => databases.map(name => ({ name }))],
      [
        // Whoever waits for it waits in vain: nobody else gets to go on meanwhile.
        'select get_lock\\(\\?, \\d+\\) got',
        (_, [name = ''], session) => {
          if (!locks.has(name)) locks.set(name, session)
          return [{ got: locks.get(name) === session ? 1 : 0 }]
        },
      ],
      [
        'select id, host, coalesce\\(db, ""\\) db, command, time_ms from information_schema.processlist where user = \\? and id <> connection_id\\(\\)',
        (_, [user], session) =>
          sessions
            .filter(each => each.account.user === user && each !== session)
            .map(({ id, lastMs }) => ({
              id,
              host: `${CLIENT}:${40_000 + id}`,
              db: '',
              command: 'Sleep',
              time_ms: String(now() - lastMs),
            })),
      ],
      [
        'select connection_id\\(\\) id, current_user\\(\\) account',
        (_, __, { id, account }) => [{ id, account: `${account.user}@${account.host}` }],
      ],
      [
        'select user from information_schema.processlist where id = \\?',
        (_, [id]) =>
          sessions.filter(each => String(each.id) === id).map(each => ({ user: each.account.user })),
      ],
      [
        `show grants for ${ACCOUNT}`,
        ([user = '', at]) => {
          const account = named(user, at)
          if (!account) throw refusal('ER_NONEXISTING_GRANT', 1141, '42000')
          return shown(account)
        },
      ],
      ['create database ([a-z]+)', ([name = '']) => void databases.push(name)],
      ['create table .*', () => {}],
      [`create role ${NAME}`, ([name = '']) => add(name, '', { isRole: true })],
      [
        `create user ${ACCOUNT} identified by '([^']*)'`,
        ([user = '', at = '%', text = '']) => add(user, at, { authentication: digestOf(new Secret(text)) }),
      ],
      [
        `create user ${ACCOUNT} identified via ${NATIVE} using \\? account lock`,
        ([user = '', at = '%'], [authentication = '']) => add(user, at, { authentication, locked: true }),
      ],
      [
        `alter user ${ACCOUNT} account (lock|unlock)`,
        ([user = '', at = '%', how]) => void (must(user, at).locked = how === 'lock'),
      ],
      [
        `alter user ${ACCOUNT} identified via ${NATIVE} using \\?`,
        ([user = '', at = '%'], [authentication = '']) =>
          void Object.assign(must(user, at), { plugin: NATIVE, authentication }),
      ],
      [
        `drop user if exists ${ACCOUNT}`,
        ([user = '', at = '%']) =>
          void (accounts = accounts.filter(each => each !== find(user, at) || each.isRole)),
      ],
      [
        `set default role ${NAME} for ${ACCOUNT}`,
        ([role = '', user = '', at]) => {
          const account = named(user, at)
          if (!account?.grants.roles.has(role)) throw refusal(undefined, 1959, 'OP000')
          account.defaultRole = role
        },
      ],
      [
        `grant ${NAME} to ${ACCOUNT}( WITH ADMIN OPTION)?`,
        ([role = '', user = '', at, option]) => {
          if (!find(role, '')) throw refusal(undefined, 1959, 'OP000')
          const { roles } = mustBeGrantee(user, at).grants
          roles.set(role, option !== undefined || roles.get(role) === true)
        },
      ],
      [
        `revoke (admin option for )?${NAME} from ${ACCOUNT}`,
        ([option, role = '', user = '', at]) => {
          const { roles } = mustBeGrantee(user, at).grants
          if (!roles.has(role)) throw refusal(undefined, 1962, 'HY000')
          if (option !== undefined) roles.set(role, false)
          else roles.delete(role)
        },
      ],
      [
        `grant (.+?) ON (\\S+) to ${ACCOUNT}( WITH GRANT OPTION)?`,
        ([what = '', on = '', user = '', at, option]) =>
          mustBeGrantee(user, at).grants.give(what, on, option !== undefined),
      ],
      [
        `revoke (.+?) ON (\\S+) from ${ACCOUNT}`,
        ([what = '', on = '', user = '', at]) => {
          if (!mustBeGrantee(user, at).grants.take(what, on))
            throw refusal('ER_NONEXISTING_GRANT', 1141, '42000')
        },
      ],
      [
        'kill hard connection (\\d+)',
        ([id]) => {
          const session = sessions.find(each => String(each.id) === id)
          if (!session) throw refusal('ER_NO_SUCH_THREAD', 1094, 'HY000')
          end(session)
        },
      ],
    ] satisfies [string, Answer][]
  ).map(([pattern, answer]) => [new RegExp(`^${pattern}$`, 'is'), answer])

  const over = mariadbOver(dial)
  const memory: MemoryMariadb = {
    connector: {
      ...over,
      summary: 'A MariaDB server in memory',
      config: z.strictObject({}),
      open: (_, io) => over.open(over.config.parse({ host, port: Number(port), user: OURS, password }), io),
    },
    wire,
    trust: false,
    log,
    run(statement) {
      const session = begin(OURS, password)
      try {
        return perform(session, statement, [])
      } finally {
        end(session)
        log.pop()
      }
    },
    account: user => accounts.find(each => each.user === user),
    accounts: () => accounts,
    login(user, given) {
      try {
        return begin(user, given)
      } catch {
        return undefined
      }
    },
    replace: start,
    snapshot: () => JSON.stringify(accounts.map(each => [privOf(each), shown(each)])),
  }
  return memory
}

function privOf({ plugin, authentication, locked, defaultRole, isRole }: MemoryAccount): object {
  if (isRole) return { is_role: true }
  return {
    plugin,
    authentication_string: authentication,
    ...(locked && { account_locked: true }),
    ...(defaultRole !== '' && { default_role: defaultRole }),
  }
}

function shown(account: MemoryAccount): Row[] {
  const identified =
    account.authentication === '' ? '' : ` IDENTIFIED BY PASSWORD '${account.authentication}'`
  const lines = account.grants.lines(quoted(account), identified)
  if (account.defaultRole !== '')
    lines.push(`SET DEFAULT ROLE ${quoted({ user: account.defaultRole, host: '' })} FOR ${quoted(account)}`)
  return lines.map(line => ({ [`Grants for ${account.user}@${account.host}`]: line }))
}

/** As the server keeps a password (`mysql_native_password`). */
function digestOf(password: Secret): string {
  const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest()
  return `*${sha1(sha1(password.reveal())).toString('hex').toUpperCase()}`
}

/** As the driver raises what the server says. */
function refusal(code: string | undefined, errno: number, sqlState: string): Error {
  return Object.assign(new Error(`refused: ${errno}`), { code, errno, sqlState })
}
