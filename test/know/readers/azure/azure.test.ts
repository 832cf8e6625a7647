import { describe, expect, test } from 'vitest'
import type { Document } from '../../../../src/core/contract/document.ts'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import { loadCrossingRules } from '../../../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { azureReader } from '../../../../src/know/readers/azure/azure.ts'
import { openEstate } from '../../estate.ts'
import { reachedFrom, wholeOf } from '../../graph/whole.ts'

const rules = await loadCrossingRules(new URL('../../../../rules', import.meta.url).pathname)
const guid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const [CLIENT, OBJECT, TENANT, SUBSCRIPTION] = [guid(1), guid(2), guid(3), guid(4)]
const GITHUB = 'https://token.actions.githubusercontent.com'
const VAULT = `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/Keys`

const principal = {
  id: OBJECT,
  appId: CLIENT,
  displayName: 'deployer',
  servicePrincipalType: 'Application',
  accountEnabled: true,
  appOwnerOrganizationId: TENANT,
  passwordCredentials: [
    { keyId: guid(5), displayName: 'ci', hint: 'abc', endDateTime: '2027-01-01T00:00:00Z' },
  ],
  keyCredentials: [],
}
const assignment = (role: string, scope: string, more: object = {}) => ({
  principalId: OBJECT,
  principalName: CLIENT,
  principalType: 'ServicePrincipal',
  roleDefinitionName: role,
  scope,
  ...more,
})
const federated = (subject: string, more: object = {}) => ({
  id: guid(6),
  name: 'github',
  issuer: GITHUB,
  audiences: ['api://AzureADTokenExchange'],
  subject,
  ...more,
})

async function read(content: unknown, path = 'az.json'): Promise<Observation[]> {
  const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
  expect(azureReader.reads({ path }, bytes)).toBe(true)
  async function* chunks() {
    yield bytes
  }
  const seen: Observation[] = []
  for await (const one of azureReader.read({ path } as unknown as Document, chunks())) seen.push(one)
  return seen
}

async function reachOf(name: string, documents: readonly Observation[][], more: readonly Finding[] = []) {
  const estate = await openEstate()
  const source = await estate.source()
  for (const found of documents) await estate.fold(source, found as Finding[])
  await estate.fold(source, more)
  const graph = await wholeOf(estate.db, await loadGraph(estate.db, rules))
  const start = graph.nodes.find(({ names, ref }) => names.includes(name) || ref.id === name)!
  const reached = reachedFrom(graph, start.id).map(({ ref, certainty }) => `${ref.kind} ${certainty}`)
  await estate.close()
  return reached.sort()
}

test('a principal is known by its client id, with its secrets, and nothing of a secret itself is told', async () => {
  const seen = await read([principal])
  expect(seen.find(({ see }) => see === 'credential')).toMatchObject({
    ref: { kind: 'app-credential', id: guid(5), identity: { id: CLIENT } },
    facts: { title: { value: 'ci' }, expires: { value: '2027-01-01T00:00:00Z' } },
  })
  expect(JSON.stringify(seen)).not.toContain('abc')
})

test('an assignment is of the principal that bears the object id, and holds for all that is in its scope', async () => {
  const documents = [await read([principal]), await read([{ id: VAULT, name: 'Keys' }])]
  const assigned = async (role: string, scope: string, more: object = {}) =>
    await reachOf('deployer', [...documents, await read([assignment(role, scope, more)])])
  expect(await assigned('Owner', `/subscriptions/${SUBSCRIPTION}`)).toEqual([
    'key-vault proven',
    'resource-group proven',
    'subscription proven',
  ])
  // A list of vaults does not say whether one goes by roles.
  expect(await assigned('Key Vault Secrets User', VAULT)).toEqual(['key-vault conditional'])
  expect(await assigned('Contributor', VAULT, { condition: '@x' })).toEqual(['key-vault conditional'])
  expect(await assigned('Reader', `/subscriptions/${SUBSCRIPTION}`)).toEqual([])
})

describe('jobs of GitHub Actions', () => {
  const repository: Ref = { system: 'git', instance: 'r1', kind: 'repository', id: 'r1' }
  const job: Ref = { ...repository, kind: 'job', id: 'ci.yml#deploy' }
  const pipeline: Finding[] = [
    { see: 'resource', ref: repository, names: ['https://github.com/acme/shop.git'], facts: {} },
    { see: 'workload', ref: job, names: [job.id], facts: {} },
    { see: 'edge', from: job, to: repository, crossing: 'defined-in', certainty: 'proven', why: 'told' },
  ]
  const path = `federated-credential-list-${CLIENT}.json`

  test.each([
    ['repo:acme/shop:ref:refs/heads/main', ['service-principal conditional']],
    ['repo:acme/other:ref:refs/heads/main', []],
  ])('by the subject %s', async (subject, expected) => {
    const documents = [await read([principal]), await read([federated(subject)], path)]
    expect(await reachOf(job.id, documents, pipeline)).toEqual(expected)
  })

  test('by the client id that they log in with', async () => {
    const names: Finding = {
      see: 'edge',
      from: job,
      to: { system: 'azure', instance: `?${TENANT}`, kind: 'service-principal', id: `?${CLIENT}` },
      crossing: 'federates-into',
      certainty: 'conditional',
      when: 'it trusts it',
      why: 'told',
    }
    const assigned = await read([assignment('Owner', VAULT)])
    const reached = await reachOf(job.id, [await read([principal]), assigned], [...pipeline, names])
    expect(reached).toEqual(['key-vault conditional', 'service-principal conditional'])
  })

  test('of strangers, where a pattern fits their repositories, too, which is marked', async () => {
    const loose = federated('', {
      subject: null,
      claimsMatchingExpression: { value: "claims['sub'] matches 'repo:acme/*'", languageVersion: 1 },
    })
    const seen = await read([loose], path)
    expect(seen.find(one => one.see === 'resource' && one.ref.kind === 'federated-credential')).toMatchObject(
      {
        facts: { loose: { value: expect.stringContaining('every repository of acme') } },
      },
    )
    const reached = await reachOf('anyone who can run a workflow on GitHub', [await read([principal]), seen])
    expect(reached).toEqual(['service-principal conditional'])
  })
})

test.each([
  [
    'the document of an issuer',
    { issuer: 'https://idp.acme.example', jwks_uri: 'https://idp.acme.example/keys' },
  ],
  ['settings with a tenant', { tenantId: TENANT, clientId: CLIENT }],
])('%s is none of its answers', (_, content) =>
  expect(azureReader.reads({ path: 'x.json' }, Buffer.from(JSON.stringify(content)))).toBe(false),
)

test('what cannot be read is a gap', async () => {
  expect((await read('[{"servicePrincipalType": "Application"')).map(one => one.see)).toEqual(['covered'])
  expect(await read([federated('repo:a/b')], 'credentials.json')).toMatchObject([
    { see: 'covered', why: expect.stringContaining('name the file') },
  ])
})
