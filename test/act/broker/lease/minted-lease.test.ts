import { expect, onTestFinished, test } from 'vitest'
import { HANDLE_PREFIX } from '../../../../src/act/broker/lease/lease.ts'
import { memoryAws } from '../../../../src/connectors/aws/memory.ts'
import { memoryGithub } from '../../../../src/connectors/github/memory.ts'
import { sealed } from '../../../../src/connectors/sealed/connector.ts'
import type { Connector } from '../../../../src/core/contract/connector.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import { Secret } from '../../../../src/core/contract/secret.ts'
import { Connections } from '../../../../src/know/connections/registry.ts'
import { observe } from '../../../../src/know/observe/observe.ts'
import { testKeys } from '../../../know/estate.ts'
import { brokerStage, ISSUER } from '../broker-stage.ts'
import { BUILT_IN_RULES } from '../../../built-in-rules.ts'
import { memoryStore } from '../../../memory-store.ts'

const POLICIES = {
  'jobs.cedar': '@id("jobs") permit(principal is Workload, action == Action::"lease", resource);',
}

/** A broker whose leases are of one system, connected and observed. */
async function stageOf(connector: Connector, settings: Record<string, unknown>, leases: readonly string[]) {
  const db = await memoryStore()
  const io = realIo()
  const connections = new Connections([connector], testKeys, io)
  const source = await connections.add(db, connector.system, settings)
  await observe(db, source, await connections.open(db, source.id), {
    io,
    keys: testKeys,
    ...BUILT_IN_RULES,
    workers: 1,
  })
  const config = `issuers: [{ issuer: '${ISSUER}', subjects: ['job:*'] }]\nleases:\n${leases.map(lease => `  - ${lease}\n`).join('')}`
  const stage = await brokerStage(db, connections, { config, policies: POLICIES })
  onTestFinished(async () => {
    await stage.close()
    await connections.close()
    await db.destroy()
  })
  const ask = async (body: Record<string, unknown>) => await stage.post('/leases', await stage.token(), body)
  return { db, stage, ask }
}

