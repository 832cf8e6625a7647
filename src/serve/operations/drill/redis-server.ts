import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { sleep } from '../../../core/contract/io.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { childEnvironment, freePort, START_MS, watchOver } from './server-process.ts'

export interface RedisServerOptions {
  /** The folder to make the server's own folder in; the system's temporary folder if absent. */
  readonly directory?: string
  /** A port that must be this one; otherwise a free one. */
  readonly port?: number
  /** The password of the user `default`; a random one if absent. */
  readonly adminPassword?: Secret
  /** Where the server keeps its users: an ACL file, redis.conf, or nowhere. */
  readonly users?: 'aclfile' | 'config' | 'nowhere'
  /** Further users, as lines of an ACL file. */
  readonly acl?: readonly string[]
  /** Further lines of redis.conf. */
  readonly settings?: readonly string[]
  /** Stops and removes the server when aborted. */
  readonly signal?: AbortSignal
}

/** A running Redis of our own on the loopback, thrown away by `stop()`, or when this process ends. */
export interface RedisServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly adminUser: 'default'
  readonly adminPassword: Secret
  /** Stops at once and removes every file. May be called twice. */
  stop(): Promise<void>
  /** Ends and starts again on the same port with the same files: what was not saved is gone. */
  restart(): Promise<void>
  /** What the server has logged so far. */
  log(): Promise<string>
}

const ADMIN = 'default'
export const INSTALL_REDIS = 'apt-get install redis-server'

/** The version of the program that `startRedis` would use (`7.0.15`), or undefined where none is installed. */
export function availableRedis(): string | undefined {
  const answer = spawnSync('redis-server', ['--version'], { encoding: 'utf8', env: childEnvironment() })
  return / v=(\d+(?:\.\d+)*)/.exec(answer.stdout ?? '')?.[1]
}

/**
 * Starts a Redis that lives as long as this process: loopback only, its own folder, nothing kept but users.
 * Raises UNSUPPORTED where Redis is not installed, UNREACHABLE where it did not come up.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  if (availableRedis() === undefined)
    throw new FirebreakError('UNSUPPORTED', 'Redis is not installed here', `Install it: ${INSTALL_REDIS}.`)
  const home = await mkdtemp(join(options.directory ?? tmpdir(), 'firebreak-redis-'))
  try {
    return await serve(home, options)
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }
}

async function serve(home: string, options: RedisServerOptions): Promise<RedisServer> {
  const password = options.adminPassword ?? new Secret(randomBytes(24).toString('base64url'), ADMIN)
  let running: Running | undefined
  let stopping: Promise<void> | undefined
  let port = options.port ?? (await freePort())
  let configuration = ''
  for (let attempt = 1; ; attempt++) {
    try {
      configuration = await writeConfiguration(home, port, password, options)
      running = await launch(home, port, configuration)
      break
    } catch (error) {
      // Between finding the port free and binding it another process may have taken it.
      if (options.port !== undefined || attempt === 5) throw error
      port = await freePort()
    }
  }
  const onExit = () => {
    running?.child.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
  const stop = () => (stopping ??= end())
  const end = async () => {
    process.off('exit', onExit)
    options.signal?.removeEventListener('abort', onAbort)
    await running?.end()
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
  const onAbort = () => void stop()
  process.on('exit', onExit)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) await stop()
  return {
    host: '127.0.0.1',
    port,
    adminUser: ADMIN,
    adminPassword: password,
    stop,
    async restart() {
      await running?.end()
      running = await launch(home, port, configuration)
    },
    log: () => readFile(join(home, 'log'), 'utf8'),
  }
}

/** Writes redis.conf and what belongs to it. Gives its text where the server is to know no file of it. */
async function writeConfiguration(
  home: string,
  port: number,
  password: Secret,
  { users = 'aclfile', acl = [], settings = [] }: RedisServerOptions,
): Promise<string> {
  const digest = createHash('sha256').update(password.reveal()).digest('hex')
  const userLines = [`user ${ADMIN} on #${digest} ~* &* +@all`, ...acl]
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${home}`,
    `logfile ${join(home, 'log')}`,
    'save ""',
    'appendonly no',
    ...settings,
  ]
  const file = join(home, 'users.acl')
  if (users === 'aclfile') await writeFile(file, `${userLines.join('\n')}\n`, { mode: 0o600 })
  lines.push(...(users === 'aclfile' ? [`aclfile ${file}`] : userLines))
  const text = `${lines.join('\n')}\n`
  if (users === 'nowhere') return text
  await writeFile(join(home, 'redis.conf'), text, { mode: 0o600 })
  return ''
}

interface Running {
  readonly child: ChildProcess
  /** Ends the server and waits until it is gone. */
  end(): Promise<void>
}

async function launch(home: string, port: number, configuration: string): Promise<Running> {
  const log = openSync(join(home, 'output'), 'a')
  // Without a file of its own it reads its configuration from standard input.
  const child = spawn('redis-server', [configuration === '' ? join(home, 'redis.conf') : '-'], {
    cwd: home,
    env: childEnvironment(),
    stdio: ['pipe', log, log],
  })
  closeSync(log)
  child.stdin?.on('error', () => {})
  child.stdin?.end(configuration)
  child.unref()
  const gone = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const release = watchOver(child, home)
  const end = async () => {
    child.ref()
    child.kill('SIGKILL')
    await gone
    release()
  }
  const deadline = performance.now() + START_MS
  while (!(await answers(port))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      await end()
      const tail = (await readFile(join(home, 'output'), 'utf8')).slice(-500).trim()
      throw new FirebreakError('UNREACHABLE', `Redis did not start: ${tail}`)
    }
    await sleep(15, new AbortController().signal)
  }
  // The port may be another process's, which took it before ours could.
  await sleep(15, new AbortController().signal)
  if (child.exitCode !== null)
    throw new FirebreakError('UNREACHABLE', 'Redis did not start: the port was taken')
  return { child, end }
}

/** It wants a login, which is an answer. */
function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const over = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => over(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', bytes => over(/^(?:\+PONG|-NOAUTH)/.test(String(bytes))))
    socket.once('error', () => over(false))
    socket.once('close', () => over(false))
  })
}
