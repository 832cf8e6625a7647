import type { Client } from 'pg'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { OWN_AGENT } from '../../core/contract/use.ts'
import type { PostgresConfig } from './config.ts'
import { preferTls } from './prefer-tls.ts'

/** How far the server let us in: what the protocol showed, whichever words an error then used. */
export interface LoginTrace {
  /** The server asked for a password, and how. */
  asked: 'scram' | 'md5' | 'cleartext' | undefined
  /** AuthenticationOk came: whoever we claim to be, we are it (PostgreSQL manual, Message Flow, Start-up). */
  authenticated: boolean
}

export interface Login {
  readonly user: string
  readonly password: Secret
  readonly database: string
}

export interface Dialled {
  readonly client: Client
  close(): Promise<void>
}

/**
 * Opens one physical connection. `trace` is filled while the server lets us in, so that it can be read also when
 * this throws. Everything is given explicitly: what is left out, the driver would take from PG* variables.
 */
export async function dial(
  config: PostgresConfig,
  login: Login,
  signal: AbortSignal,
  trace: LoginTrace = { asked: undefined, authenticated: false },
): Promise<Dialled> {
  if (signal.aborted) throw new FirebreakError('UNREACHABLE', 'the call was cancelled')
  const stream = config.tls === 'prefer' ? await preferTls(config, signal) : undefined
  const pg = (await import('pg')).default
  const client = new pg.Client({
    host: config.host,
    port: config.port,
    user: login.user,
    database: login.database,
    // Given as a function, so that the driver never falls back to a password file.
    password: async () => login.password.revealText(),
    ...(stream ? { stream: () => stream } : {}),
    ssl:
      stream || config.tls === 'disable'
        ? false
        : {
            rejectUnauthorized: config.tls === 'verify-full',
            ...(config.tlsCa ? { ca: config.tlsCa } : {}),
          },
    application_name: OWN_AGENT,
    connectionTimeoutMillis: config.connectTimeoutMs,
    query_timeout: config.statementTimeoutMs + 5000,
    keepAlive: true,
  })
  // An idle connection that breaks would otherwise end the process; the next query reports it.
  client.on('error', () => {})
  const { connection } = client as unknown as { connection: WireConnection }
  connection.on('authenticationSASL', () => (trace.asked = 'scram'))
  connection.on('authenticationMD5Password', () => (trace.asked = 'md5'))
  connection.on('authenticationCleartextPassword', () => (trace.asked = 'cleartext'))
  connection.on('authenticationOk', () => (trace.authenticated = true))

  const cut = () => connection.stream.destroy()
  signal.addEventListener('abort', cut, { once: true })
  const close = async () => {
    signal.removeEventListener('abort', cut)
    // A peer that never hangs up must not hold us: a polite end, then the cut.
    const timer = setTimeout(cut, 1000)
    await client.end().catch(() => {})
    clearTimeout(timer)
  }
  try {
    await client.connect()
    return { client, close }
  } catch (error) {
    cut()
    signal.removeEventListener('abort', cut)
    throw error
  }
}

/** The part of the driver's wire connection that we listen to; its types leave it out. */
interface WireConnection {
  on(event: string, listener: () => void): void
  readonly stream: { destroy(): void }
}
