import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { atOurEnd, freePort } from '../../../src/serve/operations/drill/server-process.ts'

export const INSTALL_MARIADB = 'apt-get install mariadb-server'
export const ADMIN = 'administrator'

export function availableMariadb(): boolean {
  return spawnSync('mariadbd', ['--no-defaults', '--version']).status === 0
}

/** A MariaDB of our own on the loopback, thrown away by `stop()`, or when this process ends. */
export interface MariadbServer {
  readonly port: number
  readonly adminPassword: string
  log(): Promise<string>
  stop(): Promise<void>
}

const SMALL = [
  '--innodb-log-file-size=4M',
  '--innodb-data-file-path=ibdata1:8M:autoextend',
  '--innodb-buffer-pool-size=8M',
]
let installed: Promise<string> | undefined

/** The tables of an empty server: making them takes seconds, and they are the same for all. */
async function install(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-mariadb-empty-'))
  atOurEnd('rm -rf -- "$1"', folder)
  const user = userInfo().username
  const options = ['--no-defaults', `--user=${user}`, `--datadir=${folder}`, '--skip-test-db', ...SMALL]
  execFileSync('mariadb-install-db', [...options, '--auth-root-authentication-method=normal'], {
    stdio: 'ignore',
  })
  return folder
}

export async function startMariadb(
  options: { port?: number; adminPassword?: string } = {},
): Promise<MariadbServer> {
  const empty = await (installed ??= install())
  const home = await mkdtemp(join(tmpdir(), 'firebreak-mariadb-'))
  const [data, log] = [join(home, 'data'), join(home, 'log.err')]
  await cp(empty, data, { recursive: true })
  const adminPassword = options.adminPassword ?? randomBytes(24).toString('base64url')
  const port = options.port ?? (await freePort())
  await writeFile(
    join(home, 'init.sql'),
    `create user ${ADMIN}@'%' identified by '${adminPassword}';\ngrant all on *.* to ${ADMIN}@'%' with grant option;\n`,
    { mode: 0o600 },
  )
  const child = spawn(
    'mariadbd',
    [
      '--no-defaults',
      `--user=${userInfo().username}`,
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(home, 'socket')}`,
      `--pid-file=${join(home, 'pid')}`,
      `--log-error=${log}`,
      `--init-file=${join(home, 'init.sql')}`,
      '--skip-name-resolve',
      '--general-log=1',
      `--general-log-file=${join(home, 'general.log')}`,
      ...SMALL,
    ],
    { stdio: 'ignore' },
  )
  const gone = new Promise(resolve => child.once('exit', resolve))
  const onExit = () => {
    child.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', onExit)
  for (const deadline = Date.now() + 120_000; ; await wait(30)) {
    const opened = await createConnection({
      host: '127.0.0.1',
      port,
      user: ADMIN,
      password: adminPassword,
    }).catch(() => undefined)
    opened?.destroy()
    if (opened) break
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`MariaDB did not start: ${await readFile(log, 'utf8')}`)
  }
  return {
    port,
    adminPassword,
    // Every statement is there: none of ours may hold a password.
    log: async () => {
      const statements = await readFile(join(home, 'general.log'), 'utf8')
      return `${await readFile(log, 'utf8')}${statements
        .split('\n')
        .filter(line => !line.includes('by hand'))
        .join('\n')}`
    },
    async stop() {
      process.off('exit', onExit)
      child.kill('SIGKILL')
      await gone
      await rm(home, { recursive: true, force: true })
    },
  }
}
