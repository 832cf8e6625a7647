import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import {
  account,
  asset,
  binding,
  email,
  NUMBER,
  policyOn,
  pool,
  PROJECT,
  project,
  provider,
  readGcp,
  takesGcp,
} from './asking.ts'

const edgesIn = (seen: readonly Observation[]) =>
  seen.flatMap(one =>
    one.see === 'edge'
      ? [`${one.from.kind} ${one.crossing} ${one.to.kind} ${one.to.id} ${one.certainty}`]
      : [],
  )
const gapsIn = (seen: readonly Observation[]) =>
  seen.flatMap(one => (one.see === 'covered' ? [`${one.scope}: ${one.why}`] : []))
const factsOf = (seen: readonly Observation[], kind: string) =>
  seen.flatMap(one =>
    (one.see === 'identity' || one.see === 'resource') && one.ref.kind === kind
      ? [Object.fromEntries(Object.entries(one.facts).map(([name, { value }]) => [name, value]))]
      : [],
  )

describe('takes what gcloud prints, and nothing else', () => {
  test.each([
    [
      'an asset',
      policyOn('cloudresourcemanager.googleapis.com/projects/1', binding('roles/viewer', 'allUsers')),
    ],
    [
      'lines of assets',
      `${JSON.stringify(asset('iam.googleapis.com/x', 'iam.googleapis.com/Role', {}))}\n{}\n`,
    ],
    ['service accounts', [account('deployer')]],
    ['a policy', { bindings: [binding('roles/owner', 'user:a@acme.example')], etag: 'x' }],
    ['providers', [provider()]],
    ['projects', [project]],
    ['a role', { name: `projects/${PROJECT}/roles/own`, includedPermissions: ['iam.roles.update'] }],
  ])('%s', (_, content) => expect(takesGcp(content)).toBe(true))

  test.each([
    ['a key of a service account', { type: 'service_account', client_email: email('deployer') }],
    ['a text about it', 'see //iam.googleapis.com/projects'],
    ['another JSON', { name: 'package', bindings: [] }],
  ])('not %s', (_, content) => expect(takesGcp(content)).toBe(false))
})

test('service accounts are known by their unique id and called by their address; Google’s own keys are none', async () => {
  const seen = await readGcp([
    account('deployer'),
    {
      name: `projects/${PROJECT}/serviceAccounts/${email('deployer')}/keys/0123abcd`,
      keyType: 'USER_MANAGED',
      validAfterTime: '2024-01-01T00:00:00Z',
      validBeforeTime: '9999-12-31T23:59:59Z',
    },
    { name: `projects/${PROJECT}/serviceAccounts/${email('deployer')}/keys/ffff`, keyType: 'SYSTEM_MANAGED' },
  ])
  expect(seen).toContainEqual({
    see: 'identity',
    ref: { system: 'gcp', instance: PROJECT, kind: 'service-account', id: '108402001111222233334' },
    names: [email('deployer'), 'the deployer'],
    facts: { disabled: { value: false } },
  })
  expect(seen.filter(({ see }) => see === 'credential')).toMatchObject([
    {
      ref: { id: '0123abcd', kind: 'service-account-key', identity: { id: `?${email('deployer')}` } },
      facts: { active: { value: true }, created: { value: '2024-01-01T00:00:00Z' } },
    },
  ])
})

test('a hierarchy is told link by link, whatever names a project by its number', async () => {
  const seen = await readGcp([
    { name: `//cloudresourcemanager.googleapis.com/projects/${NUMBER}`, resource: { data: project } },
    policyOn(
      `secretmanager.googleapis.com/projects/${NUMBER}/secrets/db`,
      binding('roles/viewer', 'allUsers'),
    ),
  ])
  expect(edgesIn(seen)).toEqual([
    'project inherits-from folder folders/77 proven',
    `secret inherits-from project ${PROJECT} proven`,
    'folder inherits-from organization organizations/9 proven',
  ])
  // Both of its names are that of the instance that texts speak of.
  expect(seen).toContainEqual({
    see: 'resource',
    ref: { system: 'gcp', instance: PROJECT, kind: 'instance', id: PROJECT },
    names: [PROJECT, NUMBER],
    facts: {},
  })
})

