import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { PostgresConfig } from './config.ts'

/** A message of eight bytes with the number 80877103 (PostgreSQL manual, Message Formats, SSLRequest). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/**
 * A socket on which the driver can begin, encrypted where the server offers that. The driver by itself only hangs up where it
 * does not; to connect once more costs the server another process for each session.
 */
export async function preferTls(
  { host, port, connectTimeoutMs }: PostgresConfig,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect({ host, port, signal })
  const timer = setTimeout(() => socket.destroy(new Error('timeout')), connectTimeoutMs)
  try {
    await happens(socket, 'connect')
    socket.write(SSL_REQUEST)
    const answer = await happens(socket, 'data')
    // More than one byte somebody has put in between: what we say next must not be answered in advance (CVE-2021-23222).
    const offers = Buffer.isBuffer(answer) && answer.length === 1 ? answer.toString('latin1') : ''
    if (offers !== 'S' && offers !== 'N') throw new Error('no server of PostgreSQL')
    return connected(offers === 'S' ? await encrypted(socket, host) : socket)
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Without checking whom it talks to, which is what `verify-full` is for. */
async function encrypted(socket: Socket, host: string): Promise<Socket> {
  const servername = isIP(host) === 0 ? host : undefined
  const secure = connectTls({ socket, rejectUnauthorized: false, ...(servername ? { servername } : {}) })
  await happens(secure, 'secureConnect')
  return secure
}

/** The driver connects what it is given: this is done already, which it is told when it has begun to listen. */
function connected(socket: Socket): Socket {
  socket.connect = () => {
    setImmediate(() => socket.emit('connect'))
    return socket
  }
  return socket
}

function happens(socket: Socket, event: 'connect' | 'data' | 'secureConnect'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (error?: Error) => settle(() => reject(error ?? new Error('the server hung up')))
    const done = (value: unknown) => settle(() => resolve(value))
    const hangUp = () => fail()
    const settle = (then: () => void) => {
      socket.off(event, done).off('error', fail).off('close', hangUp)
      then()
    }
    socket.on(event, done).on('error', fail).on('close', hangUp)
  })
}