test('sessions of AWS are a lease each: no more than its scopes, with its task, dead alone at its end', async () => {
  const twin = memoryAws()
  const role = twin.account.addRole('reports', { Statement: [] })
  const { admin } = twin.account
  const own = { accessKeyId: admin.id, secretAccessKey: new Secret(admin.secret), settleSeconds: 0 }
  twin.account.addKey(twin.account.addUser('app'))
  const { ask, stage } = await stageOf(twin.connector as Connector, own, [
    '{ name: aws:app, like: app, scopes: ["s3:GetObject"] }',
    '{ name: aws:reports, like: reports, scopes: ["s3:GetObject", "s3:ListBucket"], ttl: 60s, maxTtl: 10m }',
  ])
  const [one, other] = [
    await ask({ name: 'aws:reports', task: 'weekly report', scopes: ['s3:GetObject'] }),
    await ask({ name: 'aws:reports' }),
  ]
  expect([one.status, other.status]).toEqual([201, 201])
  const { lease, credential, handle } = one.body as unknown as Granted
  expect(handle.startsWith(HANDLE_PREFIX)).toBe(true)
  expect(lease).toMatchObject({ state: 'active', scopes: ['s3:GetObject'], task: 'weekly report' })
  expect((other.body as unknown as Granted).lease.scopes).toEqual(['s3:GetObject', 's3:ListBucket'])
  expect(credential).toMatchObject({ system: 'aws', region: 'us-east-1' })
  const session = twin.account.sessions.get(credential.user)!
  expect(credential).toMatchObject({ password: session.secret, sessionToken: session.token })
  expect(session.tags).toMatchObject({ 'firebreak:lease': lease.id, 'firebreak:task': 'weekly report' })
  expect(JSON.parse(session.policy!)).toMatchObject({ Statement: [{ Action: ['s3:GetObject'] }, {}] })
  const ended = await stage.call('DELETE', `/leases/${lease.id}`, handle)
  expect(ended.body).toMatchObject({
    state: 'ended',
    proof: { state: 'dead', why: 'Refused: a policy on its role denies it everything.' },
  })
  expect(role.policies.size).toBe(1)
  const { lease: second, handle: secondHandle } = other.body as unknown as Granted
  expect((await stage.call('GET', `/leases/${second.id}`, secondHandle)).body).toMatchObject({
    state: 'active',
  })
  // AWS gives none for less than a quarter of an hour: so long it can be renewed.
  const renewed = await stage.post(`/leases/${second.id}/renew`, secondHandle, {})
  expect(renewed.status).toBe(200)
  expect((await stage.call('DELETE', `/leases/${second.id}`, secondHandle)).body).toMatchObject({
    state: 'ended',
  })
  // Keys of a user have all of its rights.
  expect((await ask({ name: 'aws:app' })).body).toMatchObject({ error: 'invalid_scope' })
  expect((await ask({ name: 'aws:reports', scopes: ['iam:CreateUser'] })).body).toMatchObject({
    error: 'invalid_scope',
  })
})
test('a token of a GitHub App is a lease: its permissions, GitHub’s own end, refused after it', async () => {
  const twin = memoryGithub({}, { asApp: true })
  twin.server.addInstallation('firebreak', { contents: 'write' })
  twin.server.addRepository('orders')
  const own = {
    owner: twin.server.owner.login,
    appId: 'Iv1.firebreak',
    privateKey: new Secret(twin.server.appKey.pem),
    settleSeconds: 0,
  }
  const { ask, stage } = await stageOf(twin.connector as Connector, own, [
    '{ name: github:orders, like: "firebreak[bot]", scopes: ["contents:read@orders"], ttl: 60s, maxTtl: 10m }',
  ])
  const { status, body } = await ask({ name: 'github:orders', task: 'release' })
  expect(status).toBe(201)
  const { lease, credential, handle } = body as unknown as Granted
  expect(credential).toMatchObject({
    system: 'github',
    user: 'x-access-token',
    endpoint: 'https://api.github.com',
  })
  expect(twin.server.tokens.get(credential.password)).toMatchObject({
    permissions: { contents: 'read' },
    repositories: ['orders'],
  })
  expect((await stage.call('DELETE', `/leases/${lease.id}`, handle)).body).toMatchObject({
    state: 'ended',
    proof: { state: 'dead', why: 'Refused: it is no token, or none any more.' },
  })
  expect(twin.server.tokens.get(credential.password)!.revoked).toBe(true)
})

test('a standing secret is given out by policy, each reading told; that it stays good is said', async () => {
  const value = ['sk', 'live', 'x'.repeat(24)].join('_')
  const { ask, stage, db } = await stageOf(
    sealed as Connector,
    { name: 'stripe', secret: new Secret(value) },
    ['{ name: sealed:stripe, like: stripe, ttl: 60s }'],
  )
  const [one, other] = [
    await ask({ name: 'sealed:stripe', task: 'refunds' }),
    await ask({ name: 'sealed:stripe' }),
  ]
  expect([one.status, other.status]).toEqual([201, 201])
  const { lease, credential, handle } = one.body as unknown as Granted
  expect(credential).toMatchObject({ system: 'sealed', user: '', password: value })
  expect(lease).toMatchObject({ state: 'active', standing: true })
  expect((await stage.call('DELETE', `/leases/${lease.id}`, handle)).body).toMatchObject({
    state: 'ended',
    standing: true,
    proof: { state: 'unknown', why: expect.stringContaining('stays good') },
  })
  const entries = await db.selectFrom('evidence').select('body').where('kind', '=', 'secret.read').execute()
  expect(entries).toHaveLength(2)
  expect(JSON.parse(entries[0]!.body)).toMatchObject({
    id: lease.id,
    task: 'refunds',
    workload: { subject: 'job:orders' },
  })
  const stored = JSON.stringify([
    await db.selectFrom('source').selectAll().execute(),
    await db.selectFrom('step').selectAll().execute(),
    await db.selectFrom('evidence').selectAll().execute(),
  ])
  expect(stored).not.toContain(value)
})

interface Granted {
  readonly lease: { readonly id: string; readonly scopes: readonly string[] }
  readonly handle: string
  readonly credential: { readonly user: string; readonly password: string; readonly sessionToken?: string }
}
