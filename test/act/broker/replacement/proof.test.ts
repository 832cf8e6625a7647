import { expect, test } from 'vitest'
import { proofsOf } from '../../../../src/act/broker/replacement/proof.ts'
import { factsOf } from '../../../../src/core/contract/observation.ts'
import type { Json, Ref } from '../../../../src/core/contract/ref.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { namesById } from '../../../../src/know/inventory/queries.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import { openEstate } from '../../../know/estate.ts'

const GITHUB = 'https://token.actions.githubusercontent.com'
const CLUSTER = 'https://oidc.cluster.example'

/** A workload, and where it is defined. */
function workload(
  name: string,
  facts: Record<string, Json>,
  repository?: { url: string; branch?: string },
): Finding[] {
  const ref: Ref = { system: 'git', instance: '1', kind: 'job', id: name }
  const told = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, { value }]))
  const itself: Finding = { see: 'workload', ref, names: [name], facts: told }
  if (!repository) return [itself]
  const to: Ref = { system: 'git', instance: repository.url, kind: 'repository', id: repository.url }
  const { branch } = repository
  return [
    itself,
    { see: 'resource', ref: to, names: [repository.url], facts: factsOf({ defaultBranch: branch }) },
    { see: 'edge', from: ref, to, crossing: 'defined-in', certainty: 'proven', why: 'it is' },
  ]
}

async function proofOf(findings: readonly Finding[], clusterIssuer?: string) {
  const estate = await openEstate()
  await estate.fold(await estate.source(), findings)
  const roots = await loadRoots(estate.db)
  const rows = await estate.db.selectFrom('entity').select('id').where('type', '=', 'workload').execute()
  const ids = rows.map(({ id }) => id)
  const proofs = await proofsOf(estate.db, roots, ids, clusterIssuer)
  const names = await namesById(estate.db, roots, ids)
  return Object.fromEntries([...proofs].map(([id, proof]) => [names.get(id)?.[0], proof]))
}

test('a job of GitHub Actions comes with its token: by its environment, else its default branch, and its workflow', async () => {
  const shop = { url: 'https://github.com/acme/shop.git', branch: 'trunk' }
  const proofs = await proofOf([
    ...workload(
      '.github/workflows/ci.yml#deploy',
      { runtime: 'GitHub Actions', environment: 'production' },
      shop,
    ),
    ...workload('.github/workflows/ci.yml#build', { runtime: 'GitHub Actions' }, shop),
    ...workload(
      '.github/workflows/x.yml#any',
      { runtime: 'GitHub Actions', environment: '${{ inputs.where }}' },
      shop,
    ),
  ])
  expect(proofs['.github/workflows/ci.yml#deploy']).toMatchObject({
    issuer: GITHUB,
    subject: 'repo:acme/shop:environment:production',
    claims: { workflow_ref: 'acme/shop/.github/workflows/ci.yml@refs/heads/trunk' },
    subjects: 'repo:acme/shop:*',
  })
  expect(proofs['.github/workflows/ci.yml#build']?.subject).toBe('repo:acme/shop:ref:refs/heads/trunk')
  expect(proofs['.github/workflows/x.yml#any']?.subject).toBe('repo:acme/shop:ref:refs/heads/trunk')
  expect(proofs['.github/workflows/ci.yml#build']).not.toHaveProperty('supposed')
})

test('where nothing tells the default branch, that is said', async () => {
  const proofs = await proofOf(
    workload(
      '.github/workflows/ci.yml#build',
      { runtime: 'GitHub Actions' },
      { url: 'git@github.com:acme/shop' },
    ),
  )
  expect(Object.values(proofs)).toMatchObject([
    { subject: 'repo:acme/shop:ref:refs/heads/main', supposed: 'main is its default branch' },
  ])
})

test('a job of GitLab comes with its token, from its own server', async () => {
  const proofs = await proofOf(
    workload(
      '.gitlab-ci.yml#deploy',
      { runtime: 'GitLab CI' },
      { url: 'https://git.acme.example/shop/web', branch: 'main' },
    ),
  )
  expect(Object.values(proofs)).toMatchObject([
    {
      issuer: 'https://git.acme.example',
      subject: 'project_path:shop/web:ref_type:branch:ref:main',
      claims: {},
    },
  ])
})

test('a pod comes with its service account’s token where its cluster’s issuer is known; all others bring a join token', async () => {
  const pods = workload('shop/deployment/api', { runtime: 'Kubernetes', serviceAccount: 'api' })
  expect((await proofOf(pods, CLUSTER))['shop/deployment/api']).toMatchObject({
    issuer: CLUSTER,
    subject: 'system:serviceaccount:shop:api',
    subjects: 'system:serviceaccount:shop:*',
  })
  expect((await proofOf(pods))['shop/deployment/api']).toMatchObject({
    issuer: 'join',
    subject: 'shop/deployment/api',
  })
  const local = { url: '/srv/shop.git', branch: 'main' }
  const jobs = workload('.github/workflows/ci.yml#build', { runtime: 'GitHub Actions' }, local)
  expect(Object.values(await proofOf(jobs))).toMatchObject([{ issuer: 'join' }])
})
