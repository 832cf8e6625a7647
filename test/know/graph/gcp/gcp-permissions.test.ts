import { describe, expect, test } from 'vitest'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import { checks } from '../../../../src/judge/posture/all.ts'
import { loadCrossingRules } from '../../../../src/know/graph/crossing-rules.ts'
import { gcpPermissions } from '../../../../src/know/graph/gcp/gcp-permissions.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import { openEstate, testKeys } from '../../estate.ts'
import {
  account,
  asset,
  binding,
  email,
  NUMBER,
  policyOn,
  pool,
  PROJECT,
  projectAsset,
  provider,
  readGcp,
} from '../../readers/gcp/asking.ts'
import { reachedFrom, wholeOf } from '../whole.ts'

const rules = await loadCrossingRules(new URL('../../../../rules', import.meta.url).pathname)
const onProject = `cloudresourcemanager.googleapis.com/projects/${NUMBER}`
const onAccount = (name: string) => `iam.googleapis.com/projects/${PROJECT}/serviceAccounts/${email(name)}`
const ALICE = 'user:alice@acme.example'
const OWN_ROLE = `projects/${PROJECT}/roles/own`
const CREATE = { role: 'roles/compute.instanceAdmin.v1', members: [ALICE] }

/** All that somebody reaches, as `service-account deployer proven by gcp-get-access-token`. */
async function reachOf(name: string, documents: readonly unknown[], more: readonly Finding[] = []) {
  const estate = await openEstate()
  const source = await estate.source()
  for (const document of documents) await estate.fold(source, (await readGcp(document)) as Finding[])
  await estate.fold(source, more)
  const graph = await wholeOf(estate.db, await loadGraph(estate.db, rules))
  const start = graph.nodes.find(({ names, ref }) => names.includes(name) || ref.id === name)
  if (!start) throw new Error(`nobody is called ${name}`)
  const reached = reachedFrom(graph, start.id).map(
    ({ ref, names, certainty, hops }) =>
      `${ref.kind} ${(names[0] ?? ref.id).replace(/@.*/, '')} ${certainty} by ${hops.at(-1)!.crossing}`,
  )
  const findings = await Promise.all(
    checks
      .filter(({ id }) => id === 'loose-federation')
      .map(async check => {
        const context = { db: estate.db, keys: testKeys, now: estate.clock.ms }
        return await check.find(context, await check.population(context))
      }),
  )
  await estate.close()
  return { reached, loose: findings.flat().map(({ why }) => why) }
}

const base = [projectAsset, account('deployer')]

test('nothing follows where nothing is known', async () => {
  const estate = await openEstate()
  const asked = new Set(['iam.serviceAccounts.actAs'])
  expect(await gcpPermissions.allowed(estate.db, await loadRoots(estate.db), asked)).toEqual([])
  await estate.close()
})

