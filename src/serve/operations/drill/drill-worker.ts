import { appendFileSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'

/**
 * One of the drill's services, on PostgreSQL or, where its file has a REDIS_URL, on Redis: `node drill-worker.ts CREDENTIAL_FILE LOG_FILE`. Deliberately unforgiving: it connects for each
 * request, never retries, reads its credential again every two seconds only, and logs every failure. It knows nothing of
 * Firebreak. Its log is lines of JSON: `{ at, ok, user }` or `{ at, ok: false, error }`.
 */
const RELOAD_MS = 2000
/** To connect costs a server far more than to answer. */
const REQUEST_EVERY_MS = 400
/** A request holds its connection for a while, as work does: long enough to be seen there. */
const WORK_MS = 150
/** A server that is slow to answer, as on a machine that is busy, is none that refuses. */
const CONNECT_MS = 30_000

interface Credential {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly redis: boolean
}

const [credentialFile = '', logFile = '', name = basename(credentialFile)] = process.argv.slice(2)
let credential = readCredential(credentialFile)
let readAt = Date.now()
let stopping = false
process.on('SIGTERM', () => {
  stopping = true
})
// The drill holds the other end: when it is gone, so are we.
process.stdin.on('end', () => process.exit(0)).resume()

while (!stopping) {
  const began = Date.now()
  if (began - readAt >= RELOAD_MS) {
    credential = readCredential(credentialFile)
    readAt = began
  }
  log(await (credential.redis ? requestOfRedis(credential) : request(credential)))
  await new Promise(resolve => setTimeout(resolve, Math.max(1, REQUEST_EVERY_MS - (Date.now() - began))))
}
process.exit(0)

async function requestOfRedis({ host, port, user, password }: Credential): Promise<object> {
  const client = new Redis({
    host,
    port,
    username: user,
    password,
    connectionName: name,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
  })
  let cause: unknown
  client.on('error', error => (cause ??= error))
  try {
    await client.connect()
    await client.incr('cart:requests')
    await new Promise(resolve => setTimeout(resolve, WORK_MS))
    await client.get('cart:requests')
    return { ok: true, user }
  } catch (error) {
    const reason = cause ?? error
    return { ok: false, user, error: reason instanceof Error ? reason.message : String(reason) }
  } finally {
    await client.quit().catch(() => client.disconnect())
  }
}

async function request({ host, port, user, password, database }: Credential): Promise<object> {
  const login = { host, port, user, password, database }
  const client = new pg.Client({ ...login, application_name: name, connectionTimeoutMillis: CONNECT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('insert into orders.request (service) values ($1)', [name])
    await client.query('select count(*), pg_sleep($1) from orders.item', [WORK_MS / 1000])
    return { ok: true, user }
  } catch (error) {
    return { ok: false, user, error: error instanceof Error ? error.message : String(error) }
  } finally {
    await client.end().catch(() => {})
  }
}

function log(entry: object): void {
  appendFileSync(logFile, `${JSON.stringify({ at: Date.now(), ...entry })}\n`)
}

/** `.json` with host, port, user, password, database; anything else is lines of PGHOST=…, or has one REDIS_URL=…. */
function readCredential(path: string): Credential {
  const text = readFileSync(path, 'utf8')
  if (path.endsWith('.json')) {
    const { host, port, user, password, database } = JSON.parse(text) as Credential
    return { host, port, user, password, database, redis: false }
  }
  const values = new Map(
    text.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  const get = (key: string) => values.get(key) ?? ''
  if (values.has('REDIS_URL')) {
    const url = new URL(get('REDIS_URL'))
    return {
      host: url.hostname,
      port: Number(url.port),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: url.pathname.slice(1),
      redis: true,
    }
  }
  return {
    redis: false,
    host: get('PGHOST'),
    port: Number(get('PGPORT')),
    user: get('PGUSER'),
    password: get('PGPASSWORD'),
    database: get('PGDATABASE'),
  }
}
