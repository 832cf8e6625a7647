import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../../src/serve/operations/drill/server-process.ts'

export const INSTALL_RABBITMQ = 'apt-get install rabbitmq-server'
export const ADMIN = 'administrator'
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'

export function availableRabbitmq(): boolean {
  return existsSync(SERVER)
}

/** A RabbitMQ of our own on the loopback, with its management plugin; it takes ten seconds to start. */
export interface RabbitmqServer {
  readonly port: number
  readonly managementPort: number
  readonly adminPassword: string
  log(): Promise<string>
  stop(): Promise<void>
}

export async function startRabbitmq(): Promise<RabbitmqServer> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-rabbitmq-'))
  const [port, managementPort, mapper, distribution] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const adminPassword = randomBytes(24).toString('hex')
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${managementPort}`,
    `default_user = ${ADMIN}`,
    `default_pass = ${adminPassword}`,
    'loopback_users = none',
    // Connections are listed at once, not every five seconds.
    'collect_statistics_interval = 500',
  ]
  await writeFile(join(home, 'rabbitmq.conf'), `${settings.join('\n')}\n`, { mode: 0o600 })
  await writeFile(join(home, 'enabled_plugins'), '[rabbitmq_management].\n')
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: home,
    // The programs that find each other by a daemon find only each other: it is our own, and is ended with them.
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // It is ended with its nodes, and not only when it has heard that they are gone.
    ERL_EPMD_RELAXED_COMMAND_CHECK: '1',
    RABBITMQ_NODENAME: `firebreak${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq'),
    RABBITMQ_MNESIA_BASE: join(home, 'data'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none',
  }
  // A group of its own: the script waits for the machine that it starts.
  const child = spawn(SERVER, [], { env, stdio: 'ignore', detached: true })
  const gone = new Promise(resolve => child.once('exit', resolve))
  const end = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
    try {
      execFileSync('epmd', ['-port', String(mapper), '-kill'], { env, stdio: 'ignore' })
    } catch {
      // It was not started.
    }
  }
  const onExit = () => {
    end()
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', onExit)
  const log = async () => {
    const names = await readdir(join(home, 'log')).catch(() => [])
    const texts = await Promise.all(
      names.map(name => readFile(join(home, 'log', name), 'utf8').catch(() => '')),
    )
    return texts.join('\n')
  }
  const authorization = `Basic ${Buffer.from(`${ADMIN}:${adminPassword}`).toString('base64')}`
  for (const deadline = Date.now() + 300_000; ; await wait(200)) {
    const answer = await fetch(`http://127.0.0.1:${managementPort}/api/overview`, {
      headers: { authorization },
    }).catch(() => undefined)
    if (answer?.ok) break
    if (child.exitCode !== null || Date.now() > deadline) {
      end()
      throw new Error(`RabbitMQ did not start: ${(await log()).slice(-2000)}`)
    }
  }
  return {
    port,
    managementPort,
    adminPassword,
    log,
    async stop() {
      process.off('exit', onExit)
      end()
      await gone
      await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    },
  }
}
