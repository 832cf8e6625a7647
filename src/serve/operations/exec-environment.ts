import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentialParts } from '../../act/broker/credential-parts.ts'
import type { Granted } from '../../act/broker/lease.ts'

/** What a command is given its credential by. `remove` takes files away that were written for it. */
export interface Handed {
  readonly env: NodeJS.ProcessEnv
  remove(): Promise<void>
}

/** As the system's own programs read it: in the environment, and in files where they read keys from files only. */
export async function handOver({ secret, at, lease }: Granted): Promise<Handed> {
  const about = { FIREBREAK_LEASE: lease.id }
  const remove = async () => {}
  if (!at) return { env: { ...about, FIREBREAK_ACCESS_TOKEN: secret.revealText() }, remove }
  const parts = credentialParts(secret)
  const env = { ...about, FIREBREAK_USER: parts.user }
  if (parts.privateKey === undefined) {
    const { user, password } = parts
    const own = passwordEnvironment[at.system]?.({ ...at, port: text(at.port), user, password })
    return { env: { ...env, FIREBREAK_PASSWORD: password, ...own }, remove }
  }
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-lease-'))
  // OpenSSH looks for a certificate beside its key, under this name.
  const [keyFile, certificateFile] = [join(folder, 'key'), join(folder, 'key-cert.pub')]
  await writeFile(keyFile, parts.privateKey, { mode: 0o600 })
  await writeFile(certificateFile, parts.certificate, { mode: 0o600 })
  const files = { FIREBREAK_KEY_FILE: keyFile, FIREBREAK_CERTIFICATE_FILE: certificateFile }
  const own = at.system === 'ssh' ? { GIT_SSH_COMMAND: `ssh -i ${keyFile} -o IdentitiesOnly=yes` } : {}
  return {
    env: { ...env, ...files, ...own },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

interface Login {
  readonly host?: string | undefined
  readonly port: string | undefined
  readonly database?: string | undefined
  readonly user: string
  readonly password: string
}

const passwordEnvironment: Readonly<Record<string, (login: Login) => NodeJS.ProcessEnv>> = {
  postgres: ({ host, port, database, user, password }) => ({
    PGHOST: host,
    PGPORT: port,
    PGDATABASE: database,
    PGUSER: user,
    PGPASSWORD: password,
  }),
  redis: ({ host, port, user, password }) => ({
    REDIS_HOST: host,
    REDIS_PORT: port,
    REDIS_USER: user,
    REDIS_PASSWORD: password,
    REDISCLI_AUTH: password,
  }),
  mariadb: ({ host, port, user, password }) => ({
    MYSQL_HOST: host,
    MYSQL_TCP_PORT: port,
    MYSQL_USER: user,
    MYSQL_PWD: password,
  }),
}

function text(port: number | undefined): string | undefined {
  return port === undefined ? undefined : String(port)
}
