import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Permissions } from '@nats-io/jwt'
import { freePort } from '../../../src/serve/operations/drill/server-process.ts'
import { makeNatsKeys, type NatsKeys } from './nats-keys.ts'

export const INSTALL_NATS = 'apt-get install nats-server'

export function availableNats(): boolean {
  return spawnSync('nats-server', ['--version']).status === 0
}

/** A NATS server of our own on the loopback, which trusts an operator of its own; it starts in a moment. */
export interface NatsServer extends NatsKeys {
  readonly port: number
  /** The token of the account that the server has on its disk. */
  accountToken(): Promise<string>
  log(): Promise<string>
  /** Ends the server; its files stay. */
  end(): Promise<void>
  stop(): Promise<void>
}

export async function startNats(
  permissions: Readonly<Record<string, Permissions>>,
  options: { port?: number; tls?: { certificate: string; key: string; clients?: string } } = {},
): Promise<NatsServer> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-nats-'))
  const [tokens, logFile] = [join(home, 'tokens'), join(home, 'log')]
  const keys = await makeNatsKeys(home, permissions)
  const { operator, systemAccount, accounts } = keys.trusted
  const port = options.port ?? (await freePort())
  const { tls } = options
  if (tls)
    for (const [name, pem] of Object.entries(tls))
      await writeFile(join(home, `${name}.pem`), pem, { mode: 0o600 })
  await writeFile(
    join(home, 'nats.conf'),
    [
      `listen: 127.0.0.1:${port}`,
      `operator: ${operator}`,
      `system_account: ${systemAccount}`,
      `resolver: { type: full, dir: '${tokens}', interval: '2m', timeout: '100ms' }`,
      `resolver_preload: { ${Object.entries(accounts)
        .map(each => each.join(': '))
        .join(', ')} }`,
      ...(tls ? [tlsBlock(home, tls)] : []),
      `log_file: '${logFile}'`,
      'debug: true',
      '',
    ].join('\n'),
    { mode: 0o600 },
  )
  const child = spawn('nats-server', ['-c', join(home, 'nats.conf')], { stdio: 'ignore' })
  const gone = new Promise(resolve => child.once('exit', resolve))
  const onExit = () => {
    child.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', onExit)
  const end = async () => {
    child.kill('SIGKILL')
    await gone
  }
  const log = () => readFile(logFile, 'utf8').catch(() => '')
  for (const deadline = Date.now() + 120_000; !(await answers(port)); await wait(20)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`nats-server did not start: ${(await log()).slice(-2000)}`)
    }
  }
  return {
    ...keys,
    port,
    accountToken: () => readFile(join(tokens, `${keys.account}.jwt`), 'utf8'),
    log,
    end,
    async stop() {
      process.off('exit', onExit)
      await end()
      await rm(home, { recursive: true, force: true })
    },
  }
}

function tlsBlock(home: string, { clients }: { clients?: string }): string {
  const file = (name: string) => `'${join(home, `${name}.pem`)}'`
  const own = `cert_file: ${file('certificate')}, key_file: ${file('key')}`
  return `tls: { ${own}${clients === undefined ? '' : `, ca_file: ${file('clients')}, verify: true`} }`
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => resolve(socket.destroy() && true))
    socket.once('error', () => resolve(false))
  })
}
