import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { Provider } from 'oidc-provider'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attest } from '../../../../src/act/broker/attest/attest.ts'
import { readBrokerConfig } from '../../../../src/act/broker/broker-config.ts'
import { IssuerKeys } from '../../../../src/act/broker/attest/issuer-keys.ts'
import { makeJoinToken } from '../../../../src/act/broker/attest/join-token.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../broker-stage.ts'

const CONFIG = `
issuers:
  - { issuer: "${ISSUER}", subjects: ['job:*', 'exactly:this'] }
leases:
  - { name: api:reports, audience: https://reports.example, ttl: 60s }
`
const POLICIES = { 'all.cedar': 'permit(principal, action, resource);' }
const KEYS = `${ISSUER}/keys`
const METADATA = `${ISSUER}/.well-known/openid-configuration`

let stage: BrokerStage
let now: number
let db: Awaited<ReturnType<typeof openOwnStore>>['db']

beforeEach(async () => {
  now = Date.UTC(2026, 4, 1)
  ;({ db } = await openOwnStore())
  const text = { config: CONFIG, policies: POLICIES }
  stage = await brokerStage(db, new Connections([], testKeys, realIo()), text, { now: () => new Date(now) })
})
afterEach(() => stage.close())

async function present(token: string): Promise<{ status: number; error: unknown; why: unknown }> {
  const { status, body } = await stage.post('/leases', token, { name: 'api:reports' })
  return { status, error: body['error'], why: body['error_description'] }
}

const refused = (why: RegExp, error = 'invalid_token', status = 401) => ({
  status,
  error,
  why: expect.stringMatching(why),
})

test('a token of a configured issuer is taken, once', async () => {
  const token = await stage.token()
  expect(await present(token)).toMatchObject({ status: 201 })
  expect(await present(token)).toEqual(refused(/presented before/))
  // Another signature over the same `jti` is the same token.
  expect(await present(await stage.token({ jti: 'same' }))).toMatchObject({ status: 201 })
  expect(await present(await stage.token({ jti: 'same', more: 1 }))).toEqual(refused(/presented before/))
  expect(await present(await stage.token({ sub: 'exactly:this' }))).toMatchObject({ status: 201 })
})

test('what has expired, is not good yet, is for another or of another is refused', async () => {
  const at = now / 1000
  const cases: readonly [Record<string, unknown>, RegExp][] = [
    [{ exp: at - 31 }, /expired/],
    [{ iat: at + 60 }, /future/],
    [{ nbf: at + 60 }, /not good yet/],
    [{ exp: at + 2 * 86_400 }, /longer than a day/],
    [{ aud: 'https://elsewhere.example' }, /another audience/],
    [{ iss: 'https://evil.example' }, /issuer is none/],
    [{ iss: 'http://169.254.169.254/latest' }, /issuer is none/],
    [{ sub: 'person:ann' }, /subject/],
    [{ sub: 'exactly:this:not' }, /subject/],
    [{ sub: undefined }, /sub is missing/],
  ]
  for (const [claims, why] of cases)
    expect(await present(await stage.token(claims)), JSON.stringify(claims)).toEqual(refused(why))
  // Only the configured issuer was ever asked.
  expect(new Set(stage.network.asked)).toEqual(new Set([METADATA, KEYS]))
  const entries = await db
    .selectFrom('evidence')
    .selectAll()
    .where('kind', '=', 'broker.unattested')
    .execute()
  expect(entries).toHaveLength(cases.length)
  expect(JSON.parse(entries[5]!.body)).toMatchObject({ claimedIssuer: 'https://evil.example' })
})

test('how it is signed is for the configuration to say', async () => {
  const claims = {
    sub: 'job:a',
    iss: ISSUER,
    aud: 'https://broker.example',
    iat: now / 1000,
    exp: now / 1000 + 60,
  }
  expect(await present(new UnsecuredJWT(claims).encode())).toEqual(refused(/signed in a way/))
  // Key confusion: the issuer's public key, as bytes that everybody has, taken for a shared secret.
  const jwks = (await (await stage.network.answers[KEYS]!()).json()) as { keys: object[] }
  const shared = new TextEncoder().encode(JSON.stringify(jwks.keys[0]))
  const confused = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(shared)
  expect(await present(confused)).toEqual(refused(/signed in a way/))
  const { privateKey } = await generateKeyPair('ES256')
  const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey)
  expect(await present(forged)).toEqual(refused(/signature does not hold/))
  // A key of its own in the header is nothing to go by.
  const { privateKey: own, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const embedded = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'two', jwk, jku: 'https://evil.example/keys' })
    .sign(own)
  expect(await present(embedded)).toEqual(refused(/no key of its issuer/))
  for (const text of ['x', 'a.b.c', `${'a'.repeat(9000)}.b.c`]) expect((await present(text)).status).toBe(401)
  expect((await stage.post('/leases', 'x'.repeat(30_000), { name: 'api:reports' })).status).toBeGreaterThan(
    400,
  )
})

