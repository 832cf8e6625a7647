import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { type BrokerStage, brokerStage } from '../broker-stage.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const BUNDLE = 'https://acme.example/bundle'
const JOB = 'spiffe://acme.example/ci/orders'

let home: string
let stage: BrokerStage

/** A key and a certificate of it, by an authority or by itself. */
function make(name: string, subject: string, more: readonly string[] = [], by?: string): void {
  const of = (file: string, end: string) => join(home, `${file}.${end}`)
  execFileSync(
    'openssl',
    [
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1'.split(' '),
      '-subj',
      subject,
      '-keyout',
      of(name, 'key'),
      '-out',
      of(name, 'pem'),
      ...more,
      ...(by === undefined ? [] : ['-CA', of(by, 'pem'), '-CAkey', of(by, 'key')]),
    ],
    { stdio: 'ignore' },
  )
}

const leaf = (names: string) => [
  '-addext',
  'basicConstraints=critical,CA:FALSE',
  '-addext',
  `subjectAltName=${names}`,
]

beforeAll(async () => {
  if (!hasOpenssl) return
  home = await mkdtemp(join(tmpdir(), 'firebreak-tls-'))
  make('authority', '/CN=authority')
  make('other', '/CN=other')
  make('server', '/CN=server', leaf('IP:127.0.0.1'), 'authority')
  make('svid', '/CN=anything', leaf(`URI:${JOB}`), 'authority')
  make('two', '/CN=build-7', leaf(`URI:${JOB},URI:spiffe://acme.example/ci/more`), 'authority')
  make('outside', '/CN=build-7', leaf('URI:spiffe://acme.example/web'), 'authority')
  make('named', '/CN=build-7', leaf('DNS:build-7'), 'authority')
  const names = ['[req]', 'distinguished_name=dn', '[dn]', '[own]', 'basicConstraints=critical,CA:FALSE']
  const comma = [...names, 'subjectAltName=@names', '[names]', `DNS.1=a, URI:${JOB}, b`, '']
  await writeFile(join(home, 'comma.cnf'), comma.join('\n'))
  make('comma', '/CN=else', ['-config', join(home, 'comma.cnf'), '-extensions', 'own'], 'authority')
  make('forged', '/CN=build-7', leaf(`URI:${JOB}`), 'other')
})
afterAll(async () => {
  if (hasOpenssl) await rm(home, { recursive: true, force: true })
})

beforeEach(async () => {
  if (!hasOpenssl) return
  const { db } = await openOwnStore()
  const config = `
tls:
  certificate: ${join(home, 'server.pem')}
  key: ${join(home, 'server.key')}
  clients: ${join(home, 'authority.pem')}
  subjects: ["spiffe://acme.example/ci/*", build-7]
trustDomains:
  - { name: acme.example, bundle: "${BUNDLE}", subjects: ["spiffe://acme.example/ci/*"] }
leases:
  - { name: api, audience: "https://reports.example", scopes: [read], ttl: 100s }
`
  const policies = { 'all.cedar': 'permit(principal, action, resource);' }
  stage = await brokerStage(db, new Connections([], testKeys, realIo()), { config, policies })
})
afterEach(async () => {
  if (hasOpenssl) await stage.close()
})

interface Answered {
  readonly status: number
  readonly body: { readonly [name: string]: unknown }
}

async function post(path: string, body: object, by?: string, authorization?: string): Promise<Answered> {
  const pem = async (file: string) => await readFile(join(home, file))
  const isForm = path !== '/leases'
  const identity = by === undefined ? {} : { cert: await pem(`${by}.pem`), key: await pem(`${by}.key`) }
  const ca = await pem('authority.pem')
  return await new Promise((resolve, reject) => {
    const sent = request(
      `${stage.url}${path}`,
      {
        method: 'POST',
        ca,
        ...identity,
        agent: false,
        headers: {
          'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
          ...(authorization !== undefined && { authorization: `Bearer ${authorization}` }),
        },
      },
      answer => {
        let text = ''
        answer.on('data', (piece: Buffer) => (text += piece.toString('utf8')))
        answer.on('end', () => resolve({ status: answer.statusCode!, body: JSON.parse(text) as never }))
      },
    )
    sent.on('error', reject)
    sent.end(isForm ? new URLSearchParams(body as never).toString() : JSON.stringify(body))
  })
}

test.skipIf(!hasOpenssl)('over TLS a certificate says who asks, and its tokens are bound to it', async () => {
  expect(stage.url).toMatch(/^https:/)
  const { status, body } = await post('/leases', { name: 'api', scopes: ['read'] }, 'svid')
  expect(status, JSON.stringify(body)).toBe(201)
  expect(body['lease']).toMatchObject({ workload: { issuer: 'x509', subject: JOB } })
  const token = body['accessToken'] as string
  const { raw } = new X509Certificate(await readFile(join(home, 'svid.pem')))
  expect(decodeJwt(token)['cnf']).toEqual({
    'x5t#S256': createHash('sha256').update(raw).digest('base64url'),
  })
  const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN }
  expect((await post('/token', form, 'svid')).status).toBe(200)
  expect((await post('/token', form)).body['error']).toBe('invalid_request')
  const named = await post('/token', { grant_type: 'client_credentials', client_id: 'build-7' }, 'named')
  expect(decodeJwt(named.body['access_token'] as string)['sub']).toBe('build-7')
  const other = await post('/token', { grant_type: 'client_credentials', client_id: 'other' }, 'named')
  expect(other.body['error']).toBe('invalid_client')
})

test.skipIf(!hasOpenssl)(
  'another authority, two names or a name that may not come prove nothing',
  async () => {
    for (const by of ['forged', 'two', 'outside', 'comma', 'authority', undefined])
      expect(await post('/leases', { name: 'api' }, by), by).toMatchObject({
        status: 401,
        body: { error: 'invalid_token' },
      })
  },
)

test.skipIf(!hasOpenssl)('a JWT-SVID is taken by the bundle of its trust domain', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', use: 'jwt-svid' }
  stage.network.answers[BUNDLE] = () => Response.json({ keys: [jwk], spiffe_sequence: 1 })
  const svid = async (subject: string, audience = 'https://broker.example', expires = '5m') =>
    await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setSubject(subject)
      .setAudience(audience)
      .setExpirationTime(expires)
      .sign(privateKey)
  const good = await svid(JOB)
  const { status, body } = await post('/leases', { name: 'api' }, undefined, good)
  expect(status, JSON.stringify(body)).toBe(201)
  expect(body['lease']).toMatchObject({ workload: { issuer: 'spiffe://acme.example', subject: JOB } })
  const cases = [
    good,
    await svid('spiffe://acme.example/web'),
    await svid('spiffe://evil.example/ci/orders'),
    await svid(JOB, 'https://else.example'),
    await svid(JOB, 'https://broker.example', '2d'),
    await svid(JOB, 'https://broker.example', '-5m'),
  ]
  for (const [index, token] of cases.entries())
    expect((await post('/leases', { name: 'api' }, undefined, token)).status, `${index}`).toBe(401)
})
