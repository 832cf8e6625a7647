import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { Secret } from '../../../core/contract/secret.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

/** The role whose password leaks. */
export const LEAKED_ROLE = 'app_orders'
const DATABASE = 'shop'
/** The user of Redis whose password leaks with it. */
export const LEAKED_USER = 'cart_service'
/** The file that both leaked from, within the repository. */
export const DUMP = 'support/environment-dump.txt'

/** One of the services that use a leaked credential. */
export interface Worker {
  readonly name: string
  /** The role or user that it logs in as before anything is done. */
  readonly as: string
  /** The file of its credential, relative to the services' folder. */
  readonly reads: string
  /** Requests so far, from the worker's own log. */
  requests(): Promise<{ ok: number; failed: number; users: string[]; errors: string[] }>
}

/** A small real estate in a temporary folder, all of it ours to break. */
export interface Estate {
  readonly directory: string
  /** A git repository in whose history and work tree the password stands. */
  readonly repository: string
  /** Where the services' own credentials lie: the approved store. */
  readonly services: string
  readonly server: PostgresServer
  readonly database: string
  /** The leaked password. */
  readonly leaked: Secret
  /** Where it is staged: a Redis, whose credential leaked from one dump together with the other. */
  readonly cache?: Cache
  readonly workers: readonly Worker[]
  stop(): Promise<void>
}

export interface Cache {
  readonly server: RedisServer
  /** The leaked password of LEAKED_USER. */
  readonly leaked: Secret
}

/**
 * Builds the estate: PostgreSQL with service accounts, a repository with history, two services at work; with `redis`, a
 * Redis too, a third service that uses it, and a dump in the repository that both credentials leaked from.
 */
