import { FirebreakError } from '../../core/contract/errors.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { RedisConfig } from './config.ts'

export interface Login {
  readonly user: string
  readonly password: Secret
  /** What CLIENT LIST shows as the connection's name. */
  readonly name: string
}

/** One physical connection, logged in. */
export interface Dialled {
  /** The server's number for this connection (CLIENT ID). */
  readonly id: string
  /** Bytes come as UTF-8 text. A refusal is the driver's ReplyError. */
  command(name: string, ...args: string[]): Promise<unknown>
  close(): Promise<void>
}

/**
 * Opens one connection and logs in with HELLO, which takes user, password and name in one command, and which neither
 * MONITOR nor the slow log shows. What the driver would do by itself is off: it neither logs in, nor tries again, nor
 * keeps what could not be sent.
 */
export async function dial(config: RedisConfig, login: Login, signal: AbortSignal): Promise<Dialled> {
  if (signal.aborted) throw new FirebreakError('UNREACHABLE', 'the call was cancelled')
  const { Redis } = await import('ioredis')
  const client = new Redis({
    host: config.host,
    port: config.port,
    lazyConnect: true,
    protocol: 2,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    disableClientInfo: true,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: config.connectTimeoutMs,
    commandTimeout: config.commandTimeoutMs,
    ...(config.tls === 'disable' ? {} : { tls: tlsOptions(config) }),
  })
  // What `connect()` rejects with says only that it is closed.
  let cause: unknown
  client.on('error', error => (cause ??= error))
  const cut = () => client.disconnect()
  signal.addEventListener('abort', cut, { once: true })
  const over = () => {
    signal.removeEventListener('abort', cut)
    client.disconnect()
  }
  try {
    await client.connect().catch((error: unknown) => {
      throw cause ?? error
    })
    const hello = await client.call(
      'HELLO',
      '2',
      'AUTH',
      login.user,
      Buffer.from(login.password.reveal()),
      'SETNAME',
      login.name,
    )
    return {
      id: idIn(hello),
      command: (name, ...args) => client.call(name, ...args),
      async close() {
        // Politely, so that the server has forgotten us when we go on; a peer that never answers must not hold us.
        const timer = setTimeout(cut, 1000)
        await client.quit().catch(() => {})
        clearTimeout(timer)
        over()
      },
    }
  } catch (error) {
    over()
    throw error
  }
}

function tlsOptions(config: RedisConfig) {
  return {
    rejectUnauthorized: config.tls === 'verify-full',
    // An address is no server name (RFC 6066, section 3).
    ...(/^[\d.]+$|:/.test(config.host) ? {} : { servername: config.host }),
    ...(config.tlsCa ? { ca: config.tlsCa } : {}),
    ...(config.tlsCert ? { cert: config.tlsCert } : {}),
    ...(config.tlsKey ? { key: Buffer.from(config.tlsKey.reveal()) } : {}),
  }
}

/** HELLO answers in pairs: server, version, proto, id, mode, role, modules. */
function idIn(hello: unknown): string {
  const pairs = Array.isArray(hello) ? hello : []
  return String(pairs[pairs.indexOf('id') + 1] ?? '')
}
