import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { whyRefused } from '../../core/contract/certified.ts'
import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { newSshKey } from '../../core/contract/new-ssh-key.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Authority } from './authority.ts'
import { run, withFolder } from './program.ts'

/** A key as OpenSSH writes it, and the certificate after it. */
const KEY_AND_CERTIFICATE =
  /^(-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]*PRIVATE KEY-----\n)(\S+-cert-v01@openssh\.com [A-Za-z0-9+/]+={0,2}(?: [^\n]*)?\n)$/

/**
 * Logs in at the host, as far as being let in: no session is opened and nothing is run. First a key is offered that nobody knows:
 * a host that takes that one tells nothing.
 */
export async function verify(authority: Authority, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  authority.mustBeOurs(ref)
  try {
    await authority.mustBeSame()
    if (!secret) return { state: 'unknown', why: 'There is no certificate to try.' }
    const [, key, certificate] = KEY_AND_CERTIFICATE.exec(secret.revealText()) ?? []
    if (!key || !certificate) return { state: 'unknown', why: 'It is no key with its certificate.' }
    const account = authority.config.login ?? ref.identity?.id ?? ref.id
    const answer = await offer(authority, account, key, certificate)
    const at = `${authority.config.host}:${authority.config.port}`
    if (answer === 'let in')
      return {
        state: 'live',
        why: `${at} let it in as ${account}.`,
        access: [`logs in at ${at} as ${account}`],
      }
    if (answer !== 'refused') return { state: 'unknown', why: answer.why }
    return { state: 'dead', why: `${at} refused it as ${account}: ${whyRefused(authority, ref)}.` }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

type Answer = 'let in' | 'refused' | { readonly why: string }

async function offer(
  { config, io }: Authority,
  account: string,
  key: string,
  certificate: string,
): Promise<Answer> {
  return await withFolder(async folder => {
    const file = (name: string) => join(folder, name)
    await writeFile(file('nobodys'), newSshKey('firebreak', io.random).privateKey, { mode: 0o600 })
    await writeFile(file('key'), key, { mode: 0o600 })
    await writeFile(file('certificate'), certificate)
    await writeFile(file('hosts'), `host ${config.hostKey}\n`)
    const settings = {
      BatchMode: 'yes',
      IdentitiesOnly: 'yes',
      IdentityAgent: 'none',
      CertificateFile: file('certificate'),
      PreferredAuthentications: 'publickey',
      HostKeyAlias: 'host',
      UserKnownHostsFile: file('hosts'),
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      UpdateHostKeys: 'no',
      ControlPath: 'none',
      ClearAllForwardings: 'yes',
      ConnectTimeout: String(Math.ceil(config.timeoutMs / 1000)),
      LogLevel: 'DEBUG1',
    }
    const { said } = await run(
      'ssh',
      [
        '-F',
        '/dev/null',
        '-N',
        '-T',
        '-n',
        '-l',
        account,
        '-p',
        String(config.port),
        '-i',
        file('nobodys'),
        '-i',
        file('key'),
        ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
        '--',
        config.host,
      ],
      { until: AUTHENTICATED, timeoutMs: config.timeoutMs * 2, signal: io.signal },
    )
    if (said.includes(`Server accepts key: ${file('nobodys')}`)) return { why: 'The host lets any key in.' }
    if (AUTHENTICATED.test(said)) return 'let in'
    if (/^(?:\S+: )?Permission denied \(/m.test(said)) return 'refused'
    return { why: `No verdict: ${trouble(said)}.` }
  })
}

const AUTHENTICATED = /^Authenticated to .* using "publickey"/m

function trouble(said: string): string {
  if (/Host key verification failed/.test(said)) return 'the host has another key than it was connected with'
  if (/Connection refused/.test(said)) return 'nobody answers there'
  if (/timed out|No route to host|Could not resolve/.test(said)) return 'the host cannot be reached'
  return 'the connection broke off'
}
