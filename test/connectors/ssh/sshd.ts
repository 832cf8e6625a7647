import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../../src/serve/operations/drill/server-process.ts'

export const INSTALL_SSHD = 'apt-get install openssh-server'
const SSHD = '/usr/sbin/sshd'

export function availableSshd(): boolean {
  return existsSync(SSHD)
}

/** An sshd on the loopback that trusts a new authority, and lets in the principals that it is told, all as one account. */
export interface Sshd {
  readonly port: number
  readonly account: string
  /** The authority's folder: ca, ca.pub. */
  readonly authority: string
  readonly hostKey: string
  /** The private half of it. */
  readonly hostKeyFile: string
  admit(principal: string): Promise<void>
  log(): Promise<string>
  stop(): Promise<void>
}

/** With `posesWith`, it has that private key for its host key. */
export async function startSshd(posesWith?: string): Promise<Sshd> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-sshd-'))
  const authority = join(home, 'authority')
  await mkdir(authority)
  newKey(join(authority, 'ca'))
  if (posesWith === undefined) newKey(join(home, 'host'))
  else for (const end of ['', '.pub']) await copyFile(posesWith + end, join(home, `host${end}`))
  const [principals, log] = [join(home, 'principals'), join(home, 'log')]
  await writeFile(principals, '')
  const port = await freePort()
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(home, 'host')}`,
    `TrustedUserCAKeys ${join(authority, 'ca.pub')}`,
    `RevokedKeys ${join(authority, 'krl')}`,
    `AuthorizedPrincipalsFile ${principals}`,
    'AuthorizedKeysFile none',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'UsePAM no',
    'StrictModes no',
    // No shell: what an account's own files do at each login takes seconds on some machines.
    'ForceCommand internal-sftp',
    'MaxStartups 100',
    'PidFile none',
    'LogLevel VERBOSE',
  ]
  await writeFile(join(home, 'config'), `${settings.join('\n')}\n`)
  // Where it runs as root it wants an empty folder there, which the package's own start makes.
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true })
  const output = openSync(log, 'a')
  const child = spawn(SSHD, ['-D', '-e', '-f', join(home, 'config')], { stdio: ['ignore', output, output] })
  closeSync(output)
  const gone = new Promise(resolve => child.once('exit', resolve))
  const onExit = () => {
    child.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', onExit)
  await answering(child, port, log)
  return {
    port,
    account: userInfo().username,
    authority,
    hostKeyFile: join(home, 'host'),
    hostKey: (await readFile(join(home, 'host.pub'), 'utf8')).trim(),
    admit: principal => appendFile(principals, `${principal}\n`),
    log: () => readFile(log, 'utf8'),
    async stop() {
      process.off('exit', onExit)
      child.kill('SIGKILL')
      await gone
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** An Ed25519 key without a passphrase, in the file and beside it. */
export function newKey(file: string): void {
  rmSync(file, { force: true })
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])
}

async function answering(child: ChildProcess, port: number, log: string): Promise<void> {
  for (const deadline = Date.now() + 120_000; ; await wait(15)) {
    const answers = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1')
      socket.once('data', () => resolve(true)).once('error', () => resolve(false))
      socket.once('data', () => socket.destroy())
    })
    if (answers) return
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`sshd did not start: ${await readFile(log, 'utf8')}`)
  }
}