describe('what allow policies permit', () => {
  test.each([
    ['roles/iam.serviceAccountTokenCreator', 'gcp-get-access-token'],
    ['roles/iam.serviceAccountKeyAdmin', 'gcp-create-key'],
    ['roles/iam.serviceAccountAdmin', 'gcp-set-account-policy'],
    ['roles/iam.workloadIdentityUser', 'gcp-get-access-token'],
  ])('%s on a service account is that service account', async (role, crossing) => {
    const { reached } = await reachOf('alice@acme.example', [
      [...base, policyOn(onAccount('deployer'), binding(role, ALICE))],
    ])
    expect(reached).toEqual([`service-account deployer proven by ${crossing}`])
  })

  test('on the project, its folder or the organization, it is the same; on another project it is not', async () => {
    const role = 'roles/iam.serviceAccountTokenCreator'
    const granted = (name: string) => [...base, policyOn(name, binding(role, ALICE))]
    for (const name of [onProject, 'cloudresourcemanager.googleapis.com/organizations/9'])
      expect((await reachOf('alice@acme.example', [granted(name)])).reached).toContain(
        'service-account deployer proven by gcp-get-access-token',
      )
    const elsewhere = {
      resource: '//cloudresourcemanager.googleapis.com/projects/other-project',
      policy: { bindings: [binding(role, ALICE)] },
    }
    expect((await reachOf('alice@acme.example', [[...base, elsewhere]])).reached).toEqual([])
  })

  test('to act as it takes a way to run code as well, in the same project', async () => {
    const user = policyOn(onAccount('deployer'), binding('roles/iam.serviceAccountUser', ALICE))
    expect((await reachOf('alice@acme.example', [[...base, user]])).reached).toEqual([])
    const both = [...base, user, policyOn(onProject, CREATE)]
    expect((await reachOf('alice@acme.example', [both])).reached).toEqual([
      'service-account deployer proven by gcp-run-machine',
    ])
  })

  test.each([
    ['roles/cloudbuild.builds.editor', 'gcp-run-build'],
    ['roles/workflows.editor', 'gcp-run-workflow'],
    ['roles/batch.jobsEditor', 'gcp-run-batch'],
    ['roles/composer.admin', 'gcp-run-composer'],
    ['roles/aiplatform.user', 'gcp-run-training'],
    ['roles/notebooks.admin', 'gcp-run-notebook'],
  ])('%s runs code as whom one may act as', async (role, crossing) => {
    const user = policyOn(onAccount('deployer'), binding('roles/iam.serviceAccountUser', ALICE))
    const runs = policyOn(onProject, binding(role, ALICE))
    const reached = async (...policies: object[]) =>
      (await reachOf('alice@acme.example', [[...base, ...policies]])).reached
    expect(await reached(user, runs)).toEqual([`service-account deployer proven by ${crossing}`])
    expect(await reached(runs)).toEqual([])
  })

  test('a key for Cloud Storage acts as the service account there alone', async () => {
    const keys = policyOn(onProject, binding('roles/storage.hmacKeyAdmin', ALICE))
    expect((await reachOf('alice@acme.example', [[...base, keys]])).reached).toEqual([
      'service-account deployer conditional by gcp-create-hmac-key',
    ])
  })

  test('an owner has the project and all in it, an editor what runs there, a viewer nothing', async () => {
    const documents = (role: string) => [[...base, policyOn(onProject, binding(role, ALICE))]]
    expect((await reachOf('alice@acme.example', documents('roles/owner'))).reached.sort()).toEqual([
      'project Production proven by gcp-set-project-policy',
      expect.stringMatching(/^service-account deployer proven by gcp-/),
    ])
    expect((await reachOf('alice@acme.example', documents('roles/editor'))).reached).toContain(
      'service-account deployer proven by gcp-create-key',
    )
    expect((await reachOf('alice@acme.example', documents('roles/viewer'))).reached).toEqual([])
  })

  test('a condition is shown, a role of one’s own is read, and one that nobody told may be anything', async () => {
    const expression = 'request.time < timestamp("2026-04-01T00:00:00Z")'
    const timed = policyOn(
      onAccount('deployer'),
      binding('roles/iam.serviceAccountTokenCreator', ALICE, { title: 'till spring', expression }),
    )
    expect((await reachOf('alice@acme.example', [[...base, timed]])).reached).toEqual([
      'service-account deployer conditional by gcp-get-access-token',
    ])
    const own = policyOn(onProject, binding(OWN_ROLE, ALICE))
    const told = (...includedPermissions: string[]) => ({ name: OWN_ROLE, includedPermissions })
    const signs = [...base, own, told('iam.serviceAccounts.signJwt')]
    expect((await reachOf('alice@acme.example', [signs])).reached).toEqual([
      'service-account deployer proven by gcp-sign-jwt',
    ])
    expect(
      (await reachOf('alice@acme.example', [[...base, own, told('compute.zones.list')]])).reached,
    ).toEqual([])
    expect((await reachOf('alice@acme.example', [[...base, own]])).reached).toContainEqual(
      expect.stringMatching(/^project Production conditional by gcp-/),
    )
    const updates = [...base, own, told('iam.roles.update')]
    expect((await reachOf('alice@acme.example', [updates])).reached).toContain(
      'project Production conditional by gcp-update-own-role',
    )
  })

  test('secrets, buckets and machines: read, opened, entered', async () => {
    const machine = asset(
      `compute.googleapis.com/projects/${PROJECT}/zones/eu-a/instances/web`,
      'compute.googleapis.com/Instance',
      {
        resource: {
          data: {
            serviceAccounts: [{ email: email('deployer'), scopes: ['https://x/auth/cloud-platform'] }],
          },
        },
      },
    )
    const { reached } = await reachOf('alice@acme.example', [
      [
        ...base,
        machine,
        policyOn(
          `secretmanager.googleapis.com/projects/${NUMBER}/secrets/db`,
          binding('roles/secretmanager.secretAccessor', ALICE),
        ),
        policyOn('storage.googleapis.com/acme-backups', binding('roles/storage.objectViewer', ALICE)),
        policyOn(onProject, CREATE),
      ],
    ])
    expect(reached.sort()).toEqual([
      'bucket acme-backups proven by gcp-read-bucket',
      'secret db proven by gcp-read-secret',
      'service-account deployer conditional by runs-as',
      expect.stringMatching(/^vm web conditional by gcp-(log-in-to-machine|set-(machine|project)-metadata)$/),
    ])
  })
})

