import { execFileSync, spawnSync } from 'node:child_process'
import { createPublicKey, randomUUID, X509Certificate } from 'node:crypto'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { azureConfig } from '../../../src/connectors/azure/config.ts'
import {
  type MemoryApplication,
  type MemoryAzure,
  memoryAzure,
} from '../../../src/connectors/azure/memory.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import { loadCrossingRules } from '../../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../../src/know/graph/load-graph.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { openEstate, ownDirectory, testKeys } from '../../know/estate.ts'
import { reachedFrom, wholeOf } from '../../know/graph/whole.ts'

const RULES = new URL('../../../rules', import.meta.url).pathname

function impatient(): Io & { slept: number[] } {
  const slept: number[] = []
  return { ...realIo(), slept, sleep: async ms => void slept.push(ms) }
}

async function open(twin: MemoryAzure, io: Io = impatient()) {
  const connection = await twin.connector.open({} as never, io)
  onTestFinished(() => connection.close())
  return connection
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const gapsIn = (seen: readonly Observation[]) =>
  seen.flatMap(one => (one.see === 'covered' && !one.complete ? [one] : []))

const identityOf = (twin: MemoryAzure, { appId }: MemoryApplication) => ({
  system: 'azure',
  instance: twin.tenant,
  kind: 'service-principal',
  id: appId,
})
const credentialOf = (twin: MemoryAzure, application: MemoryApplication, { keyId }: { keyId: string }) => {
  const identity = identityOf(twin, application)
  return { ...identity, kind: 'app-credential', id: keyId, identity }
}

test('a tenant that was observed tells who reaches what', async () => {
  const twin = memoryAzure({ pageSize: 2 })
  const [alice, vmIdentity] = [randomUUID(), randomUUID()]
  const deployer = twin.addApplication('deployer', {
    owners: [{ '@odata.type': '#microsoft.graph.user', id: alice, displayName: 'Alice' }],
    federated: [
      { id: '1', name: 'gh', issuer: 'https://token.actions.githubusercontent.com', subject: 'repo:acme/*' },
    ],
  })
  const reader = twin.addApplication('reader')
  const managed = twin.addApplication('machine', {
    isHere: false,
    principalId: vmIdentity,
    principal: { servicePrincipalType: 'ManagedIdentity' },
  })
  const leaked = twin.addPassword(reader)
  twin.setSecret('shop-kv', 'settings', `CLIENT_ID=${reader.appId}\nCLIENT_SECRET=${leaked.secretText}\n`)
  const subscription = `/subscriptions/${twin.subscription}`
  const machine = `${subscription}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/web`
  const assignment = (principalId: string, role: string, scope: string) => ({
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`,
    properties: {
      principalId,
      principalType: 'ServicePrincipal',
      scope,
      roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
    },
  })
  const [operator, secrets] = [randomUUID(), randomUUID()]
  twin.resources.set('resources', [
    {
      id: machine,
      type: 'Microsoft.Compute/virtualMachines',
      identity: { type: 'SystemAssigned', principalId: vmIdentity },
    },
  ])
  twin.resources.set('roleAssignments', [
    assignment(deployer.principalId, operator, subscription),
    assignment(managed.principalId, secrets, subscription),
  ])
  twin.resources.set(
    'roleDefinitions',
    [
      [operator, { actions: ['Microsoft.Compute/virtualMachines/*'] }],
      [secrets, { dataActions: ['Microsoft.KeyVault/vaults/secrets/getSecret/action'] }],
    ].map(([role, block]) => ({
      id: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role as string}`,
      properties: { roleName: 'own', permissions: [block] },
    })),
  )
  const { db } = await openEstate()
  const source: Row<'source'> = {
    id: 'source-1',
    system: 'azure',
    instance: twin.tenant,
    label: 'azure',
    config: '{}',
    cursor: null,
    created_at: 0,
    observed_at: null,
    disconnected_at: null,
    connected_at: null,
    epoch: 0,
  }
  await db.insertInto('source').values(source).execute()
  const rulesDirectory = await ownDirectory()
  const rule = 'secrets/azure-entra-client-secret.yaml'
  await mkdir(join(rulesDirectory, 'secrets'))
  await copyFile(join(RULES, rule), join(rulesDirectory, rule))
  await observe(db, source, await open(twin), { io: impatient(), keys: testKeys, rulesDirectory, workers: 1 })
  const whole = await wholeOf(db, await loadGraph(db, await loadCrossingRules(RULES)))
  const reachOf = (name: string) =>
    reachedFrom(whole, whole.nodes.find(({ names }) => names.includes(name))!.id).map(
      ({ ref, names, certainty }) => `${ref.kind} ${names[0]} ${certainty}`,
    )
  const ways = [
    'vm web proven',
    'service-principal machine proven',
    'key-vault-secret shop-kv/settings proven',
  ]
  expect(reachOf('Alice')).toEqual(expect.arrayContaining(['service-principal deployer proven', ...ways]))
  // The secret in the vault says whose it is by the client id beside it.
  expect(reachOf('Alice')).toContain('service-principal reader conditional')
  expect(reachOf('anyone who can run a workflow on GitHub')).toContain(
    'service-principal deployer conditional',
  )
})

