import { expect, test } from 'vitest'
import { transaction } from '../../../../src/core/store/store.ts'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import { realIo } from '../../../../src/core/contract/io.ts'
import type { Check } from '../../../../src/judge/posture/check.ts'
import { archivedAction } from '../../../../src/judge/posture/checks/archived-action.ts'
import { weaknessChecks } from '../../../../src/judge/posture/checks/weaknesses.ts'
import { runChecks } from '../../../../src/judge/posture/run-checks.ts'
import { type Finding, fold } from '../../../../src/know/inventory/fold.ts'
import { linkWithinRepositories } from '../../../../src/know/inventory/link-within-repositories.ts'
import { readTerraform } from '../../../../src/know/readers/terraform/read-terraform.ts'
import { openOwnStore } from '../../../own-store.ts'
import { openEstate, testKeys, tree } from '../../../know/estate.ts'

const job = (weaknesses: { id: string; line: number; certainty: string; why: string }[]): Finding => ({
  see: 'workload',
  ref: { ...tree, kind: 'job', id: 'ci.yml#build' },
  names: ['ci.yml#build'],
  facts: { weaknesses: { value: weaknesses } },
})

test('a weakness of a job is a finding until it is mended; what only may be one is none', async () => {
  const { db } = await openOwnStore()
  const io = realIo()
  const source = { id: 's', system: 'directory', instance: 'i', label: 'l', config: '{}', cursor: null }
  await db
    .insertInto('source')
    .values({ ...source, created_at: 0, observed_at: null })
    .execute()
  let at = 1
  const told = async (finding: Finding) => {
    await transaction(db, tx => fold(tx, { id: 's' }, [finding], { io, at: ++at }))
    return await runChecks(db, { io, keys: testKeys }, weaknessChecks)
  }
  const first = await told(
    job([
      { id: 'workflow-untrusted-checkout', line: 7, certainty: 'conditional', why: 'it fetches' },
      { id: 'workflow-unversioned-action', line: 9, certainty: 'potential', why: 'a name' },
    ]),
  )
  expect(first.changes.map(({ check, change, why }) => [check, change, why])).toEqual([
    ['workflow-untrusted-checkout', 'begun', 'line 7: it fetches'],
  ])
  expect(first.counts.find(({ check }) => check === 'workflow-untrusted-checkout')).toMatchObject({
    fails: 1,
    passes: 0,
  })
  const second = await told(job([]))
  expect(second.changes.map(({ check, change }) => [check, change])).toEqual([
    ['workflow-untrusted-checkout', 'ended'],
  ])
})

test('a job, and a file, of which a clone and its working tree tell is counted once', async () => {
  const estate = await openEstate()
  const clone = { system: 'git', instance: 'g1', kind: 'repository', id: 'g1' }
  const weak = { id: 'workflow-untrusted-checkout', line: 7, certainty: 'conditional', why: 'it fetches' }
  const toldIn = (repository: Ref): Finding => ({
    see: 'workload',
    ref: { ...repository, kind: 'job', id: 'ci.yml#build' },
    names: ['ci.yml#build'],
    facts: {
      weaknesses: { value: [weak] },
      uses: { value: ['actions/checkout@v4'] },
      runtime: { value: 'GitHub Actions' },
    },
  })
  const file = (repository: Ref): Finding => ({
    see: 'resource',
    ref: { ...repository, kind: 'file', id: 'main.tf' },
    names: [],
    facts: { weaknesses: { value: [{ ...weak, id: 'terraform-provider-key' }] } },
  })
  await estate.fold(await estate.source(), [
    toldIn(tree),
    toldIn(clone),
    file(tree),
    file(clone),
    { see: 'resource', ref: tree, names: ['/srv/app'], facts: {} },
    { see: 'resource', ref: clone, names: ['/srv/app'], facts: {} },
  ])
  await transaction(estate.db, tx => linkWithinRepositories(tx, estate.io))
  const { counts, changes } = await runChecks(estate.db, estate, [...weaknessChecks, archivedAction as Check])
  const of = (id: string) => counts.find(({ check }) => check === id)
  expect(of('workflow-untrusted-checkout')).toMatchObject({ fails: 1, unknown: 0, passes: 0 })
  expect(of('pipeline-debug-log')).toMatchObject({ fails: 0, passes: 1 })
  expect(of('archived-action')).toMatchObject({ unknown: 1, passes: 0 })
  expect(of('terraform-provider-key')).toMatchObject({ fails: 1, passes: 0 })
  expect(changes.map(({ why }) => why)).toEqual(['line 7: it fetches', 'line 7: it fetches'])
})

test('a check counts what its reader holds against it, and nothing that is of another system', async () => {
  const estate = await openEstate()
  const of = (kind: string, id: string, runtime: string): Finding => ({
    see: 'workload',
    ref: { ...tree, kind, id },
    names: [id],
    facts: { runtime: { value: runtime } },
  })
  await estate.fold(await estate.source(), [
    of('job', 'a', 'GitHub Actions'),
    of('job', 'b', 'GitLab CI'),
    of('service', 'c', 'Compose'),
    of('service', 'd', 'Kubernetes'),
    of('image-stage', 'e', 'Dockerfile'),
    of('mcp-server', 'f', 'MCP'),
  ])
  const { counts } = await runChecks(estate.db, estate, weaknessChecks)
  const passes = (id: string) => counts.find(({ check }) => check === id)?.passes
  expect(passes('workflow-untrusted-checkout')).toBe(1)
  expect(passes('gitlab-script-injection')).toBe(1)
  expect(passes('pipeline-debug-log')).toBe(2)
  expect(passes('jenkins-dynamic-code')).toBe(0)
  expect(passes('compose-secret-in-file')).toBe(1)
  expect(passes('dockerfile-copied-key')).toBe(1)
  expect(passes('agent-unpinned-server')).toBe(1)
  expect(passes('terraform-secret-output')).toBe(0)
})

test('of files of Terraform, and of what they make, those that are well pass; what could not be read to its end does not', async () => {
  const estate = await openEstate()
  const findings: Finding[] = []
  for (const [path, text] of [
    [
      'well/main.tf',
      'module "a" {\n  source = "acme/vpc/aws"\n  version = "5.1.0"\n}\nresource "aws_iam_user" "ci" {}\n',
    ],
    ['weak/main.tf', 'module "a" {\n  source = "git::https://git.example/vpc.git"\n}\n'],
    ['broken/main.tf', 'module "a" {\n  source = \n'],
    ['empty/main.tf', '# nothing\n'],
  ] as const) {
    const bytes = (async function* () {
      yield Buffer.from(text)
    })()
    for await (const one of readTerraform({ in: tree, path }, bytes))
      if (one.see !== 'copy') findings.push(one)
  }
  await estate.fold(await estate.source(), findings)
  const { counts } = await runChecks(estate.db, estate, weaknessChecks)
  const of = (id: string) => counts.find(({ check }) => check === id)
  // The file that is well and its resource, and for the one the file that is weak.
  expect(of('terraform-unpinned-module')).toMatchObject({ fails: 1, unknown: 0, passes: 2 })
  expect(of('terraform-wide-grant')).toMatchObject({ fails: 0, unknown: 0, passes: 3 })
  expect(of('agent-unpinned-server')).toMatchObject({ fails: 0, unknown: 0, passes: 0 })
})
