import { createHash, createPublicKey, type JsonWebKey, randomUUID, verify } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { endLease } from '../../../../src/act/broker/lease/end-lease.ts'
import { ACCESS_TOKEN_TYPE } from '../../../../src/act/broker/token/exchange.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { testKeys } from '../../../know/estate.ts'
import { openOwnStore } from '../../../own-store.ts'
import { type BrokerStage, brokerStage, ISSUER } from '../broker-stage.ts'

const OWN = 'https://broker.example'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const REPORTS = 'https://reports.example'
const MAIL = 'https://mail.example'

const POLICIES = {
  'all.cedar': `
@id("leases") permit(principal, action == Action::"lease", resource);
@id("narrowing") permit(principal, action == Action::"exchange", resource) unless { context has actor };
@id("agents") permit(principal, action == Action::"exchange", resource)
  when { context has actor && context.actor.subject like "agent*" };`,
}

type Key = Awaited<ReturnType<typeof newKey>>

async function newKey(alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: (await exportJWK(publicKey)) as JWK, alg }
}

let stage: BrokerStage
let db: Awaited<ReturnType<typeof openOwnStore>>['db']
let now: number
let agent: Key
let reports: Key

beforeEach(async () => {
  now = Date.UTC(2026, 4, 1)
  ;({ db } = await openOwnStore())
  ;[agent, reports] = await Promise.all([newKey(), newKey('EdDSA')])
  const config = `
issuers: [{ issuer: "${ISSUER}", subjects: ['job:*'] }]
clients:
  - { id: agent, keys: [${JSON.stringify(agent.jwk)}] }
  - { id: agent-2, keys: [${JSON.stringify(agent.jwk)}] }
  - { id: reports, keys: [${JSON.stringify(reports.jwk)}], serves: ["${REPORTS}"] }
leases:
  - { name: api, audience: ["${REPORTS}", "${MAIL}"], scopes: [read, write], ttl: 100s }
  - { name: api:other, audience: "https://other.example", ttl: 60s }
`
  stage = await brokerStage(
    db,
    new Connections([], testKeys, realIo()),
    { config, policies: POLICIES },
    {
      now: () => new Date(now),
    },
  )
})
afterEach(() => stage.close())

async function assertion(id: string, by: Key, claims: Record<string, unknown> = {}): Promise<string> {
  return await new SignJWT({ iss: id, sub: id, aud: OWN, jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: by.alg })
    .setIssuedAt(now / 1000)
    .setExpirationTime((claims['exp'] as number) ?? now / 1000 + 60)
    .sign(by.privateKey)
}

async function client(id: string, by: Key, claims: Record<string, unknown> = {}) {
  return { client_assertion_type: ASSERTION, client_assertion: await assertion(id, by, claims) }
}

async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const answer = await fetch(`${stage.url}${path}`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(form),
  })
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown> & { access_token: string },
  }
}

async function exchanged(subject_token: string, form: Record<string, string> = {}, headers = {}) {
  return await post(
    '/token',
    { grant_type: EXCHANGE, subject_token, subject_token_type: ACCESS_TOKEN_TYPE, ...form },
    headers,
  )
}

/** A token of the lease `api` with both scopes, for a job. */
async function first(): Promise<{ token: string; id: string }> {
  const { body } = await stage.post('/leases', await stage.token(), {
    name: 'api',
    scopes: ['read', 'write'],
  })
  const { accessToken, lease } = body as never as { accessToken: string; lease: { id: string } }
  return { token: accessToken, id: lease.id }
}