describe('jobs of GitHub Actions', () => {
  const repository: Ref = { system: 'git', instance: 'r1', kind: 'repository', id: 'r1' }
  const job: Ref = { ...repository, kind: 'job', id: '.github/workflows/ci.yml#deploy' }
  const pipeline: Finding[] = [
    { see: 'resource', ref: repository, names: ['https://github.com/acme/shop.git'], facts: {} },
    { see: 'workload', ref: job, names: [job.id], facts: {} },
    {
      see: 'edge',
      from: job,
      to: repository,
      crossing: 'defined-in',
      certainty: 'proven',
      why: 'told',
    },
  ]
  const set = (of: string) =>
    policyOn(
      onAccount('deployer'),
      binding('roles/iam.workloadIdentityUser', `principalSet://iam.googleapis.com/${pool}/${of}`),
    )
  const toDeployer = (reached: readonly string[]) => reached.filter(one => one.startsWith('service-account'))

  test('that the subject names get to the service account, and those of another repository do not', async () => {
    const documents = (name: string) => [[...base, set(`attribute.repository/acme/${name}`)]]
    const { reached, loose } = await reachOf(job.id, documents('shop'), pipeline)
    expect(toDeployer(reached)).toEqual(['service-account deployer conditional by gcp-get-access-token'])
    expect(loose).toEqual([])
    expect(toDeployer((await reachOf(job.id, documents('other'), pipeline)).reached)).toEqual([])
  })

  test('that the provider’s condition names get to whom all of the pool is', async () => {
    const condition = "assertion.repository == 'acme/shop'"
    const { reached, loose } = await reachOf(job.id, [[...base, provider(condition), set('*')]], pipeline)
    expect(toDeployer(reached)).toHaveLength(1)
    expect(loose).toEqual([])
  })

  test('of strangers get there too where nothing says whose are meant, which is marked', async () => {
    const documents = [[...base, provider(), set('*')]]
    const stranger = 'anyone who can run a workflow on GitHub'
    const { reached, loose } = await reachOf(stranger, documents, pipeline)
    expect(toDeployer(reached)).toEqual(['service-account deployer proven by gcp-get-access-token'])
    expect(loose).toEqual([expect.stringContaining('it has no attribute condition')])
    const named = await reachOf(
      stranger,
      [[...base, provider(), set('attribute.repository/acme/shop')]],
      pipeline,
    )
    expect(toDeployer(named.reached)).toEqual([])
  })

  test('of a condition that is not understood is said what decides', async () => {
    const condition = 'assertion.ref_type == "tag"'
    const documents = [[...base, provider(condition), set('*')]]
    const { loose } = await reachOf('https://token.actions.githubusercontent.com', documents, pipeline)
    expect(loose).toEqual([`strangers get in if its condition lets them in: ${condition}`])
  })

  test('that name a service account by its address are linked to it', async () => {
    const names: Finding = {
      see: 'edge',
      from: job,
      to: { system: 'gcp', instance: `?${PROJECT}`, kind: 'service-account', id: `?${email('deployer')}` },
      crossing: 'federates-into',
      certainty: 'conditional',
      when: 'the role trusts this repository’s OpenID Connect subject',
      why: 'told',
    }
    const { reached } = await reachOf(job.id, [base], [...pipeline, names])
    expect(toDeployer(reached)).toEqual(['service-account deployer conditional by federates-into'])
  })
})
