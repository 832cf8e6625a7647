import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it arrived. */
interface Arrived {
  readonly host: string
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Answer = (request: Arrived, response: ServerResponse, count: number) => void

/** A real HTTP server that stands for every vendor: what is sent to any host arrives here. */
export interface VendorServer {
  readonly fetch: typeof fetch
  readonly arrived: Arrived[]
  answer: Answer
  /** The most requests that were open at once. */
  readonly mostAtOnce: number
  stop(): Promise<void>
}

export async function startVendors(): Promise<VendorServer> {
  const arrived: Arrived[] = []
  let open = 0
  let mostAtOnce = 0
  const server = createServer(async (message, response) => {
    mostAtOnce = Math.max(mostAtOnce, ++open)
    response.on('close', () => open--)
    const parts: Buffer[] = []
    for await (const part of message) parts.push(part as Buffer)
    const request = {
      host: String(message.headers['x-asked-host']),
      method: message.method ?? '',
      path: message.url ?? '',
      headers: message.headers,
      body: Buffer.concat(parts).toString('utf8'),
    }
    arrived.push(request)
    vendors.answer(request, response, arrived.length)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const vendors: VendorServer = {
    arrived,
    answer: (_, response) => response.writeHead(500).end(),
    get mostAtOnce() {
      return mostAtOnce
    },
    fetch: (async (input, init) => {
      const url = new URL(String(input))
      if (url.protocol !== 'https:') throw new Error(`a call without TLS to ${url.host}`)
      const headers = { ...(init?.headers as Record<string, string>), 'x-asked-host': url.host }
      return await fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`, { ...init, headers })
    }) satisfies typeof fetch,
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return vendors
}

/** Answers with this status, and with JSON where there is some. */
export function reply(
  response: ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  response.end(body === undefined ? '' : JSON.stringify(body))
}
