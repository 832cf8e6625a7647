import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transportOf } from '../../../src/connectors/kubernetes/transport.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { selfSigned } from '../../self-signed.ts'

describe('the transport', () => {
  let ofServer: { certificate: string; key: string }
  let ofClient: typeof ofServer
  let server: Server
  let url: URL

  beforeAll(async () => {
    ;[ofServer, ofClient] = await Promise.all([selfSigned('server'), selfSigned('client')])
    const options = {
      cert: ofServer.certificate,
      key: ofServer.key,
      ca: ofClient.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    }
    server = createServer(options, (asked, answer) => {
      const shown = (asked.socket as TLSSocket).authorized
      if (asked.url === '/empty') return answer.writeHead(204).end()
      answer.writeHead(200, { 'content-type': 'application/json' })
      answer.end(JSON.stringify({ shown, token: asked.headers.authorization ?? null, method: asked.method }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/x`)
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })

  const access = (ca: string | undefined) => ({
    server: url,
    ca,
    token: undefined,
    clientCertificate: ofClient.certificate,
    clientKey: new Secret(ofClient.key),
  })
  const init = () => ({
    method: 'GET',
    headers: { authorization: 'Bearer t' },
    signal: AbortSignal.timeout(60_000),
  })

  test('trusts the given authority, and shows our certificate', async () => {
    const answer = await transportOf(access(ofServer.certificate), fetch, { bare: false })(url, init())
    expect(await answer.json()).toEqual({ shown: true, token: 'Bearer t', method: 'GET' })
  })

  test('shows none beside another’s token', async () => {
    const answer = await transportOf(access(ofServer.certificate), fetch, { bare: true })(url, init())
    expect(await answer.json()).toMatchObject({ shown: false, token: 'Bearer t' })
  })

  test('talks to nobody whom the authority does not vouch for', async () => {
    const stranger = transportOf(access(ofClient.certificate), fetch, { bare: false })
    await expect(stranger(url, init())).rejects.toThrow()
  })

  test('takes an answer without a body', async () => {
    const answer = await transportOf(access(ofServer.certificate), fetch, { bare: false })(
      new URL('/empty', url),
      init(),
    )
    expect(answer.status).toBe(204)
  })

  test('without an authority or certificate of our own it is fetch, which follows nobody elsewhere', async () => {
    const asked: unknown[] = []
    const plain = (async (_: unknown, given: unknown) => {
      asked.push(given)
      return new Response('{}')
    }) as typeof fetch
    const own = { ...access(undefined), clientCertificate: undefined, clientKey: undefined }
    await transportOf(own, plain, { bare: false })(url, init())
    expect(asked).toEqual([expect.objectContaining({ redirect: 'manual' })])
  })
})
