import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import { beforeEach, expect, test } from 'vitest'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../broker-stage.ts'

const REPORTS = 'https://reports.example'
const ORDERS = 'spiffe://acme.example/orders'
const config = `
spiffe: { trustDomain: acme.example }
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*', 'spiffe:*'] }]
clients: [{ id: reports, serves: ["${REPORTS}"], keys: [{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }] }]
leases:
  - { name: "svid:orders", spiffeId: "${ORDERS}", audience: ["${REPORTS}", "https://more.example"], ttl: 5m }
  - { name: "api:reports", audience: "${REPORTS}", scopes: [read] }
`
const policies = {
  'all.cedar': `
permit(principal, action, resource) when { resource.name == "api:reports" };
permit(principal, action == Action::"lease", resource)
  when { resource has system && resource.system == "spiffe" && resource has identity && resource.identity == "${ORDERS}" };
forbid(principal, action, resource) when { principal.subject == "job:held" && resource.kind == "token" };`,
}

let stage: BrokerStage
let now: number

beforeEach(async () => {
  now = Date.UTC(2026, 4, 1)
  const { db } = await openOwnStore()
  const connections = new Connections([], testKeys, realIo())
  stage = await brokerStage(db, connections, { config, policies }, { now: () => new Date(now) })
  return () => stage.close()
})

interface Bundle {
  readonly keys: readonly (JsonWebKey & { kid?: string; use: string })[]
  readonly spiffe_sequence: number
  readonly spiffe_refresh_hint: number
}

async function bundle(): Promise<Bundle> {
  return (await (await fetch(`${stage.url}/spiffe/bundle`)).json()) as Bundle
}

/** Its parts, where it holds by the bundle's keys, told by another library than the one that signs. */
async function verified(token: string) {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const part = (text: string) =>
    JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>
  const jwk = (await bundle()).keys.find(key => key.kid === part(header)['kid'] && key.use === 'jwt-svid')
  if (!jwk) throw new Error('the bundle has no such key')
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const }
  const ok = verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
  return { ok, header: part(header), claims: part(payload) }
}

async function svid(more: object = {}) {
  return await stage.post('/leases', await stage.token(), { name: 'svid:orders', ...more })
}

test('a JWT-SVID says whose it is, for whom and until when, and holds by the bundle', async () => {
  const { status, body } = await svid({ audience: [REPORTS] })
  expect(status).toBe(201)
  const { ok, header, claims } = await verified(String(body['accessToken']))
  expect(ok).toBe(true)
  // JWT-SVID, section 2: of the algorithms it knows, and no header that it does not speak of.
  expect(Object.keys(header).sort()).toEqual(['alg', 'kid', 'typ'])
  expect(header).toMatchObject({ alg: 'ES256', typ: 'JWT' })
  expect(claims).toMatchObject({ sub: ORDERS, aud: REPORTS, iat: now / 1000, exp: now / 1000 + 300 })
  const all = await svid()
  const { claims: both } = await verified(String(all.body['accessToken']))
  expect(both['aud']).toEqual([REPORTS, 'https://more.example'])
})

test('it is for no other audience, and given to nobody whom the policies do not permit it', async () => {
  expect((await svid({ audience: ['https://other.example'] })).body['error']).toBe('invalid_target')
  const held = await stage.post('/leases', await stage.token({ sub: 'job:held' }), { name: 'svid:orders' })
  expect([held.status, held.body['error']]).toEqual([403, 'access_denied'])
})

test('an access token is signed with another key, whatever its subject is called', async () => {
  const asked = await stage.post('/leases', await stage.token({ sub: ORDERS }), { name: 'api:reports' })
  const token = String(asked.body['accessToken'])
  await expect(verified(token)).rejects.toThrow('no such key')
  const { keys } = (await (await fetch(`${stage.url}/jwks.json`)).json()) as { keys: { kid: string }[] }
  const own = new Set(keys.map(({ kid }) => kid))
  expect((await bundle()).keys.some(({ kid }) => kid !== undefined && own.has(kid))).toBe(false)
})

test('it is renewed, told of to whom it is for, and ended', async () => {
  const { body } = await svid({ audience: [REPORTS] })
  const { id } = body['lease'] as unknown as { id: string }
  const first = String(body['accessToken'])
  now += 200_000
  const renewed = await stage.post(`/leases/${id}/renew`, String(body['handle']), { accessToken: first })
  const { ok, claims } = await verified(String(renewed.body['accessToken']))
  expect([ok, claims['sub'], claims['aud'], claims['exp']]).toEqual([true, ORDERS, REPORTS, now / 1000 + 300])
  const ended = await fetch(`${stage.url}/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token: String(renewed.body['accessToken']) }),
  })
  expect(ended.status).toBe(200)
  const shown = await stage.call('GET', `/leases/${id}`, String(body['handle']))
  expect(shown.body).toMatchObject({ state: 'ended', endedWhy: 'its token was revoked' })
})

test('it cannot be exchanged for, nor be taken for an access token', async () => {
  const asked = async (form: Record<string, string>) =>
    (await (
      await fetch(`${stage.url}/token`, { method: 'POST', body: new URLSearchParams(form) })
    ).json()) as { error?: string }
  const exchange = (token: string, audience: string) =>
    asked({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      audience,
    })
  expect((await exchange(await stage.token(), 'svid:orders')).error).toBe('invalid_target')
  const token = String((await svid()).body['accessToken'])
  expect((await exchange(token, 'api:reports')).error).toBe('invalid_request')
})

test('the bundle says by its number that it changed, and the next key is in it before it signs', async () => {
  await svid()
  const first = await bundle()
  expect(first).toMatchObject({ spiffe_sequence: 1, spiffe_refresh_hint: 300 })
  expect(first.keys.map(({ use }) => use)).toEqual(['jwt-svid'])
  expect(Object.keys(first.keys[0]!).sort()).toEqual(['crv', 'kid', 'kty', 'use', 'x', 'y'])
  expect(await bundle()).toEqual(first)
  now += 30 * 86_400_000 - 3_600_000 + 1000
  const second = await bundle()
  expect([second.spiffe_sequence, second.keys.length]).toEqual([2, 2])
  const { header } = await verified(String((await svid()).body['accessToken']))
  expect(header['kid']).toBe(first.keys[0]!.kid)
})

test('nobody ends it with one of another key', async () => {
  const { body } = await svid()
  const { id } = body['lease'] as unknown as { id: string }
  const { privateKey } = await generateKeyPair('ES256')
  const [{ kid = '' } = {}] = (await bundle()).keys
  const forged = await new SignJWT({ jti: id })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
    .setSubject(ORDERS)
    .setAudience(REPORTS)
    .setExpirationTime(now / 1000 + 60)
    .sign(privateKey)
  await fetch(`${stage.url}/revoke`, { method: 'POST', body: new URLSearchParams({ token: forged }) })
  expect((await stage.call('GET', `/leases/${id}`, String(body['handle']))).body['state']).toBe('active')
})
