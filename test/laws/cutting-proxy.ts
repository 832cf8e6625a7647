import { createServer, connect, type Socket } from 'node:net'

/**
 * Where a connection is cut: `before` the message is passed on, `after`, so that only the answer is lost, or `held` before it, so
 * that the server does not hear either that its client is gone.
 */
type Cut = 'before' | 'after' | 'held'

/** A TCP proxy that counts the messages of a protocol going to the server, and can cut one of them off. */
export interface CuttingProxy {
  readonly port: number
  /** Cuts at the n-th message from now. */
  failAt(message: number, when: Cut): void
  noFault(): void
  /** Messages that count, passed on or cut since the last `failAt` or `noFault`. */
  count(): number
  close(): Promise<void>
}

/** Splits what a client sends into whole messages; one for each connection. */
type Framing = () => (chunk: Buffer) => Buffer[]

export async function cuttingProxy(
  targetPort: number,
  framing: Framing = postgresMessages,
  counts: (message: Buffer) => boolean = () => true,
): Promise<CuttingProxy> {
  let seen = 0
  let fault: { at: number; when: Cut } | undefined
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    upstream.pipe(client)
    // Nobody behind the proxy is nobody at all.
    upstream.on('error', () => client.destroy())
    client.on('end', () => upstream.end())
    client.on('close', () => upstream.end())
    const frames = framing()
    let cut = false
    client.on('data', chunk => {
      for (const message of frames(chunk)) {
        if (cut) return
        if (counts(message)) seen++
        if (fault?.at !== seen) {
          upstream.write(message)
          continue
        }
        const { when } = fault
        fault = undefined
        cut = true
        upstream.unpipe(client)
        // The end follows the message: the server carries it out, then finds nobody to answer.
        if (when === 'after') upstream.end(message)
        else if (when === 'before') upstream.destroy()
        else client.removeAllListeners('close')
        client.destroy()
      }
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('no port was assigned')
  const reset = () => {
    seen = 0
    fault = undefined
  }
  return {
    port: address.port,
    failAt(message, when) {
      reset()
      fault = { at: message, when }
    },
    noFault: reset,
    count: () => seen,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** PostgreSQL's: the first has a length only, each later one a type before it. */
function postgresMessages(): (chunk: Buffer) => Buffer[] {
  let buffer = Buffer.alloc(0)
  let started = false
  return chunk => {
    buffer = Buffer.concat([buffer, chunk])
    const whole: Buffer[] = []
    for (;;) {
      const header = started ? 1 : 0
      if (buffer.length < header + 4) return whole
      const length = header + buffer.readInt32BE(header)
      if (buffer.length < length) return whole
      whole.push(buffer.subarray(0, length))
      buffer = buffer.subarray(length)
      started = true
    }
  }
}

/** Redis's: arrays of strings, each with its length before it (RESP, Sending commands to a Redis server). */
export function redisMessages(): (chunk: Buffer) => Buffer[] {
  let buffer = Buffer.alloc(0)
  const endOf = (): number | undefined => {
    let at = 0
    const count = (): number | undefined => {
      const end = buffer.indexOf('\r\n', at)
      if (end < 0) return undefined
      const number = Number(buffer.toString('latin1', at + 1, end))
      at = end + 2
      return number
    }
    const parts = count()
    if (parts === undefined) return undefined
    for (let part = 0; part < parts; part++) {
      const length = count()
      if (length === undefined) return undefined
      at += length + 2
    }
    return at <= buffer.length ? at : undefined
  }
  return chunk => {
    buffer = Buffer.concat([buffer, chunk])
    const whole: Buffer[] = []
    for (let end = endOf(); end !== undefined && buffer.length > 0; end = endOf()) {
      whole.push(buffer.subarray(0, end))
      buffer = buffer.subarray(end)
    }
    return whole
  }
}

/** MariaDB's: the length of each stands before it, in three bytes, and its number. */
export function mariadbMessages(): (chunk: Buffer) => Buffer[] {
  let buffer = Buffer.alloc(0)
  return chunk => {
    buffer = Buffer.concat([buffer, chunk])
    const whole: Buffer[] = []
    for (;;) {
      const length = buffer.length < 4 ? Number.POSITIVE_INFINITY : 4 + buffer.readUIntLE(0, 3)
      if (buffer.length < length) return whole
      whole.push(buffer.subarray(0, length))
      buffer = buffer.subarray(length)
    }
  }
}

/** NATS's: lines, and after that of a message as many bytes as it says last. */
export function natsMessages(): (chunk: Buffer) => Buffer[] {
  let buffer = Buffer.alloc(0)
  return chunk => {
    buffer = Buffer.concat([buffer, chunk])
    const whole: Buffer[] = []
    for (;;) {
      const line = buffer.indexOf('\r\n') + 2
      if (line < 2) return whole
      const size = /^H?PUB .* (\d+)\r\n$/i.exec(buffer.toString('latin1', 0, line))?.[1]
      const length = size === undefined ? line : line + Number(size) + 2
      if (buffer.length < length) return whole
      whole.push(buffer.subarray(0, length))
      buffer = buffer.subarray(length)
    }
  }
}