test('a policy names its members by what they are, with its conditions; what was deleted is nobody', async () => {
  const [policy] = (
    await readGcp({
      resource: `//iam.googleapis.com/projects/${PROJECT}/serviceAccounts/${email('deployer')}`,
      project: `projects/${NUMBER}`,
      policy: {
        bindings: [
          {
            role: 'roles/iam.serviceAccountUser',
            members: [
              'user:Alice@acme.example',
              'group:ops@acme.example',
              `serviceAccount:${NUMBER}-compute@developer.gserviceaccount.com`,
              `serviceAccount:${PROJECT}.svc.id.goog[shop/api]`,
              'deleted:user:bob@acme.example?uid=1',
              'projectOwner:acme-prod',
              `principal://iam.googleapis.com/${pool}/subject/repo:acme/shop:ref:refs/heads/main`,
            ],
            condition: {
              title: 'till spring',
              expression: 'request.time < timestamp("2026-04-01T00:00:00Z")',
            },
          },
        ],
      },
    })
  ).filter(one => one.see === 'policy')
  expect(policy).toMatchObject({
    language: 'gcp-iam',
    on: { kind: 'service-account', id: `?${email('deployer')}` },
  })
  const { bindings } = JSON.parse((policy as { text: string }).text) as {
    bindings: { when: string; members: { instance: string; kind: string; id: string }[] }[]
  }
  expect(bindings[0]!.when).toBe('till spring')
  expect(bindings[0]!.members.map(({ instance, kind, id }) => `${instance} ${kind} ${id}`)).toEqual([
    'google user alice@acme.example',
    'google group ops@acme.example',
    `?${NUMBER} service-account ?${NUMBER}-compute@developer.gserviceaccount.com`,
    `${PROJECT} kubernetes-service-account shop/api`,
    `?${NUMBER} federated-principal ?locations/global/workloadIdentityPools/ci/subject/repo:acme/shop:ref:refs/heads/main`,
  ])
})

test.each([
  ['get-iam-policy-acme-prod.json', 'project acme-prod'],
  [`get-iam-policy-${email('deployer')}.json`, `service-account ?${email('deployer')}`],
])('a policy alone is of what its file is named after: %s', async (path, on) => {
  const seen = await readGcp({ bindings: [binding('roles/owner', 'user:a@acme.example')] }, `iam/${path}`)
  expect(seen.flatMap(one => (one.see === 'policy' ? [`${one.on.kind} ${one.on.id}`] : []))).toEqual([on])
})

test('what cannot be read is a gap, and the rest is read', async () => {
  const good = JSON.stringify(account('deployer'))
  expect(gapsIn(await readGcp(`${good}\n{"name": \n${good}`))).toEqual([
    'gcp:export.json:2: it is no whole JSON',
  ])
  expect(gapsIn(await readGcp('{"bindings": [\n{"role":'))).toEqual(['gcp:export.json: it is no whole JSON'])
  expect(gapsIn(await readGcp({ bindings: [] }))).toEqual([expect.stringContaining('name the file')])
  const broken = await readGcp(
    policyOn(
      `cloudresourcemanager.googleapis.com/projects/${PROJECT}`,
      { members: [] },
      binding('roles/owner', 'allUsers'),
    ),
  )
  expect(gapsIn(broken)).toEqual([expect.stringContaining('#bindings[0]')])
  expect(broken.filter(({ see }) => see === 'policy')).toHaveLength(1)
})

test('what runs is told with whom it runs as, as far as its scopes go', async () => {
  const machine = (name: string, scope: string) => ({
    kind: 'compute#instance',
    selfLink: `https://www.googleapis.com/compute/v1/projects/${PROJECT}/zones/eu-a/instances/${name}`,
    serviceAccounts: [{ email: email('deployer'), scopes: [`https://www.googleapis.com/auth/${scope}`] }],
  })
  const seen = await readGcp([
    machine('whole', 'cloud-platform'),
    machine('narrow', 'logging.write'),
    {
      name: `projects/${PROJECT}/locations/eu/functions/f`,
      serviceConfig: { serviceAccountEmail: email('deployer') },
    },
    {
      apiVersion: 'serving.knative.dev/v1',
      metadata: { name: 'web', namespace: NUMBER, labels: { 'cloud.googleapis.com/location': 'eu' } },
      spec: { template: { spec: { serviceAccountName: email('deployer') } } },
    },
  ])
  expect(edgesIn(seen).filter(edge => edge.includes('runs-as'))).toEqual([
    `vm runs-as service-account ?${email('deployer')} proven`,
    `vm runs-as service-account ?${email('deployer')} conditional`,
    `function runs-as service-account ?${email('deployer')} proven`,
    `run-service runs-as service-account ?${email('deployer')} proven`,
  ])
})