test('keys are kept, and asked for anew when the issuer changes them', async () => {
  expect((await present(await stage.token())).status).toBe(201)
  expect((await present(await stage.token())).status).toBe(201)
  expect(stage.network.asked).toEqual([METADATA, KEYS])
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const next = { ...(await exportJWK(publicKey)), kid: 'next', alg: 'ES256' }
  stage.network.answers[KEYS] = () => Response.json({ keys: [next] })
  const sign = () =>
    new SignJWT({ sub: 'job:a', jti: String(Math.random()) })
      .setProtectedHeader({ alg: 'ES256', kid: 'next' })
      .setIssuer(ISSUER)
      .setAudience('https://broker.example')
      .setIssuedAt(now / 1000)
      .setExpirationTime(now / 1000 + 60)
      .sign(privateKey)
  // Whoever makes up key ids does not make us ask all the time.
  expect((await present(await sign())).status).toBe(401)
  expect(stage.network.asked).toHaveLength(2)
  now += 31_000
  expect((await present(await sign())).status).toBe(201)
  // The old one is gone from the issuer: what it signs is none of it any more.
  expect(await present(await stage.token())).toEqual(refused(/no key of its issuer/))
  // An issuer that is away for a while does not end what it vouched for.
  stage.network.answers = {}
  now += 3_600_000
  expect((await present(await sign())).status).toBe(201)
  now += 25 * 3_600_000
  expect(await present(await sign())).toEqual(refused(/cannot be asked/, 'temporarily_unavailable', 503))
})

test('an issuer that answers with too much, with nonsense, or sends elsewhere is not believed', async () => {
  const { answers } = stage.network
  const good = { ...answers }
  const tries: Record<string, () => Response>[] = [
    { [KEYS]: () => new Response(`{"keys":[${' '.repeat(300_000)}]}`) },
    { [KEYS]: () => new Response('<html>') },
    { [KEYS]: () => Response.json({ keys: 'none' }) },
    { [KEYS]: () => Response.json({ keys: Array.from({ length: 65 }, () => ({ kty: 'EC' })) }) },
    { [KEYS]: () => new Response('', { status: 500 }) },
    { [METADATA]: () => Response.json({ issuer: ISSUER, jwks_uri: 'http://169.254.169.254/latest' }) },
    { [METADATA]: () => Response.json({ issuer: ISSUER, jwks_uri: 'https://internal.example/keys' }) },
    { [METADATA]: () => Response.json({ issuer: 'https://other.example', jwks_uri: KEYS }) },
  ]
  for (const change of tries) {
    now += 60_000
    stage.network.answers = { ...good, ...change }
    expect(await present(await stage.token())).toEqual(
      refused(/cannot be asked/, 'temporarily_unavailable', 503),
    )
  }
  now += 60_000
  stage.network.answers = good
  expect((await present(await stage.token())).status).toBe(201)
  expect(stage.network.asked).not.toContain('http://169.254.169.254/latest')
  expect(stage.network.asked).not.toContain('https://internal.example/keys')
})

test('whoever waits for keys that come slowly waits for the one answer', async () => {
  let asked = 0
  const good = stage.network.answers[`${ISSUER}/keys`]!
  stage.network.answers[`${ISSUER}/keys`] = async () => {
    asked++
    await new Promise(resolve => setTimeout(resolve, 300))
    return await good()
  }
  const tokens = await Promise.all(Array.from({ length: 5 }, () => stage.token()))
  const answers = await Promise.all(
    tokens.map(token => stage.post('/leases', token, { name: 'api:reports' })),
  )
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201])
  expect(asked).toBe(1)
})

test('a join token lets in whoever brings it first, once, in its time', async () => {
  const make = () => makeJoinToken(db, stage.broker.io, { subject: 'build-7', saidBy: 'ann', ttlSeconds: 60 })
  const { token } = await make()
  const text = token.revealText()
  const both = await Promise.all([present(text), present(text)])
  expect(both.map(({ status }) => status).sort()).toEqual([201, 401])
  const late = await make()
  now += 60_000
  expect(await present(late.token.revealText())).toEqual(refused(/no join token that is good/))
  const other = (await make()).token.revealText()
  expect((await present(`${other.slice(0, -1)}${other.endsWith('A') ? 'B' : 'A'}`)).status).toBe(401)
  // What is kept does not let anybody in.
  const rows = await db.selectFrom('join_token').selectAll().execute()
  expect(JSON.stringify(rows)).not.toContain(other.split('.')[1])
})

test('a real OpenID provider is an issuer like any other', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'orders-job',
        client_secret: 'only-for-this-test',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'theirs', alg: 'ES256', use: 'sig' }] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://broker.example',
        getResourceServerInfo: () => ({
          scope: '',
          audience: 'https://broker.example',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
  server.on('request', provider.callback())
  try {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('orders-job:only-for-this-test').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    const body = (await answer.json()) as { access_token?: string }
    expect(body).toHaveProperty('access_token')
    const access_token = body.access_token!
    const trusted = { issuer, subjects: ['orders-*'], algorithms: ['ES256' as const], once: true }
    const config = { ...stage.broker.config, issuers: [trusted] }
    const io = realIo()
    const { ledger } = stage.broker
    const workload = await attest(db, { io, config, ledger, issuers: new IssuerKeys(io) }, access_token)
    expect(workload).toMatchObject({
      issuer,
      subject: 'orders-job',
      claims: { client_id: 'orders-job' },
    })
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

test('an address that leaves the machine unencrypted, or by a name, is no issuer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-config-'))
  try {
    for (const [issuer, ok] of [
      ['https://issuer.example', true],
      ['http://127.0.0.1:8080', true],
      ['http://[::1]:8080', true],
      ['http://localhost:8080', false],
      ['http://127.0.0.1.nip.example', false],
      ['http://10.0.0.1', false],
      ['https://user:pass@issuer.example', false],
      ['file:///etc/passwd', false],
    ] as const) {
      const file = `${folder}/broker.yaml`
      await writeFile(file, `${CONFIG.replaceAll(ISSUER, issuer)}issuer: https://broker.example\n`)
      const read = await readBrokerConfig(file).then(
        () => true,
        () => false,
      )
      expect(read, issuer).toBe(ok)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
