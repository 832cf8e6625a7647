import {
  type ColumnNode,
  type DatabaseConnection,
  type OnConflictNode,
  PostgresAdapter,
  PostgresDialect,
  PostgresDriver,
  type PostgresPool,
  PostgresQueryCompiler,
  RawNode,
} from 'kysely'
import type pg from 'pg'
import { OWN_AGENT } from '../contract/use.ts'
import { FirebreakError } from '../contract/errors.ts'
import { systemReason } from '../contract/system-reason.ts'
import { isWide, WIDE_KEY } from './postgres-shape.ts'
import { decodeText, encodeText } from './postgres-text.ts'
import { isLost } from './store-error.ts'

/** A run works on eight steps at once; beside them claims are renewed and evidence is sealed. */
const MOST_CONNECTIONS = 8
const CONNECT_TIMEOUT_MS = 10_000
/** Another writer is waited for as long as it is likely to be at work; one that hangs holds no lock for ever. */
const SESSION = `
  set lock_timeout = '15s'; set statement_timeout = '5min'; set idle_in_transaction_session_timeout = '1min';
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`

/**
 * PostgreSQL at the URL, as libpq reads one: `sslmode`, and `options=-csearch_path%3Dfirebreak` for a schema. Without a
 * password in it, PGPASSWORD and ~/.pgpass are asked. Nothing connects before the first statement.
 */
export async function postgresDialect(url: string, connections = MOST_CONNECTIONS): Promise<PostgresDialect> {
  const { default: pg } = await import('pg')
  const { builtins, getTypeParser } = pg.types
  const parsers: Readonly<Record<number, (value: string) => unknown>> = {
    [builtins.INT8]: safeInteger,
    [builtins.TEXT]: decodeText,
    [builtins.VARCHAR]: decodeText,
  }
  const types = { getTypeParser: (id: number) => parsers[id] ?? getTypeParser(id) }
  const connectionString = withCheckedTls(url)
  const open = () => {
    try {
      // oxlint-disable-next-line no-new -- reads the certificates that the URL names; the pool does so only when it connects
      new pg.Client({ connectionString })
      return new pg.Pool({
        Client: closingClient(pg.Client),
        connectionString,
        types: types as typeof pg.types,
        max: connections,
        application_name: OWN_AGENT,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
      })
    } catch (error) {
      if (error instanceof Error && 'syscall' in error)
        throw new FirebreakError(
          'INVALID_CONFIG',
          `a certificate or key that the URL of the database names cannot be read: ${systemReason(error)}`,
          'look at sslrootcert, sslcert and sslkey in it',
        )
      // The driver's words could hold the URL, and the URL a password.
      throw unusableUrl()
    }
  }
  const pool = open()
  // One that breaks would end the process. The pool leaves it out, and whoever has it hears at the next statement.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return new StoreDialect({ pool: encodingPool(pool) })
}

/** The driver leaves a connection open on which it could not log in; the server would wait a minute for its end. */
function closingClient(Client: typeof pg.Client): typeof pg.Client {
  return class extends Client {
    override connect(): Promise<pg.Client>
    override connect(callback: (error: Error) => void): void
    override connect(callback?: (error: Error) => void): Promise<pg.Client> | void {
      const connecting = super.connect().then(
        () => this as pg.Client,
        (error: unknown) => {
          const { connection } = this as unknown as { connection: { stream: { destroy(): void } } }
          connection.stream.destroy()
          throw error
        },
      )
      if (!callback) return connecting
      const ended = callback as (error?: Error) => void
      connecting.then(() => ended(), ended)
    }
  }
}

/** Raises INVALID_CONFIG without a word of the URL. */
export function unusableUrl(): FirebreakError {
  return new FirebreakError(
    'INVALID_CONFIG',
    'the URL of the database cannot be read',
    'it has the form postgres://USER:PASSWORD@HOST:5432/DATABASE, with %XX for special characters; a file is in FIREBREAK_HOME, with DATABASE_URL unset',
  )
}

/** The driver takes the weaker modes for `verify-full` and warns of it; whoever wants less says `no-verify`. */
function withCheckedTls(url: string): string {
  return url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, '$1verify-full')
}

/** Counts and times; one that a number cannot hold would come out as another. */
function safeInteger(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number)) throw new RangeError('an integer in the database is too large')
  return number
}

interface Client {
  query(sql: string, parameters?: readonly unknown[]): Promise<unknown>
  release(error?: Error): void
}

/** Encodes what goes in; what comes out is decoded by its type. */
function encodingPool(pool: { connect(): Promise<unknown>; end(): Promise<void> }): PostgresPool {
  const wrapped = new WeakMap<object, Client>()
  return {
    end: () => pool.end(),
    async connect() {
      const client = (await pool.connect()) as Client
      const known = wrapped.get(client)
      if (known) return known
      try {
        await client.query(SESSION)
      } catch (error) {
        // One that nobody gives back would be lost to the pool.
        client.release(error instanceof Error ? error : undefined)
        throw error
      }
      const encoding: Client = {
        query: (sql, parameters = []) =>
          client.query(
            sql,
            parameters.map(value => (typeof value === 'string' ? encodeText(value) : value)),
          ),
        release: () => client.release(),
      }
      wrapped.set(client, encoding)
      return encoding
    },
  } as PostgresPool
}

class StoreDialect extends PostgresDialect {
  readonly #config: ConstructorParameters<typeof PostgresDialect>[0]

  constructor(config: ConstructorParameters<typeof PostgresDialect>[0]) {
    super(config)
    this.#config = config
  }

  override createDriver(): PostgresDriver {
    return new StoreDriver(this.#config)
  }

  override createQueryCompiler(): PostgresQueryCompiler {
    return new StoreCompiler()
  }

  override createAdapter(): PostgresAdapter {
    return new PostgresAdapter()
  }
}

class StoreDriver extends PostgresDriver {
  /** A connection that broke has rolled back by itself; failing to do it again would hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await super.rollbackTransaction(connection)
    } catch (error) {
      if (!isLost(error)) throw error
    }
  }
}

/** Texts of any length are unique by their digest there: an index takes no more than 2,704 bytes of one row. */
class StoreCompiler extends PostgresQueryCompiler {
  protected override visitOnConflict(node: OnConflictNode): void {
    const names = node.columns?.map((column: ColumnNode) => column.column.name)
    if (!names?.some(isWide)) return super.visitOnConflict(node)
    const keys = names.map(name => (isWide(name) ? `${WIDE_KEY}("${name}")` : `"${name}"`))
    const { columns: _, ...rest } = node
    super.visitOnConflict({ ...rest, indexExpression: RawNode.createWithSql(keys.join(', ')) })
  }
}