describe('whom a pool lets in', () => {
  const repository = 'repository ?github.com/acme/shop'
  test.each([
    ['no condition', undefined, true, ['anyone vouched-for-by workload-identity-provider proven']],
    ['one that is always true', 'true', true, ['anyone vouched-for-by workload-identity-provider proven']],
    [
      'a repository',
      "assertion.repository == 'acme/shop'",
      false,
      [`workload-identity-provider admits-jobs-of ${repository} proven`],
    ],
    [
      'a repository and more',
      "assertion.repository == 'acme/shop' && assertion.ref == 'refs/heads/main'",
      false,
      [`workload-identity-provider admits-jobs-of ${repository} conditional`],
    ],
    [
      'a subject',
      "assertion.sub == 'repo:acme/shop:environment:production'",
      false,
      [`workload-identity-provider admits-jobs-of ${repository} conditional`],
    ],
    ['an owner', "assertion.repository_owner == 'acme'", false, []],
    [
      'an alternative',
      "assertion.repository == 'acme/shop' || assertion.actor == 'mallory'",
      false,
      ['anyone vouched-for-by workload-identity-provider conditional'],
    ],
    [
      'subjects of everyone',
      "assertion.sub.startsWith('repo:')",
      true,
      ['anyone vouched-for-by workload-identity-provider proven'],
    ],
  ] as const)('by %s', async (_, condition, isLoose, expected) => {
    const seen = await readGcp([project, provider(condition)])
    const edges = seen.flatMap(one =>
      one.see === 'edge' && /vouched|admits/.test(one.crossing)
        ? [
            one.to.kind === 'repository'
              ? `${one.from.kind} ${one.crossing} ${one.to.kind} ${one.to.id} ${one.certainty}`
              : `${one.from.kind} ${one.crossing} ${one.to.kind} ${one.certainty}`,
          ]
        : [],
    )
    expect(edges).toEqual(expected)
    expect('loose' in factsOf(seen, 'workload-identity-provider')[0]!).toBe(isLoose)
  })

  test('an issuer of one’s own needs no condition, and a provider that is switched off vouches for nobody', async () => {
    expect(edgesIn(await readGcp([provider(undefined, 'https://idp.acme.example')]))).toEqual([
      expect.stringContaining('vouches-for'),
    ])
    expect(edgesIn(await readGcp([{ ...provider(), disabled: true }]))).toEqual([])
  })

  test.each([
    ['subject/repo:acme/shop:ref:refs/heads/main', repository, 'conditional', undefined],
    ['attribute.repository/acme/shop', repository, 'proven', undefined],
    ['attribute.repository_owner/acme', undefined, undefined, 'every repository of acme'],
    ['subject/repo:acme/*', undefined, undefined, 'every repository of acme'],
    ['subject/system:serviceaccount:shop:api', undefined, undefined, undefined],
  ])('as %s', async (of, admitted, certainty, loose) => {
    const member = `principal${of.startsWith('subject') ? '' : 'Set'}://iam.googleapis.com/${pool}/${of}`
    const seen = await readGcp([
      project,
      policyOn(`cloudresourcemanager.googleapis.com/projects/${NUMBER}`, binding('roles/viewer', member)),
    ])
    const admits = seen.filter(one => one.see === 'edge' && one.crossing === 'admits-jobs-of')
    expect(admits.map(one => one.see === 'edge' && `${one.to.kind} ${one.to.id} ${one.certainty}`)).toEqual(
      admitted === undefined ? [] : [`${admitted} ${certainty}`],
    )
    const said = factsOf(seen, 'federated-principal').flatMap(({ loose }) =>
      loose === undefined ? [] : [loose],
    )
    expect(said).toEqual(loose === undefined ? [] : [expect.stringContaining(loose)])
  })
})