describe('reading', () => {
  test('management groups come in pages, too', async () => {
    const twin = memoryAzure({ pageSize: 2 })
    const root = '/providers/Microsoft.Management/managementGroups'
    const names = ['acme', 'shops', 'web']
    twin.resources.set(
      'getEntities',
      names.map((name, at) => ({
        id: `${root}/${name}`,
        name,
        type: 'Microsoft.Management/managementGroups',
        properties: {
          displayName: name,
          parent: at === 0 ? null : { id: `${root}/${names[at - 1]}` },
          parentNameChain: names.slice(0, at),
        },
      })),
    )
    const documents = await collect((await open(twin)).documents!())
    const texts = await Promise.all(documents.map(async one => Buffer.concat(await collect(one.bytes()))))
    for (const name of names) expect(String(Buffer.concat(texts))).toContain(`managementGroups/${name}"`)
  })

  test('waits as long as it is asked to, and not for ever', async () => {
    const twin = memoryAzure()
    const io = impatient()
    const connection = await open(twin, io)
    const path = 'GET graph.microsoft.com/v1.0/oauth2PermissionGrants'
    twin.refusals.set(path, { status: 429, body: {}, retryAfter: '7' })
    await collect(connection.documents!())
    expect(io.slept).toEqual([7000, 7000, 7000, 7000])
    expect(gapsIn(await collect(connection.discover!()))).toEqual([
      expect.objectContaining({ scope: `azure:${twin.tenant}/permission-grants`, failed: true }),
    ])
    io.slept.length = 0
    twin.refusals.set(path, { status: 503, body: {}, retryAfter: '86400' })
    await collect(connection.documents!())
    expect(Math.max(...io.slept)).toBe(60_000)
  })

  test('a page that is said to be at another host is not asked for', async () => {
    const twin = memoryAzure()
    const connection = await open(twin)
    for (const next of [
      'https://graph.microsoft.com.evil.example/v1.0/x',
      'https://graph.microsoft.com@evil.example/x',
      'http://graph.microsoft.com/v1.0/x',
      'https://graph.microsoft.com:8443/x',
      '//evil.example/x',
    ]) {
      twin.refusals.set('GET graph.microsoft.com/v1.0/oauth2PermissionGrants', {
        status: 200,
        body: { value: [], '@odata.nextLink': next },
      })
      twin.asked.length = 0
      await collect(connection.documents!())
      const hosts = new Set(twin.asked.map(call => call.split(' ')[1]!.split('/')[0]))
      expect(hosts).toEqual(
        new Set(
          ['graph.microsoft.com', 'management.azure.com', 'login.microsoftonline.com'].filter(host =>
            hosts.has(host),
          ),
        ),
      )
      expect(
        gapsIn(await collect(connection.discover!()))
          .map(({ why }) => why)
          .join(),
      ).toContain('another host')
    }
  })

  test('what is denied is a gap, and no failure, and the rest is read', async () => {
    const twin = memoryAzure()
    twin.addPassword(twin.addApplication('orders'))
    twin.setSecret('shop-kv', 'a', 'x')
    twin.refusals.set('GET shop-kv.vault.azure.net', 403)
    twin.refusals.set('GET graph.microsoft.com/v1.0/roleManagement', 403)
    const connection = await open(twin)
    const [whole] = await collect(connection.documents!())
    expect(whole).toMatchObject({ path: 'tenant.json', format: 'azure' })
    const seen = await collect(connection.discover!())
    expect(seen.filter(({ see }) => see === 'credential')).toHaveLength(2)
    const gaps = gapsIn(seen)
    expect(gaps.map(({ scope }) => scope.split('/').slice(1).join('/'))).toEqual([
      'directory-roles',
      'vault/shop-kv',
    ])
    expect(gaps.every(({ failed }) => failed !== true)).toBe(true)
  })
})