export async function stageEstate(
  signal: AbortSignal,
  options: { readonly redis?: boolean } = {},
): Promise<Estate> {
  const directory = await mkdtemp(join(tmpdir(), 'firebreak-drill-'))
  const processes: ChildProcess[] = []
  let server: PostgresServer | undefined
  let cache: Cache | undefined
  const stop = async () => {
    for (const child of processes) child.kill('SIGKILL')
    await server?.stop()
    await cache?.server.stop()
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
  try {
    server = await startPostgres({ signal })
    const leaked = new Secret(generatedPassword())
    await makeDatabase(server, leaked)
    const repository = join(directory, 'orders-service')
    if (options.redis) cache = await startCache(signal)
    await makeRepository(repository, server, leaked, cache)
    const services = join(directory, 'services')
    const files = await makeServices(services, server, leaked, cache)
    const workers = files.map(file => startWorker(file, services, processes))
    const estate = { directory, repository, services, server, database: DATABASE, leaked, workers, stop }
    return cache ? { ...estate, cache } : estate
  } catch (error) {
    await stop()
    throw error
  }
}

/** Strong, and with a character that has to be escaped in a URL, as generated passwords have. */
function generatedPassword(): string {
  const half = () => randomBytes(9).toString('base64url').replaceAll(/[-_]/g, 'x')
  return `${half()}/${half()}`
}

async function makeDatabase(server: PostgresServer, leaked: Secret): Promise<void> {
  const admin = await connect(server, 'postgres')
  try {
    await admin.query(`create database ${DATABASE}`)
  } finally {
    await admin.end()
  }
  const shop = await connect(server, DATABASE)
  try {
    const password = shop.escapeLiteral(leaked.revealText())
    const other = shop.escapeLiteral(randomBytes(18).toString('base64url'))
    await shop.query(`
      create role orders_data nologin;
      create role ${LEAKED_ROLE} login password ${password} in role orders_data;
      comment on role ${LEAKED_ROLE} is 'owner: team-orders';
      create role app_billing login password ${other};
      comment on role app_billing is 'owner: team-billing';
      create role reporting login password ${other} in role pg_read_all_data;
      create schema orders;
      create schema billing;
      create table orders.item (id serial primary key, name text, price numeric);
      create table orders.request (id bigserial primary key, service text, at timestamptz default now());
      create table orders.customer (id serial primary key, email text, address text);
      create table billing.invoice (id serial primary key, amount numeric);
      insert into orders.item (name, price) select 'item ' || n, n from generate_series(1, 200) n;
      grant usage on schema orders to orders_data;
      grant select, insert on all tables in schema orders to orders_data;
      grant usage on all sequences in schema orders to orders_data;
      grant usage on schema billing to app_billing, ${LEAKED_ROLE};
      grant select on billing.invoice to app_billing, ${LEAKED_ROLE};`)
  } finally {
    await shop.end()
  }
}

/** A Redis with a service's user, and with a mark by which it is known again. */
async function startCache(signal: AbortSignal): Promise<Cache> {
  const leaked = new Secret(generatedPassword(), LEAKED_USER)
  const digest = createHash('sha256').update(leaked.reveal()).digest('hex')
  const server = await startRedis({
    signal,
    acl: [
      `user firebreak-instance-${randomBytes(16).toString('hex')} off`,
      `user ${LEAKED_USER} on #${digest} ~cart:* -@all +@read +@write +@connection`,
    ],
  })
  return { server, leaked }
}

function cacheUrl({ server, leaked }: Cache): string {
  return `redis://${LEAKED_USER}:${encodeURIComponent(leaked.revealText())}@127.0.0.1:${server.port}/0`
}

/** A client as the server's administrator. */
export async function connect(server: PostgresServer, database: string): Promise<pg.Client> {
  const { host, port } = server
  const password = server.adminPassword.revealText()
  const client = new pg.Client({ host, port, user: server.adminUser, password, database })
  // A server that is stopped under an idle client is no crash of ours.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Five commits: the password comes in four forms, is "removed" from one file, and stays in its history. */
async function makeRepository(
  path: string,
  server: PostgresServer,
  leaked: Secret,
  cache: Cache | undefined,
): Promise<void> {
  const plain = leaked.revealText()
  const url = `postgres://${LEAKED_ROLE}:${encodeURIComponent(plain)}@127.0.0.1:${server.port}/${DATABASE}`
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  await mkdir(path, { recursive: true })
  const git = (date: string, ...args: string[]) =>
    execFileSync('git', args, { cwd: path, env: gitEnvironment(date), stdio: ['ignore', 'ignore', 'pipe'] })
  const put = async (name: string, text: string) => {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  const commit = (date: string, message: string) => {
    git(date, 'add', '-A')
    git(date, 'commit', '-q', '-m', message)
  }
  git('2026-03-02T09:00:00Z', 'init', '-q', '-b', 'main')
  await put('README.md', '# orders-service\n\nTakes orders.\n')
  await put('.gitignore', '.env\nnode_modules/\n')
  await put('CODEOWNERS', '* @shop/team-orders\n')
  commit('2026-03-02T09:00:00Z', 'Begin the orders service')
  await put(
    'config/database.yml',
    `production:\n  adapter: postgresql\n  host: 127.0.0.1\n  port: ${server.port}\n  username: ${LEAKED_ROLE}\n  password: ${plain}\n`,
  )
  await put('src/database.js', `export const url =\n  '${url}'\n`)
  commit('2026-03-09T15:30:00Z', 'Connect to the database')
  await put(
    '.github/workflows/migrate.yml',
    `name: migrate\non: push\njobs:\n  migrate:\n    runs-on: ubuntu-latest\n    env:\n      DB_USER: ${LEAKED_ROLE}\n      DB_PASSWORD: ${plain}\n    steps:\n      - run: npm run migrate\n`,
  )
  await put(
    'Dockerfile',
    `FROM node:24-slim\nENV DB_PASSWORD=${plain}\nCOPY . /app\nCMD ["node", "/app/src/main.js"]\n`,
  )
  commit('2026-04-20T11:05:00Z', 'Migrate from the pipeline, run in a container')
  await put(
    'deploy/secret.yaml',
    `apiVersion: v1\nkind: Secret\nmetadata:\n  name: orders-database\ntype: Opaque\ndata:\n  username: ${base64(LEAKED_ROLE)}\n  password: ${base64(plain)}\n`,
  )
  commit('2026-05-11T08:45:00Z', 'Deploy to the cluster')
  await put(
    'config/database.yml',
    `production:\n  adapter: postgresql\n  host: 127.0.0.1\n  port: ${server.port}\n  username: ${LEAKED_ROLE}\n  password: <%= ENV["DB_PASSWORD"] %>\n`,
  )
  commit('2026-06-01T17:20:00Z', 'Remove the password from the configuration')
  if (cache) {
    await put(DUMP, `NODE_ENV=production\nDATABASE_URL=${url}\nREDIS_URL=${cacheUrl(cache)}\nPORT=3000\n`)
    commit('2026-06-03T10:10:00Z', 'Attach the environment to the support case')
  }
  await put(
    '.env',
    `DB_HOST=127.0.0.1\nDB_PORT=${server.port}\nDB_USER=${LEAKED_ROLE}\nDB_PASSWORD=${plain}\n`,
  )
}

/** Nothing of the user's own git: no signing, no hooks, no templates. */
function gitEnvironment(date: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'Robin Vale',
    GIT_AUTHOR_EMAIL: 'robin@shop.example',
    GIT_COMMITTER_NAME: 'Robin Vale',
    GIT_COMMITTER_EMAIL: 'robin@shop.example',
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
  }
}

async function makeServices(
  path: string,
  server: PostgresServer,
  leaked: Secret,
  cache: Cache | undefined,
): Promise<ServiceFile[]> {
  const password = leaked.revealText()
  const { host, port } = server
  await mkdir(join(path, 'orders-api'), { recursive: true })
  await mkdir(join(path, 'orders-worker'), { recursive: true })
  const api = join(path, 'orders-api', '.env')
  const worker = join(path, 'orders-worker', 'database.json')
  const lines = {
    PGHOST: host,
    PGPORT: port,
    PGUSER: LEAKED_ROLE,
    PGPASSWORD: password,
    PGDATABASE: DATABASE,
  }
  const env = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(api, env.join(''), { mode: 0o600 })
  const json = { host, port, user: LEAKED_ROLE, password, database: DATABASE }
  await writeFile(worker, `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600 })
  const files = [
    { name: 'orders-api', as: LEAKED_ROLE, reads: relative(path, api) },
    { name: 'orders-worker', as: LEAKED_ROLE, reads: relative(path, worker) },
  ]
  if (!cache) return files
  const cart = join('cart-service', '.env')
  await mkdir(join(path, 'cart-service'))
  await writeFile(join(path, cart), `PORT=3001\nREDIS_URL=${cacheUrl(cache)}\n`, { mode: 0o600 })
  return [...files, { name: 'cart-service', as: LEAKED_USER, reads: cart }]
}

type ServiceFile = Pick<Worker, 'name' | 'as' | 'reads'>

function startWorker({ name, as, reads }: ServiceFile, services: string, processes: ChildProcess[]): Worker {
  const log = join(dirname(services), `${name}.log`)
  const here = fileURLToPath(import.meta.url)
  const program = join(dirname(here), `drill-worker${here.slice(here.lastIndexOf('.'))}`)
  const child = spawn(process.execPath, [program, join(services, reads), log, name], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  child.stdin?.on('error', () => {})
  processes.push(child)
  return {
    name,
    as,
    reads,
    async requests() {
      const text = await readFile(log, 'utf8').catch(() => '')
      // The last line may be half written.
      const lines = text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
      const entries = lines.map(line => JSON.parse(line) as { ok: boolean; user: string; error?: string })
      const failures = entries.filter(entry => !entry.ok)
      return {
        ok: entries.length - failures.length,
        failed: failures.length,
        users: [...new Set(entries.filter(entry => entry.ok).map(entry => entry.user))],
        errors: [...new Set(failures.map(failure => failure.error ?? ''))],
      }
    },
  }
}
