import { createHash } from 'node:crypto'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import { type ConnectorErrorCode, FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import { OWN_AGENT } from '../../core/contract/use.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Account } from './account.ts'
import type { MariadbConfig } from './config.ts'

/** Runs one statement. Values go apart from it. */
export type Sql = (statement: string, values?: readonly (string | number)[]) => Promise<Row[]>
export type Row = Readonly<Record<string, unknown>>

/** One physical connection, logged in. Nothing is tried again, and one statement is one. */
export interface Dialled {
  readonly sql: Sql
  close(): Promise<void>
}

/** Logs in, or rejects as the driver does. */
export type Dial = (config: MariadbConfig, user: string, password: Secret) => Promise<Dialled>

/** The server as our own account sees it. */
export interface Server {
  readonly config: MariadbConfig
  readonly io: Io
  readonly instance: string
  readonly version: string
  readonly dial: Dial
  /** On a connection of its own, which has just shown that it leads to `instance`. */
  work<T>(doing: string, work: (sql: Sql) => Promise<T>): Promise<T>
}

/** Connects once, to learn which server this is. */
export async function openServer(config: MariadbConfig, io: Io, dial: Dial): Promise<Server> {
  const connected = async <T>(doing: string, work: (sql: Sql, seen: Identity) => Promise<T>): Promise<T> => {
    try {
      const { sql, close } = await dial(config, config.user, config.password)
      try {
        return await work(sql, await identify(sql))
      } finally {
        await close()
      }
    } catch (error) {
      throw toFailure(error, doing)
    }
  }
  const { instance, version } = await connected('connecting', async (_, seen) => seen)
  return {
    config,
    io,
    instance,
    version,
    dial,
    work: (doing, work) =>
      connected(doing, async (sql, seen) => {
        if (seen.instance !== instance)
          throw new FirebreakError(
            'CONFLICT',
            `${config.host}:${config.port} is another server now`,
            'Find out which server answers there; connect it anew if it is meant.',
          )
        return await work(sql)
      }),
  }
}

interface Identity {
  readonly instance: string
  readonly version: string
}

/** A server has no id of its own: what it is told by are its machine and port (`server_uid`), its folder, and when that was made. */
async function identify(sql: Sql): Promise<Identity> {
  const [row] = await sql(
    'select @@version version, @@server_uid uid, @@datadir folder, (select unix_timestamp(create_time)' +
      " from information_schema.tables where table_schema = 'mysql' and table_name = 'global_priv') made",
  )
  const { version, uid, folder, made } = row ?? {}
  if (!String(version).includes('MariaDB'))
    throw new FirebreakError(
      'INVALID_CONFIG',
      `a server that is no MariaDB answers there (${String(version)})`,
    )
  if (made === null)
    throw new FirebreakError('DENIED', 'our own account may not read the database mysql', RIGHTS)
  const digest = createHash('sha256')
    .update(JSON.stringify([uid, folder, made]))
    .digest('hex')
  return { instance: digest.slice(0, 32), version: String(version) }
}

/** At a real server. */
export const dial: Dial = async (config, user, password) => {
  const { createConnection } = await import('mysql2/promise')
  const connection: Connection = await createConnection({
    host: config.host,
    port: config.port,
    user,
    password: password.revealText(),
    connectTimeout: config.connectTimeoutMs,
    multipleStatements: false,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    connectAttributes: { program_name: OWN_AGENT },
    ...(config.tls !== 'disable' && {
      ssl: { rejectUnauthorized: config.tls === 'verify-full', ...(config.tlsCa && { ca: config.tlsCa }) },
    }),
  })
  // What breaks between two statements is told by the next one.
  connection.on('error', () => {})
  return {
    async sql(statement, values = []) {
      const [rows] = await connection.query<RowDataPacket[]>({
        sql: statement,
        values: [...values],
        timeout: config.commandTimeoutMs,
      })
      return Array.isArray(rows) ? rows : []
    },
    close: async () => connection.destroy(),
  }
}

const RIGHTS = 'See the grants in the connector’s README.'

const CODES: Readonly<Record<string, readonly [ConnectorErrorCode, string, string?]>> = {
  ER_ACCESS_DENIED_ERROR: [
    'DENIED',
    'the login of our own account was refused',
    'Set the right user and password.',
  ],
  ER_ACCOUNT_HAS_BEEN_LOCKED: ['DENIED', 'our own account is locked'],
  ER_SPECIFIC_ACCESS_DENIED_ERROR: ['DENIED', 'our own account lacks a right', RIGHTS],
  ER_DBACCESS_DENIED_ERROR: ['DENIED', 'our own account lacks a right', RIGHTS],
  ER_TABLEACCESS_DENIED_ERROR: ['DENIED', 'our own account lacks a right', RIGHTS],
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: ['DENIED', 'our own account lacks a right', RIGHTS],
  ER_CANT_CREATE_USER_WITH_GRANT: ['DENIED', 'our own account may not grant that', RIGHTS],
  ER_CON_COUNT_ERROR: ['RATE_LIMITED', 'the server takes no more connections'],
  ER_TOO_MANY_USER_CONNECTIONS: ['RATE_LIMITED', 'our own account has too many connections'],
  ER_LOCK_WAIT_TIMEOUT: ['RATE_LIMITED', 'the server is busy'],
  ER_OPTION_PREVENTS_STATEMENT: ['CONFLICT', 'the server is read-only'],
}

/** The server's word for an error, where it was the server's. */
export function wordOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('sqlState' in error) || !('code' in error)) return undefined
  // The driver has MySQL's names; from 1900 on MariaDB's numbers mean something else.
  if ('errno' in error && Number(error.errno) === 4151) return 'ER_ACCOUNT_HAS_BEEN_LOCKED'
  return String(error.code)
}