test('of a group that holds a role, who owns it and who is in it is told; one that is gone is passed over', async () => {
  const twin = memoryAzure({ pageSize: 2 })
  const [group, gone] = [randomUUID(), randomUUID()]
  const someone = (type: string, name: string) => ({
    '@odata.type': `#microsoft.graph.${type}`,
    id: randomUUID(),
    displayName: name,
  })
  twin.directory.set(
    'roleAssignments',
    [group, gone].map(id => ({
      id,
      principalId: id,
      roleDefinitionId: randomUUID(),
      directoryScopeId: '/',
      principal: { '@odata.type': '#microsoft.graph.group', id },
    })),
  )
  twin.directory.set('groups', [
    { id: group, displayName: 'operators', isAssignableToRole: true, owners: [someone('user', 'Alice')] },
  ])
  const members = ['one', 'two', 'three'].map(name => someone('servicePrincipal', name))
  twin.directory.set(`groups/${group}/transitiveMembers`, members)
  const connection = await open(twin)
  const [whole] = await collect(connection.documents!())
  const items = Buffer.concat(await collect(whole!.bytes())).toString()
  const told = items.split('\n').map(line => JSON.parse(line) as { id: string; members?: object[] })
  expect(told.filter(({ members }) => members)).toMatchObject([
    {
      id: group,
      displayName: 'operators',
      isAssignableToRole: true,
      owners: [{ displayName: 'Alice' }],
      members,
    },
  ])
  expect(gapsIn(await collect(connection.discover!()))).toEqual([])
})

describe('trying a secret', () => {
  const filled = () => {
    const twin = memoryAzure()
    const application = twin.addApplication('orders')
    const password = twin.addPassword(application)
    return { twin, application, password, secret: new Secret(password.secretText, application.appId) }
  }

  test('one that has ended is dead, and so is one of an application that is gone', async () => {
    const { twin, application, password, secret } = filled()
    const connection = await open(twin)
    const ref = credentialOf(twin, application, password)
    application.passwords = [{ ...password, endDateTime: '2020-01-01T00:00:00Z' }]
    expect(await connection.verify!(ref, secret)).toMatchObject({
      state: 'dead',
      why: expect.stringContaining('AADSTS7000222'),
    })
    twin.applications.delete(application.appId)
    expect(await connection.verify!(ref, secret)).toMatchObject({
      state: 'dead',
      why: expect.stringContaining('AADSTS700016'),
    })
  })

  test('nothing is concluded where the application is switched off, or cannot be looked up', async () => {
    const { twin, application, password, secret } = filled()
    const connection = await open(twin)
    const ref = credentialOf(twin, application, password)
    application.enabled = false
    expect(await connection.verify!(ref, secret)).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('AADSTS7000112'),
    })
    twin.refusals.set('GET graph.microsoft.com/v1.0/applications(appId', 403)
    twin.applications.delete(application.appId)
    expect(await connection.verify!(ref, secret)).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('AADSTS700016'),
    })
  })

  test('one that we may not look up is tried all the same', async () => {
    const { twin, application, password, secret } = filled()
    const connection = await open(twin)
    twin.refusals.set('GET graph.microsoft.com/v1.0/', 403)
    expect(await connection.verify!(credentialOf(twin, application, password), secret)).toMatchObject({
      state: 'live',
    })
  })

  test('a secret of the application is not taken for another of its credentials', async () => {
    const { twin, application, secret } = filled()
    const other = twin.addPassword(application)
    const connection = await open(twin)
    expect(await connection.verify!(credentialOf(twin, application, other), secret)).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('another secret'),
    })
  })
})

describe('cutting', () => {
  test('of several secrets of one application, the one that leaked', async () => {
    const twin = memoryAzure()
    const application = twin.addApplication('orders')
    const [kept, gone] = [twin.addPassword(application), twin.addPassword(application)]
    const connection = await open(twin)
    await connection.revoke!(identityOf(twin, application), new Secret(gone.secretText, application.appId))
    expect(application.passwords).toEqual([kept])
  })

  test('nothing where two begin alike: which one it is cannot be told', async () => {
    const twin = memoryAzure()
    const application = twin.addApplication('orders')
    const password = twin.addPassword(application)
    const alike = {
      ...password,
      keyId: randomUUID(),
      secretText: `${password.secretText.slice(0, 3)}8Q~other`,
    }
    application.passwords.push(alike)
    const connection = await open(twin)
    await expect(
      connection.revoke!(identityOf(twin, application), new Secret(password.secretText)),
    ).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(application.passwords).toHaveLength(2)
  })

  test('one that was added to the service principal is cut there, and one more is made there', async () => {
    const twin = memoryAzure()
    const application = twin.addApplication('elsewhere', { isHere: false })
    application.principalPasswords = [twin.addPassword(application)]
    application.passwords = []
    const connection = await open(twin)
    const like = credentialOf(twin, application, application.principalPasswords[0]!)
    const issued = await connection.issue!({ name: 'x', like, scopes: [], before: null })
    expect(application.principalPasswords).toHaveLength(2)
    expect(issued.secret.id).toBe(application.appId)
    await connection.revoke!(like)
    expect(application.principalPasswords.map(({ keyId }) => keyId)).toEqual([issued.ref.id])
  })
})

