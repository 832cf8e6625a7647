import { createHash } from 'node:crypto'
import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certifier } from '../../core/contract/certified.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { IssueLedger } from '../../core/contract/issue-ledger.ts'
import type { CredentialRef, Ms, Ref } from '../../core/contract/ref.ts'
import type { SshConfig } from './config.ts'
import { run, withFolder } from './program.ts'

/** An authority's folder, opened: its key, the book of what it signed, and the list of what is refused. */
export interface Authority extends Certifier {
  readonly config: SshConfig
  /** As OpenSSH writes it: `SHA256:…`. */
  readonly fingerprint: string
}

export async function openAuthority(config: SshConfig, io: Io): Promise<Authority> {
  const { instance, fingerprint } = await keyIn(config)
  const ledger = new IssueLedger(join(config.path, 'issued.db'))
  const authority: Authority = {
    config,
    io,
    instance,
    fingerprint,
    ledger,
    holder: 'principal',
    signs: 'certificate',
    mustBeOurs: ref => mustBeOurs(instance, ref),
    mustBeSame: () => mustBeSame(config, instance),
    publish: () => publishKrl(authority),
  }
  // A host refuses everybody whose list is not there.
  if (!(await isThere(join(config.path, 'krl')))) await publishKrl(authority)
  return authority
}

/** Raises CONFLICT where another authority's key lies there by now, UNREACHABLE where none does. */
async function mustBeSame(config: SshConfig, instance: string): Promise<void> {
  const now = await keyIn(config)
  if (now.instance !== instance)
    throw new FirebreakError(
      'CONFLICT',
      `${config.path} holds another authority’s key now: ${now.fingerprint}`,
      'Find out whose it is; connect it anew if it is meant.',
    )
}

async function keyIn({ path }: SshConfig): Promise<{ instance: string; fingerprint: string }> {
  let line: string
  try {
    line = await readFile(join(path, 'ca.pub'), 'utf8')
  } catch {
    throw new FirebreakError(
      'UNREACHABLE',
      `${join(path, 'ca.pub')} cannot be read`,
      'The public half of the authority’s key has to lie there; ssh-keygen makes one.',
    )
  }
  const blob = Buffer.from(/^[a-z0-9@.-]+ ([A-Za-z0-9+/]+={0,2})/.exec(line)?.[1] ?? '', 'base64')
  if (blob.length === 0)
    throw new FirebreakError('INVALID_CONFIG', `${join(path, 'ca.pub')} is no public key`)
  const digest = createHash('sha256').update(blob).digest()
  return {
    instance: digest.toString('hex'),
    fingerprint: `SHA256:${digest.toString('base64').replace(/=+$/, '')}`,
  }
}

/** The certificate for a public key, as one line. */
export async function sign(
  authority: Authority,
  line: string,
  about: { serial: string; keyId: string; principal: string; from: Ms; until: Ms },
): Promise<string> {
  const { config, io } = authority
  const key = join(config.path, 'ca')
  const onDisk = await isThere(key)
  return await withFolder(async folder => {
    const file = join(folder, 'key.pub')
    await writeFile(file, `${line}\n`)
    const { exit } = await run(
      'ssh-keygen',
      [
        '-q',
        // A key that is not there is in an agent, which may be a token's.
        ...(onDisk ? ['-s', key] : ['-U', '-s', `${key}.pub`]),
        '-I',
        about.keyId,
        '-n',
        about.principal,
        '-z',
        about.serial,
        '-V',
        `${timeText(about.from)}:${timeText(about.until)}`,
        file,
      ],
      { timeoutMs: config.timeoutMs, signal: io.signal },
    )
    if (exit !== 0)
      throw new FirebreakError(
        'DENIED',
        'ssh-keygen could not sign with the authority’s key',
        `Our account must be able to read ${key}, which has no passphrase; or an agent holds the key.`,
      )
    return (await readFile(join(folder, 'key-cert.pub'), 'utf8')).trim()
  })
}

/** Makes the list that hosts refuse by (`RevokedKeys`) what the book says. */
async function publishKrl({ config, io, ledger }: Authority): Promise<void> {
  await ledger.publish(join(config.path, 'krl'), io.now().getTime(), (refused, number) =>
    withFolder(async folder => {
      const [spec, krl] = [join(folder, 'spec'), join(folder, 'krl')]
      await writeFile(spec, refused.map(({ serial }) => `serial: ${serial}\n`).join(''))
      const { exit } = await run(
        'ssh-keygen',
        ['-q', '-k', '-f', krl, '-s', join(config.path, 'ca.pub'), '-z', String(number), spec],
        { timeoutMs: config.timeoutMs, signal: io.signal },
      )
      if (exit !== 0) throw new FirebreakError('UNREACHABLE', 'ssh-keygen could not make the revocation list')
      return await readFile(krl)
    }),
  )
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

/** In UTC, as the environment that it runs in says. */
function timeText(ms: Ms): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')
}

export function principalRef(instance: string, principal: string): Ref {
  return { system: 'ssh', instance, kind: 'principal', id: principal }
}

export function certificateRef(instance: string, serial: string, principal: string): CredentialRef {
  return {
    ...principalRef(instance, serial),
    kind: 'certificate',
    identity: principalRef(instance, principal),
  }
}

/** Raises UNSUPPORTED or CONFLICT for a reference to anything else. */
function mustBeOurs(instance: string, ref: Ref): void {
  if (ref.system !== 'ssh' || !['principal', 'certificate'].includes(ref.kind))
    throw new FirebreakError(
      'UNSUPPORTED',
      `${ref.system} ${ref.kind} is neither a principal nor a certificate`,
    )
  if (ref.instance !== instance)
    throw new FirebreakError(
      'CONFLICT',
      'the reference is to another authority',
      'Use the connection of that one.',
    )
  if (ref.kind === 'certificate' && !/^[1-9]\d{0,19}$/.test(ref.id))
    throw new FirebreakError(
      'UNSUPPORTED',
      `a certificate is known by its serial number here, and ${ref.id} is none that can be revoked`,
      'Have certificates signed with a serial number above 0 (ssh-keygen -z).',
    )
}
