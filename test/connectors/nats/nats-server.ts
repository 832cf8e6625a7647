import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import {
  createAccount,
  createOperator,
  createUser,
  type Account,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromPublic,
  type KeyPair,
  newScopedSigner,
  type Permissions,
} from '@nats-io/jwt'
import { freePort } from '../../../src/serve/operations/drill/server-process.ts'

export const INSTALL_NATS = 'apt-get install nats-server'

export function availableNats(): boolean {
  return spawnSync('nats-server', ['--version']).status === 0
}

/** A NATS server of our own on the loopback, which trusts an operator of its own; it starts in a moment. */
export interface NatsServer {
  readonly port: number
  /** What a connection has in its folder: operator.nk, system.creds, roles/. */
  readonly keys: string
  /** The account's public key. */
  readonly account: string
  /** Public keys of the roles, by name. */
  readonly roles: Readonly<Record<string, string>>
  /** A user's token and key, signed by hand with a role's key. */
  sign(role: string): Promise<{ user: string; credentials: string }>
  /** A folder of the same keys without what was written there, or without some, or with another operator's. */
  anotherFolder(options: { withRoles: boolean; poses: boolean }): Promise<string>
  /** Puts another operator's key in place of ours. */
  pose(folder: string): Promise<void>
  /** The token of the account that the server has on its disk. */
  accountToken(): Promise<string>
  log(): Promise<string>
  /** Ends the server; its files stay. */
  end(): Promise<void>
  stop(): Promise<void>
}

const UNLIMITED: Partial<Account> = {
  limits: {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  },
}

export async function startNats(
  permissions: Readonly<Record<string, Permissions>>,
  options: { port?: number; tls?: { certificate: string; key: string; clients?: string } } = {},
): Promise<NatsServer> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-nats-'))
  const [keys, tokens, logFile] = [join(home, 'keys'), join(home, 'tokens'), join(home, 'log')]
  await mkdir(join(keys, 'roles'), { recursive: true })
  const [operator, system, account] = [createOperator(), createAccount(), createAccount()]
  const roleKeys = new Map<string, KeyPair>(Object.keys(permissions).map(name => [name, createAccount()]))
  const secretFile = (name: string, content: Uint8Array) =>
    writeFile(join(keys, name), content, { mode: 0o600 })
  await secretFile('operator.nk', operator.getSeed())
  const admin = createUser()
  await secretFile('system.creds', fmtCreds(await encodeUser('firebreak', admin, system, {}), admin))
  for (const [name, key] of roleKeys) await secretFile(join('roles', `${name}.nk`), key.getSeed())
  const systemToken = await encodeAccount('SYS', system, UNLIMITED, { signer: operator })
  const accountToken = await encodeAccount(
    'shop',
    account,
    {
      ...UNLIMITED,
      signing_keys: [...roleKeys].map(([name, key]) => newScopedSigner(key, name, permissions[name]!)),
    },
    { signer: operator },
  )
  const port = options.port ?? (await freePort())
  const { tls } = options
  if (tls)
    for (const [name, pem] of Object.entries(tls))
      await writeFile(join(home, `${name}.pem`), pem, { mode: 0o600 })
  await writeFile(
    join(home, 'nats.conf'),
    [
      `listen: 127.0.0.1:${port}`,
      `operator: ${await encodeOperator('acme', operator)}`,
      `system_account: ${system.getPublicKey()}`,
      `resolver: { type: full, dir: '${tokens}', interval: '2m', timeout: '100ms' }`,
      `resolver_preload: { ${system.getPublicKey()}: ${systemToken}, ${account.getPublicKey()}: ${accountToken} }`,
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
  const pose = (folder: string) =>
    writeFile(join(folder, 'operator.nk'), createOperator().getSeed(), { mode: 0o600 })
  const log = () => readFile(logFile, 'utf8').catch(() => '')
  for (const deadline = Date.now() + 20_000; !(await answers(port)); await wait(20)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`nats-server did not start: ${(await log()).slice(-2000)}`)
    }
  }
  return {
    port,
    keys,
    account: account.getPublicKey(),
    roles: Object.fromEntries([...roleKeys].map(([name, key]) => [name, key.getPublicKey()])),
    async sign(role) {
      const user = createUser()
      const signer = roleKeys.get(role)!
      const token = await encodeUser(
        role,
        user,
        fromPublic(account.getPublicKey()),
        {},
        {
          scopedUser: true,
          signer,
        },
      )
      return { user: user.getPublicKey(), credentials: Buffer.from(fmtCreds(token, user)).toString() }
    },
    async anotherFolder({ withRoles, poses }) {
      const folder = await mkdtemp(join(home, 'keys-'))
      for (const name of ['operator.nk', 'system.creds', ...(withRoles ? ['roles'] : [])])
        await cp(join(keys, name), join(folder, name), { recursive: true })
      if (poses) await pose(folder)
      return folder
    },
    pose,
    accountToken: () => readFile(join(tokens, `${account.getPublicKey()}.jwt`), 'utf8'),
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