/** What a token says, with its signature checked by another library than the one that signs. */
async function read(token: string): Promise<Record<string, unknown> & { jti: string }> {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string; alg: string }
  const { keys } = (await (await fetch(`${stage.url}/jwks.json`)).json()) as { keys: (JsonWebKey & JWK)[] }
  const key = createPublicKey({ key: keys.find(each => each.kid === kid)!, format: 'jwk' })
  const signed = Buffer.from(`${header}.${payload}`)
  const [digest, options] =
    alg === 'EdDSA' ? [null, key] : ['sha256', { key, dsaEncoding: 'ieee-p1363' as const }]
  expect(verify(digest as string, signed, options as never, Buffer.from(signature, 'base64url'))).toBe(true)
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown> & {
    jti: string
  }
}

async function stateOf(id: string): Promise<string> {
  const row = await db.selectFrom('lease').select('state').where('id', '=', id).executeTakeFirstOrThrow()
  return row.state
}

test('a client gets a token by its own key, or by the token of an issuer, and nobody else does', async () => {
  const ask = { grant_type: 'client_credentials', resource: REPORTS, scope: 'read' }
  const own = await post('/token', { ...ask, ...(await client('agent', agent)) })
  expect(own.body).toMatchObject({ token_type: 'Bearer', expires_in: 100, scope: 'read' })
  expect(await read(own.body.access_token)).toMatchObject({
    iss: OWN,
    sub: 'agent',
    client_id: 'agent',
    aud: REPORTS,
    scope: 'read',
  })
  const federated = { client_assertion_type: ASSERTION, client_assertion: await stage.token() }
  const other = await post('/token', { ...ask, ...federated })
  expect(await read(other.body.access_token)).toMatchObject({ sub: 'job:orders' })
  const used = await client('agent', agent)
  expect((await post('/token', { ...ask, ...used })).status).toBe(200)
  const stranger = await newKey()
  const cases: readonly [string, Record<string, string>, number, string][] = [
    ['twice', used, 401, 'invalid_client'],
    ['federated, twice', federated, 401, 'invalid_client'],
    ['by another key', await client('agent', stranger), 401, 'invalid_client'],
    ['for another', await client('agent', agent, { aud: 'https://else.example' }), 401, 'invalid_client'],
    ['expired', await client('agent', agent, { exp: now / 1000 - 60 }), 401, 'invalid_client'],
    ['without an id', await client('agent', agent, { jti: undefined }), 401, 'invalid_client'],
    ['unknown', await client('nobody', agent), 401, 'invalid_client'],
    ['of two names', { ...(await client('agent', agent)), client_id: 'reports' }, 401, 'invalid_client'],
    ['of another kind', { client_assertion: 'x', client_assertion_type: 'saml' }, 401, 'invalid_client'],
    [
      'oversized',
      { client_assertion: 'x'.repeat(9000), client_assertion_type: ASSERTION },
      401,
      'invalid_client',
    ],
    ['without', {}, 401, 'invalid_client'],
    ['for too much', { ...(await client('agent', agent)), scope: 'admin' }, 400, 'invalid_scope'],
    [
      'for what is not',
      { ...(await client('agent', agent)), resource: 'https://x.example' },
      400,
      'invalid_target',
    ],
    ['as a password', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
  ]
  for (const [name, form, status, error] of cases) {
    const answer = await post('/token', { ...ask, ...form })
    expect([answer.status, answer.body['error']], name).toEqual([status, error])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  }
  const refusals = await db
    .selectFrom('evidence')
    .select('body')
    .where('kind', 'in', ['broker.unattested', 'broker.refused'])
    .execute()
  expect(refusals).toHaveLength(cases.length)
})

test('an exchange says who acts for whom, and never widens', async () => {
  const { token, id } = await first()
  now += 40_000
  const once = await exchanged(token, { ...(await client('agent', agent)), scope: 'read', audience: REPORTS })
  expect(once.body).toMatchObject({
    issued_token_type: ACCESS_TOKEN_TYPE,
    token_type: 'Bearer',
    scope: 'read',
    expires_in: 60,
  })
  const claims = await read(once.body.access_token)
  expect(claims).toMatchObject({
    sub: 'job:orders',
    client_id: 'agent',
    aud: REPORTS,
    act: { sub: 'agent', iss: OWN },
  })
  const twice = await exchanged(once.body.access_token, await client('agent-2', agent))
  expect((await read(twice.body.access_token))['act']).toEqual({
    sub: 'agent-2',
    iss: OWN,
    act: { sub: 'agent', iss: OWN },
  })
  // Who has it may narrow it without saying who that is; who acts for whom stays.
  const alone = await exchanged(once.body.access_token)
  expect((await read(alone.body.access_token))['act']).toEqual({ sub: 'agent', iss: OWN })
  const narrow = once.body.access_token
  const cases: readonly [string, Record<string, string>, string][] = [
    [narrow, { scope: 'read write' }, 'invalid_scope'],
    [narrow, { audience: MAIL }, 'invalid_target'],
    [narrow, { resource: 'https://other.example' }, 'invalid_target'],
    [narrow, await client('reports', reports), 'invalid_target'],
    [narrow, { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }, 'invalid_request'],
    [narrow, { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'invalid_request'],
    [narrow, { actor_token: 'x' }, 'invalid_request'],
    [`${narrow.slice(0, -6)}AAAAAA`, {}, 'invalid_request'],
    ['x', {}, 'invalid_request'],
  ]
  for (const [subject, form, error] of cases)
    expect((await exchanged(subject, form)).body['error'], JSON.stringify(form)).toBe(error)
  const leases = await db.selectFrom('lease').selectAll().execute()
  expect(Math.max(...leases.map(row => row.not_after))).toBe(leases.find(row => row.id === id)!.not_after)
  now += 60_000
  expect((await exchanged(narrow)).body['error']).toBe('invalid_request')
})

test('the end of a lease ends all that was exchanged from it, however far', async () => {
  const { token, id } = await first()
  const ids = [id]
  let last = token
  for (let round = 0; round < 3; round++) {
    last = (await exchanged(last)).body.access_token
    ids.push((await read(last)).jti)
  }
  const beside = await first()
  await endLease(db, stage.broker, ids[1]!, 'its task is over')
  expect(await Promise.all(ids.map(stateOf))).toEqual(['active', 'ended', 'ended', 'ended'])
  expect(await stateOf(beside.id)).toBe('active')
  expect((await exchanged(last)).body).toMatchObject({ error: 'invalid_request' })
  const { ended_why } = await db
    .selectFrom('lease')
    .selectAll()
    .where('id', '=', ids[3]!)
    .executeTakeFirstOrThrow()
  expect(ended_why).toContain('exchanged from')
  // One that ends at the moment when another is exchanged from it leaves nothing behind.
  const racing = await first()
  const results = await Promise.all([
    ...Array.from({ length: 8 }, () => exchanged(racing.token)),
    endLease(db, stage.broker, racing.id, 'now'),
  ])
  expect(results).toHaveLength(9)
  const left = await db
    .selectFrom('lease')
    .select('id')
    .where('parent_id', '=', racing.id)
    .where('state', '=', 'active')
  expect(await left.execute()).toEqual([])
})

test('what policies would refuse now ends, and what expires is recorded once for all', async () => {
  const { token, id } = await first()
  const { body } = await exchanged(token, await client('agent', agent))
  const child = (await read(body.access_token)).jti
  const { writeFile } = await import('node:fs/promises')
  await writeFile(`${stage.policies}/all.cedar`, POLICIES['all.cedar'].replace('agent*', 'robot*'))
  now += 5_000
  await stage.keeper.look()
  expect([await stateOf(id), await stateOf(child)]).toEqual(['active', 'ended'])
  now += 100_000
  await stage.keeper.look()
  expect(await stateOf(id)).toBe('ended')
  const expired = await db.selectFrom('evidence').select('body').where('kind', '=', 'lease.expired').execute()
  expect(expired.map(row => JSON.parse(row.body) as unknown)).toEqual([{ leases: [id] }])
})

test('introspection tells whom a token is for, and revocation ends it', async () => {
  const { token, id } = await first()
  const told = await post('/introspect', { token, ...(await client('reports', reports)) })
  expect(told.body).toMatchObject({ active: true, sub: 'job:orders', jti: id, scope: 'read write', iss: OWN })
  // Neither a stranger nor what is no token is told anything.
  expect((await post('/introspect', { token, ...(await client('agent', agent)) })).body).toEqual({
    active: false,
  })
  expect((await post('/introspect', { token: 'x', ...(await client('reports', reports)) })).body).toEqual({
    active: false,
  })
  expect((await post('/introspect', { token })).body['error']).toBe('invalid_client')
  const asBearer = await post('/introspect', { token }, { authorization: `Bearer ${await stage.token()}` })
  expect(asBearer.body['active']).toBe(true)
  expect((await post('/revoke', { token, ...(await client('agent', agent)) })).body['error']).toBe(
    'unauthorized_client',
  )
  expect((await post('/revoke', { token: 'of nobody' })).status).toBe(200)
  expect((await post('/revoke', { token })).status).toBe(200)
  expect(await stateOf(id)).toBe('ended')
  expect((await post('/introspect', { token, ...(await client('reports', reports)) })).body).toEqual({
    active: false,
  })
})

test('its metadata says what it can do, and where', async () => {
  const server = (await (await fetch(`${stage.url}/.well-known/oauth-authorization-server`)).json()) as object
  expect(server).toMatchObject({
    issuer: OWN,
    token_endpoint: `${OWN}/token`,
    jwks_uri: `${OWN}/jwks.json`,
    grant_types_supported: ['client_credentials', EXCHANGE],
    response_types_supported: [],
  })
  const openapi = (await (await fetch(`${stage.url}/openapi.json`)).json()) as { paths: object }
  for (const [name, value] of Object.entries(server))
    if (/_endpoint$|_uri$/.test(name))
      expect(Object.keys(openapi.paths)).toContain(new URL(String(value)).pathname)
  const refused = await stage.post('/leases', 'x', { name: 'api' })
  const [, at] = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '') ?? []
  const resource = await (await fetch(`${stage.url}${new URL(at!).pathname}`)).json()
  expect(resource).toMatchObject({ resource: OWN, authorization_servers: [ISSUER] })
})

async function proof(by: Key, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) {
  const { jti = randomUUID(), iat = now / 1000, ...more } = claims
  return await new SignJWT({ htm: 'POST', htu: `${OWN}/token`, jti, iat, ...more } as never)
    .setProtectedHeader({ alg: by.alg, typ: 'dpop+jwt', jwk: by.jwk, ...header })
    .sign(by.privateKey)
}

test('a token is bound to the key that a proof shows, and of no use without it', async () => {
  const { token } = await first()
  const key = await newKey()
  const dpop = await proof(key)
  const bound = await exchanged(token, {}, { dpop })
  expect(bound.body['token_type']).toBe('DPoP')
  expect((await read(bound.body.access_token))['cnf']).toEqual({
    jkt: await calculateJwkThumbprint(key.jwk),
  })
  // The same key goes on; none, or another one, does not.
  const subject = bound.body.access_token
  const onward = await exchanged(subject, {}, { dpop: await proof(key) })
  expect(onward.body['token_type'], JSON.stringify(onward.body)).toBe('DPoP')
  expect((await exchanged(subject)).body['error']).toBe('invalid_request')
  expect((await exchanged(subject, {}, { dpop: await proof(await newKey()) })).body['error']).toBe(
    'invalid_request',
  )
  // Who is known and has a key of its own may act for who was given it.
  const acting = await exchanged(subject, await client('agent', agent), { dpop: await proof(agent) })
  expect((await read(acting.body.access_token))['cnf']).toEqual({
    jkt: await calculateJwkThumbprint(agent.jwk),
  })
  expect((await exchanged(subject, await client('agent', agent))).body['error']).toBe('invalid_request')

  const foreign = await newKey()
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const cases: readonly [string, string][] = [
    ['twice', dpop],
    ['for another method', await proof(key, { htm: 'GET' })],
    ['for another address', await proof(key, { htu: 'https://else.example/token' })],
    ['of yesterday', await proof(key, { iat: now / 1000 - 86_400 })],
    ['of tomorrow', await proof(key, { iat: now / 1000 + 86_400 })],
    ['without an id', await proof(key, { jti: '' })],
    ['of another type', await proof(key, {}, { typ: 'JWT' })],
    ['by another key', await proof({ ...foreign, jwk: key.jwk })],
    ['with its private key', await proof(key, {}, { jwk: await exportJWK(privateKey) })],
    ['two of them', `${await proof(key)}, ${await proof(key)}`],
    ['none', 'x'],
  ]
  for (const [name, each] of cases)
    expect((await exchanged(token, {}, { dpop: each })).body['error'], name).toBe('invalid_dpop_proof')
  // Where it stands is compared as an address, without what follows it.
  const queried = await proof(key, { htu: `${OWN.toUpperCase().replace('HTTPS', 'https')}:443/token?x=1#y` })
  expect((await exchanged(token, {}, { dpop: queried })).status).toBe(200)
})

test('a proof that comes with a token is for that one', async () => {
  const key = await newKey()
  const post = async (path: string, bearer: string, body: object, dpop: string) => {
    const answer = await fetch(`${stage.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, dpop, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return (await answer.json()) as Record<string, unknown>
  }
  const own = await proof(key, { htu: `${OWN}/leases` })
  const { lease, handle, accessToken } = (await post(
    '/leases',
    await stage.token(),
    { name: 'api' },
    own,
  )) as {
    lease: { id: string }
    handle: string
    accessToken: string
  }
  now += 40_000
  const path = `/leases/${lease.id}/renew`
  const renewed = async (ath: string | undefined) =>
    await post(path, handle, { accessToken }, await proof(key, { htu: `${OWN}${path}`, ath }))
  const athOf = (token: string) => createHash('sha256').update(token).digest('base64url')
  expect((await renewed(undefined))['error']).toBe('invalid_dpop_proof')
  expect((await renewed(athOf(`${accessToken}x`)))['error']).toBe('invalid_dpop_proof')
  const next = await renewed(athOf(accessToken))
  expect((await read(String(next['accessToken'])))['cnf']).toEqual({
    jkt: await calculateJwkThumbprint(key.jwk),
  })
})

test('who alone may act for a token is said by it', async () => {
  const acting = async (may_act: unknown) => {
    const subject = await stage.token({ may_act })
    const asked = { audience: 'api', ...(await client('agent', agent)) }
    return (await exchanged(subject, { ...asked, subject_token_type: JWT })).body
  }
  for (const said of [{ sub: 'agent' }, { sub: 'agent', iss: OWN }])
    expect((await read((await acting(said)).access_token))['act']).toEqual({ sub: 'agent', iss: OWN })
  for (const said of [{ sub: 'agent-2' }, { sub: 'agent', iss: 'https://issuer.example' }, {}, 'agent', null])
    expect((await acting(said))['error'], JSON.stringify(said)).toBe('invalid_request')
})

test('where nonces are asked for, a proof has to have one of ours', async () => {
  const { token } = await first()
  const key = await newKey()
  Object.assign(stage.broker.config, { dpopNonce: true })
  const asked = await exchanged(token, {}, { dpop: await proof(key) })
  expect(asked.body['error']).toBe('use_dpop_nonce')
  const nonce = asked.headers.get('dpop-nonce')!
  expect((await exchanged(token, {}, { dpop: await proof(key, { nonce }) })).status).toBe(200)
  expect((await exchanged(token, {}, { dpop: await proof(key, { nonce: 'old' }) })).body['error']).toBe(
    'use_dpop_nonce',
  )
})
