import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ssh } from '../../src/connectors/ssh/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { newSshKey } from '../../src/core/contract/new-ssh-key.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { newKey, type Sshd, startSshd } from '../connectors/ssh/sshd.ts'
import { PATIENCE_MS, type Faults, type Principal, type World } from './world.ts'

export interface SshWorld extends World {
  readonly sshd: Sshd
  principal(): Promise<Principal>
  use(secret: Secret): Promise<boolean>
}

/** A real sshd, whose principals' own certificates are signed by hand. */
export async function sshWorld(): Promise<SshWorld> {
  const sshd = await startSshd()
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-ssh-world-'))
  const config = ssh.config.parse({
    path: sshd.authority,
    host: '127.0.0.1',
    port: sshd.port,
    hostKey: sshd.hostKey,
    timeoutMs: PATIENCE_MS,
    login: sshd.account,
    principals: Array.from({ length: 60 }, (_, number) => `job-${number}`),
  })
  const open = () => ssh.open(config, realIo())
  const first = await open()
  const { instance } = first
  await first.close()
  for (const name of config.principals) await sshd.admit(name)
  let count = 0

  return {
    sshd,
    open,
    manyPrincipals: 7,
    async stop() {
      await sshd.stop()
      await rm(folder, { recursive: true, force: true })
    },
    async principal() {
      const [name, serial] = [`job-${count++}`, String(1000 + count)]
      const { privateKey, line } = newSshKey(name, realIo().random)
      const file = join(folder, `${serial}.pub`)
      await writeFile(file, `${line}\n`)
      execFileSync('ssh-keygen', [
        '-q',
        '-s',
        join(sshd.authority, 'ca'),
        '-I',
        name,
        '-n',
        name,
        '-z',
        serial,
        '-V',
        '+1h',
        file,
      ])
      const certificate = readFileSync(join(folder, `${serial}-cert.pub`), 'utf8')
      const identity = { system: 'ssh', instance, kind: 'principal', id: name }
      return {
        identity,
        credential: { ...identity, kind: 'certificate', id: serial, identity },
        secret: new Secret(`${privateKey}${certificate.trim()}\n`, name),
      }
    },
    use: async secret => logsIn(sshd, folder, secret),
    faults: () => keygenFaults(folder, open),
    async snapshot() {
      const book = new DatabaseSync(join(sshd.authority, 'issued.db'), { readOnly: true })
      const rows = book.prepare("select serial from certified where state <> 'revoked' order by 1").all()
      book.close()
      return JSON.stringify(rows)
    },
    async replace() {
      newKey(join(sshd.authority, 'ca'))
    },
    vanish: () => rename(sshd.authority, `${sshd.authority}.gone`),
    log: () => sshd.log(),
  }
}

/** As anybody would: a session is opened, which ends as soon as it hears of nothing to do. */
function logsIn(sshd: Sshd, folder: string, secret: Secret): boolean {
  const [key, certificate] = [join(folder, 'try'), join(folder, 'try-cert.pub')]
  const end = secret.revealText().lastIndexOf('-----\n') + 6
  for (const file of [key, certificate]) rmSync(file, { force: true })
  execFileSync('sh', ['-c', 'umask 077; cat >"$1"', 'sh', key], { input: secret.revealText().slice(0, end) })
  execFileSync('sh', ['-c', 'cat >"$1"', 'sh', certificate], { input: secret.revealText().slice(end) })
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'IdentityAgent=none',
    'LogLevel=VERBOSE',
  ]
  const { stderr } = spawnSync(
    'ssh',
    [
      '-F',
      '/dev/null',
      '-i',
      key,
      '-p',
      String(sshd.port),
      '-l',
      sshd.account,
      ...options.flatMap(option => ['-o', option]),
      '127.0.0.1',
      'true',
    ],
    { encoding: 'utf8', input: '' },
  )
  if (stderr.includes('Authenticated to 127.0.0.1')) return true
  if (stderr.includes('Permission denied')) return false
  throw new Error(`ssh: ${stderr}`)
}

/** An ssh-keygen before the real one, which dies before or after its work: all that stands between the book and a certificate. */
async function keygenFaults(folder: string, open: World['open']): Promise<Faults> {
  const programs = join(folder, 'programs')
  await mkdir(programs, { recursive: true })
  const [count, fault] = [join(programs, 'count'), join(programs, 'fault')]
  const real = execFileSync('sh', ['-c', 'command -v ssh-keygen'], { encoding: 'utf8' }).trim()
  await writeFile(
    join(programs, 'ssh-keygen'),
    `#!/bin/sh
n=$(($(cat ${count}) + 1)); echo $n >${count}
at=0; [ -f ${fault} ] && read -r at when <${fault}
[ "$n" = "$at" ] || exec ${real} "$@"
[ "$when" = before ] || ${real} "$@"
kill -9 $$
`,
  )
  await chmod(join(programs, 'ssh-keygen'), 0o755)
  const path = process.env['PATH'] ?? ''
  process.env['PATH'] = `${programs}${delimiter}${path}`
  const reset = () => {
    execFileSync('sh', ['-c', 'echo 0 >"$1"; rm -f "$2"', 'sh', count, fault])
  }
  reset()
  return {
    open,
    failAt(call, when) {
      reset()
      execFileSync('sh', ['-c', 'echo "$1" >"$2"', 'sh', `${call} ${when}`, fault])
    },
    noFault: reset,
    count: () => Number(readFileSync(count, 'utf8')),
    async close() {
      process.env['PATH'] = path
    },
  }
}