/** A driver's error as one of ours. Its words are dropped: they may quote the statement. */
export function toFailure(error: unknown, doing: string): FirebreakError {
  if (isFirebreakError(error)) return error
  // Of the driver's errors each says one or the other; what does not is a mistake of ours.
  if (!(error instanceof Error && ('code' in error || 'fatal' in error))) throw error
  const word = wordOf(error)
  if (word === undefined || !word.startsWith('ER_'))
    return new FirebreakError(
      'UNREACHABLE',
      `${doing}: ${networkReason(error)}`,
      'Look at host, port, TLS setting and firewall, and whether the server runs.',
    )
  const [code, what, advice] = CODES[word] ?? ['UNSUPPORTED', 'the server refused the statement']
  return new FirebreakError(code, `${doing}: ${what} (${word})`, advice)
}

/** What the server has of an account; undefined where there is none. */
export interface Entry extends Account {
  readonly locked: boolean
  readonly role: boolean
  readonly plugin: string
  readonly hasPassword: boolean
}

export async function listEntries(sql: Sql): Promise<Entry[]> {
  const rows = await sql('select User user, Host host, Priv priv from mysql.global_priv order by User, Host')
  return rows.map(row => {
    const priv = JSON.parse(String(row['priv'])) as Record<string, unknown>
    return {
      user: String(row['user']),
      host: String(row['host']),
      locked: priv['account_locked'] === true,
      role: priv['is_role'] === true,
      plugin: String(priv['plugin'] ?? 'mysql_native_password'),
      hasPassword: !['', 'invalid', NO_PASSWORD].includes(String(priv['authentication_string'] ?? '')),
    }
  })
}

/** A digest that no password is known to have. */
export const NO_PASSWORD = `*${'0'.repeat(40)}`

export async function findEntry(sql: Sql, { user, host }: Account): Promise<Entry | undefined> {
  return (await listEntries(sql)).find(entry => entry.user === user && entry.host === host && !entry.role)
}

export async function mustFindEntry(sql: Sql, account: Account): Promise<Entry> {
  const entry = await findEntry(sql, account)
  if (!entry) throw new FirebreakError('NOT_FOUND', `there is no account ${account.user}@${account.host}`)
  return entry
}

export function mustNotBeUs({ config }: Server, { user }: Account, what: string): void {
  if (user !== config.user) return
  throw new FirebreakError(
    'CONFLICT',
    `${user} is whom this connection logs in as: were it ${what}, we would cut ourselves off`,
    'Open a connection as another administrator and act through that.',
  )
}
