import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentialParts } from '../../act/broker/lease/credential-parts.ts'
import type { LeaseAddress } from '../../act/broker/client/broker-client.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { loginEnvironment, natsUrl } from './login-environment.ts'

/** What was leased, and where it is accepted; an access token nowhere in particular. */
export interface Given {
  readonly id: string
  readonly secret: Secret
  readonly at?: LeaseAddress | undefined
}

/** What a command is given its credential by. `remove` takes files away that were written for it. */
export interface Handed {
  readonly env: NodeJS.ProcessEnv
  /** A token that follows takes the other's place in its file. */
  replace(secret: Secret): Promise<void>
  remove(): Promise<void>
}

/** As the system's own programs read it: in the environment, and in files where they read keys from files only. */
export async function handOver({ secret, at, id }: Given): Promise<Handed> {
  const about = { FIREBREAK_LEASE: id }
  if (!at) return await handOverToken(about, secret)
  const [replace, remove] = [async () => {}, async () => {}]
  const parts = credentialParts(secret)
  const env = { ...about, FIREBREAK_USER: parts.user }
  if (at.system === 'nats') return await inCredentialsFile(env, at, secret)
  if (!('privateKey' in parts)) {
    const { user, password, sessionToken } = parts
    const own = loginEnvironment({ ...at, user, password, sessionToken })
    return { env: { ...env, FIREBREAK_PASSWORD: password, ...own }, replace, remove }
  }
  const folder = await ownFolder()
  // OpenSSH looks for a certificate beside its key, under this name.
  const [keyFile, certificateFile] = [join(folder, 'key'), join(folder, 'key-cert.pub')]
  await writeFile(keyFile, parts.privateKey, { mode: 0o600 })
  await writeFile(certificateFile, parts.certificate, { mode: 0o600 })
  const files = { FIREBREAK_KEY_FILE: keyFile, FIREBREAK_CERTIFICATE_FILE: certificateFile }
  const own = at.system === 'ssh' ? { GIT_SSH_COMMAND: `ssh -i ${keyFile} -o IdentitiesOnly=yes` } : {}
  return {
    env: { ...env, ...files, ...own },
    replace,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A command that runs for long finds the token that stands in a file; one that is over soon has it in its environment. */
async function handOverToken(about: NodeJS.ProcessEnv, secret: Secret): Promise<Handed> {
  const folder = await ownFolder()
  const file = join(folder, 'access-token')
  const replace = async (next: Secret) => {
    await writeFile(`${file}.next`, next.revealText(), { mode: 0o600 })
    // Whoever reads it finds the one or the other.
    await rename(`${file}.next`, file)
  }
  await replace(secret)
  const env = { ...about, FIREBREAK_ACCESS_TOKEN: secret.revealText(), FIREBREAK_ACCESS_TOKEN_FILE: file }
  return { env, replace, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** For the user alone, as mkdtemp makes it. */
async function ownFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'firebreak-lease-'))
}

/** A user's token and its key, in the file that all of NATS's clients read. */
async function inCredentialsFile(env: NodeJS.ProcessEnv, at: LeaseAddress, secret: Secret): Promise<Handed> {
  const folder = await ownFolder()
  const file = join(folder, 'user.creds')
  await writeFile(file, secret.reveal(), { mode: 0o600 })
  return {
    env: {
      ...env,
      NATS_URL: natsUrl(at),
      NATS_CREDS: file,
    },
    replace: async () => {},
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