test('a new secret is waited for until it is taken, which is not at once everywhere', async () => {
  const twin = memoryAzure({ settleSeconds: 60 })
  const application = twin.addApplication('orders')
  const like = credentialOf(twin, application, twin.addPassword(application))
  const io = impatient()
  const sleep = async (ms: number) => {
    if (io.slept.push(ms) === 2) twin.refusals.clear()
  }
  const connection = await open(twin, { ...io, sleep })
  // Our own token is there by now.
  const before = await connection.inspect!(like)
  const refusal = { status: 401, body: { error: 'invalid_client', error_codes: [7000215] } }
  twin.refusals.set('POST login.microsoftonline.com', refusal)
  const issued = await connection.issue!({ name: 'x', like, scopes: [], before })
  expect(io.slept).toEqual([2000, 2000])
  expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: 'live' })
  // One that is never taken is not waited for beyond that: verify tells.
  twin.refusals.set('POST login.microsoftonline.com', refusal)
  await connection.issue!({ name: 'y', like, scopes: [], before })
  expect(io.slept.slice(2)).toHaveLength(30)
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
test.skipIf(!hasOpenssl)(
  'a certificate: we sign in with one, one that leaked is tried and taken away',
  async () => {
    const directory = await ownDirectory()
    const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const options = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=firebreak', '-days', '2']
    execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
    const [keyPem, certificatePem] = [await readFile(key, 'utf8'), await readFile(certificate, 'utf8')]
    const twin = memoryAzure({ certificate: new Secret(`${keyPem}${certificatePem}`) })
    const own = [...twin.applications.values()][0]!
    const held = {
      keyId: randomUUID(),
      displayName: 'CN=firebreak',
      customKeyIdentifier: new X509Certificate(certificatePem).fingerprint.replaceAll(':', ''),
      publicKey: createPublicKey(certificatePem).export({ type: 'spki', format: 'pem' }) as string,
      startDateTime: '2026-01-01T00:00:00Z',
      endDateTime: '2027-01-01T00:00:00Z',
    }
    own.certificates.push(held)
    const orders = twin.addApplication('orders')
    orders.certificates.push(
      { ...held, keyId: randomUUID() },
      { ...held, keyId: randomUUID(), customKeyIdentifier: 'ab'.repeat(20) },
    )
    const connection = await open(twin)
    const ref = credentialOf(twin, orders, orders.certificates[0]!)
    // Its thumbprint is asked of Graph, where the file has the key alone.
    const leaked = new Secret(keyPem, orders.appId)
    expect(await connection.verify!(ref, leaked)).toMatchObject({ state: 'live' })
    await connection.revoke!(ref, leaked)
    expect(orders.certificates).toHaveLength(1)
    expect(
      await connection.verify!(ref, new Secret(`${keyPem}${certificatePem}`, orders.appId)),
    ).toMatchObject({
      state: 'dead',
      why: expect.stringContaining('AADSTS700027'),
    })
  },
)

test.each([
  ['an endpoint without TLS', { graph: 'http://graph.acme.example' }],
  ['an endpoint with a name and a password', { login: 'https://a:b@login.acme.example' }],
  ['neither a secret nor a certificate', { clientSecret: undefined }],
  ['both', { certificate: new Secret('x') }],
])('%s is no configuration', (_, more) => {
  const config = { tenant: 'acme.example', clientId: randomUUID(), clientSecret: new Secret('x'), ...more }
  expect(azureConfig.safeParse(config).success).toBe(false)
})

test('a certificate that is none is said before anything is asked', async () => {
  const twin = memoryAzure()
  const given = { clientSecret: undefined, certificate: new Secret('no certificate') }
  await expect(twin.connector.open(given as never, realIo())).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
  })
  expect(twin.calls).toBe(0)
})
