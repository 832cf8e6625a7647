import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { MemoryAzure } from '../../../src/connectors/azure/memory.ts'

/** The hosts that the twin knows itself by, each under a path of its own. */
const HOSTS: readonly (readonly [path: string, host: string])[] = [
  ['login', 'login.microsoftonline.com'],
  ['graph', 'graph.microsoft.com'],
  ['arm', 'management.azure.com'],
]

/** The twin on a port of this machine, over HTTP; what configures a connection to it. */
export async function listen(twin: MemoryAzure) {
  const server = createServer((request, response) => {
    void buffer(request)
      .then(body => {
        const path = request.url ?? ''
        const [, vault, rest] = /^\/vaults\/([^/]+)(\/.*)$/.exec(path) ?? []
        const [first = '', host] = HOSTS.find(([start]) => path.startsWith(`/${start}/`)) ?? []
        const url =
          vault === undefined
            ? `https://${host}${path.slice(first.length + 1)}`
            : `https://${vault}.vault.azure.net${rest}`
        const {
          status,
          body: answer,
          retryAfter,
        } = twin.answer({
          method: request.method ?? 'GET',
          url: new URL(url),
          authorization: request.headers.authorization ?? '',
          body: body.toString('utf8'),
        })
        response.statusCode = status
        if (retryAfter !== undefined) response.setHeader('Retry-After', retryAfter)
        response.setHeader('Content-Type', 'application/json')
        response.end(status === 204 ? undefined : here(JSON.stringify(answer)))
      })
      // What breaks off has no answer.
      .catch(() => request.socket.destroy())
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const here = (text: string) =>
    HOSTS.reduce((text, [path, host]) => text.replaceAll(`https://${host}/`, `${origin}/${path}/`), text)
      // An issuer is a name, and no address.
      .replaceAll(`"issuer":"${origin}/login/`, '"issuer":"https://login.microsoftonline.com/')
      .replace(/"nextLink":"https:\/\/([a-z0-9-]+)\.vault\.azure\.net\//g, `"nextLink":"${origin}/vaults/$1/`)
  return {
    config: {
      login: `${origin}/login`,
      graph: `${origin}/graph`,
      arm: `${origin}/arm`,
      vaults: `${origin}/vaults/{vault}`,
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
