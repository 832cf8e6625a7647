import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transportOf } from '../../../src/connectors/kubernetes/transport.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

/** ITU-T X.690, as much as a certificate needs. */
function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
const oid = (...bytes: number[]) => der(0x06, Buffer.from(bytes))
const ECDSA_SHA256 = der(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
const name = (common: string) =>
  der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(common)))))
const time = (text: string) => der(0x18, Buffer.from(text))

/** A certificate that is its own authority, for 127.0.0.1. */
function selfSigned(common: string): { certificate: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = der(0x30, oid(0x55, 0x1d, 0x13), der(0x04, der(0x30, der(0x01, Buffer.from([0xff])))))
  const alternative = der(
    0x30,
    oid(0x55, 0x1d, 0x11),
    der(0x04, der(0x30, der(0x87, Buffer.from([127, 0, 0, 1])))),
  )
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ECDSA_SHA256,
    name(common),
    der(0x30, time('20200101000000Z'), time('20991231235959Z')),
    name(common),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, isAuthority, alternative)),
  )
  const whole = der(0x30, body, ECDSA_SHA256, der(0x03, Buffer.from([0]), signed(body, privateKey)))
  const certificate = `-----BEGIN CERTIFICATE-----\n${Buffer.from(whole).toString('base64')}\n-----END CERTIFICATE-----\n`
  return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function signed(body: Uint8Array, key: KeyObject): Uint8Array {
  return sign('sha256', body, createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' })))
}

describe('the transport', () => {
  const [ofServer, ofClient] = [selfSigned('server'), selfSigned('client')]
  let server: Server
  let url: URL

  beforeAll(async () => {
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
    signal: AbortSignal.timeout(10_000),
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
