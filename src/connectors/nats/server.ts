import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import {
  type Authenticator,
  AuthorizationError,
  ClosedConnectionError,
  connect,
  ConnectionError,
  credsAuthenticator,
  type Msg,
  type NatsConnection,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
  type TlsOptions,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import type { NatsConfig } from './config.ts'

interface Where {
  readonly config: NatsConfig
  readonly io: Io
  readonly logIn: LogIn
}

export type Answer = Pick<Msg, 'data' | 'json' | 'string'>

/** What is used of the driver's connection. */
export interface Opened extends Pick<NatsConnection, 'flush' | 'closed' | 'isClosed' | 'close'> {
  request(...asked: Parameters<NatsConnection['request']>): Promise<Answer>
  requestMany(...asked: Parameters<NatsConnection['requestMany']>): Promise<AsyncIterable<Answer>>
}

/** Logs in once, or rejects as the driver does. */
export type LogIn = (config: NatsConfig, authenticator: Authenticator) => Promise<Opened>

/** At a real server. What fails is not tried again. Wherever TLS is spoken the server's certificate has to hold. */
export const logIn: LogIn = async (config, authenticator) => {
  const { host, port, timeoutMs } = config
  return await connect({
    servers: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    authenticator,
    name: 'firebreak',
    timeout: timeoutMs,
    reconnect: false,
    maxReconnectAttempts: 0,
    ignoreClusterUpdates: true,
    noRandomize: true,
    // The driver takes options as a demand, and sends nothing to a server that does not meet it.
    ...((config.tls || config.tlsCa !== undefined) && { tls: tlsOptions(config) }),
  })
}

function tlsOptions({
  host,
  tlsCa,
  tlsCert,
  tlsKey,
}: NatsConfig): TlsOptions & Pick<ConnectionOptions, 'checkServerIdentity'> {
  return {
    // The driver gives no name where the host is an address, and Node would look for localhost then.
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    ...(tlsCa !== undefined && { ca: tlsCa }),
    ...(tlsCert !== undefined && { cert: tlsCert }),
    ...(tlsKey && { key: tlsKey.revealText() }),
  }
}

/** Does something with a connection, which is closed after it, or as soon as the caller is told to stop. */
export async function whileOpen<T>(
  { io }: Pick<Where, 'io'>,
  connection: Opened,
  use: (connection: Opened) => Promise<T>,
): Promise<T> {
  const stop = () => void connection.close().catch(() => {})
  io.signal.addEventListener('abort', stop, { once: true })
  try {
    return await use(connection)
  } finally {
    io.signal.removeEventListener('abort', stop)
    await connection.close().catch(() => {})
  }
}

/**
 * Until the server has answered. The driver lets a flush wait for ever where the server cuts off at that very moment, as it does when a
 * user's time is over, and where it never answers.
 */
export async function answered(connection: Opened, timeoutMs: number): Promise<void> {
  const flushed = connection.flush()
  const gone = connection.closed().then(error => {
    throw error ?? new ClosedConnectionError()
  })
  // Whichever comes later is of no interest.
  for (const each of [flushed, gone]) each.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError()), timeoutMs)
  })
  try {
    await Promise.race([flushed, gone, late])
  } finally {
    clearTimeout(timer)
  }
}

/** True where a server said that it does not let in who asks, and not that it could not be reached. */
export function isRefusal(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++)
    if (at instanceof AuthorizationError || at instanceof UserAuthenticationExpiredError) return true
  return false
}

/** Our own user's connection: one for all that is asked, opened again where it broke. */
export class System {
  readonly #where: Where
  readonly #credentials: () => Promise<Uint8Array>
  #opened: Promise<Opened> | undefined

  constructor(where: Where, credentials: () => Promise<Uint8Array>) {
    this.#where = where
    this.#credentials = credentials
    where.io.signal.addEventListener('abort', () => void this.close(), { once: true })
  }

  async ask<T>(doing: string, use: (connection: Opened) => Promise<T>): Promise<T> {
    const opened = await this.#opened?.catch(() => undefined)
    if (!opened || opened.isClosed()) this.#opened = undefined
    const now = (this.#opened ??= this.#open())
    try {
      return await use(await now)
    } catch (error) {
      const failure = asFailure(error, doing)
      // What was asked may not have arrived; and who is refused is not asked with again.
      if (['UNREACHABLE', 'DENIED'].includes(failure.code) && this.#opened === now) await this.close()
      throw failure
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.then(connection => connection.close()).catch(() => {})
  }

  async #open(): Promise<Opened> {
    const { logIn: way, config } = this.#where
    return await way(config, credsAuthenticator(await this.#credentials()))
  }
}

/** As ours; the driver's text is passed on to nobody. */
function asFailure(error: unknown, doing: string): FirebreakError {
  if (isFirebreakError(error)) return error
  if (error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders()))
    return new FirebreakError(
      'UNSUPPORTED',
      `${doing}: nobody answers that at the server`,
      'Firebreak’s own user has to be one of the system account, and the resolver one of type full.',
    )
  const isForbidden = error instanceof RequestError && error.cause instanceof PermissionViolationError
  if (isForbidden || isRefusal(error))
    return new FirebreakError(
      'DENIED',
      `${doing}: the server refused our own user`,
      'system.creds has to be those of a user of the operator’s system account.',
    )
  const noTls = error instanceof ConnectionError && error.message.endsWith("'tls'")
  const why = noTls ? 'the server speaks no TLS, which is demanded' : networkReason(error)
  return new FirebreakError('UNREACHABLE', `${doing}: ${why}`)
}
