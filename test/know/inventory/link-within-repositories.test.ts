import { beforeEach, expect, test } from 'vitest'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { transaction } from '../../../src/core/store/store.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { linkWithinRepositories } from '../../../src/know/inventory/link-within-repositories.ts'
import { listCredentials, listIdentities } from '../../../src/know/inventory/queries.ts'
import { type Estate, openEstate, sawCopy } from '../estate.ts'

const CI = '.github/workflows/ci.yml#deploy'
const tree: Ref = { system: 'directory', instance: 't1', kind: 'tree', id: 't1' }
const clone: Ref = { system: 'git', instance: 'g1', kind: 'repository', id: 'g1' }
const host: Ref = { system: 'github', instance: 'github.com:9', kind: 'repository', id: '12' }
const at = (repository: Ref, kind: string, id: string): Ref => ({
  ...repository,
  kind,
  id: repository === host ? `12/${id}` : id,
})
const organization: Ref = { ...host, kind: 'actions-secret', id: 'secrets/NPM_TOKEN' }

const told = (ref: Ref, ...names: string[]): Finding => ({ see: 'resource', ref, names, facts: {} })
const job = (repository: Ref): Finding[] => [
  { see: 'workload', ref: at(repository, 'job', CI), names: [CI], facts: {} },
  told(at(repository, 'actions-secret', 'secrets/DATABASE_URL'), 'DATABASE_URL'),
]
const repositories = [
  told(tree, '/srv/app'),
  told(clone, '/srv/app', 'git@github.com:acme/app.git'),
  told(host, 'acme/app', 'https://github.com/acme/app'),
]

let estate: Estate
beforeEach(async () => {
  estate = await openEstate()
})

const link = async () => await transaction(estate.db, tx => linkWithinRepositories(tx, estate.io))
/** Those that stand for themselves, as `system id`. */
async function roots(kind: string): Promise<string[]> {
  const rows = await estate.db
    .selectFrom('entity')
    .select(['system', 'native'])
    .where('kind', '=', kind)
    .where('merged_into', 'is', null)
    .execute()
  return rows.map(({ system, native }) => `${system} ${native}`).sort()
}

test('a job and its secret are one, whether the host, a clone or a working tree tells of them', async () => {
  const source = await estate.source()
  await estate.fold(source, [...job(tree), ...job(clone), ...job(host), ...repositories])
  for (let times = 0; times < 2; times++) await link()
  expect(await roots('job')).toEqual([`github 12/${CI}`])
  expect(await roots('actions-secret')).toEqual(['github 12/secrets/DATABASE_URL'])
})

test('a tree and a clone of it, where no host is connected', async () => {
  await estate.fold(await estate.source(), [...job(tree), ...job(clone), ...repositories.slice(0, 2)])
  await link()
  expect(await roots('job')).toEqual([`git ${CI}`])
})

test('of a clone of two repositories nothing is concluded, nor of one of another name', async () => {
  const fork: Ref = { ...host, id: '13' }
  await estate.fold(await estate.source(), [
    ...job(clone),
    ...job(host),
    told(clone, 'https://github.com/acme/app', 'https://github.com/other/app'),
    told(host, 'https://github.com/acme/app'),
    told(fork, 'https://github.com/other/app'),
  ])
  await link()
  expect(await roots('job')).toHaveLength(2)
})

test('what was one with something that is gone stands for itself again', async () => {
  await estate.fold(await estate.source(), [...job(clone), ...job(host), ...repositories])
  await link()
  await estate.db
    .updateTable('entity')
    .set({ gone_at: 1 })
    .where('system', '=', 'github')
    .where('kind', '=', 'job')
    .execute()
  await link()
  expect(await roots('job')).toEqual([`git ${CI}`, `github 12/${CI}`])
})

test('a secret that the environment has not is the repository’s, else the organisation’s if that gives it', async () => {
  const hostSource = await estate.source('host')
  const named = [
    'environments/production/secrets/DATABASE_URL',
    'environments/production/secrets/NPM_TOKEN',
    'secrets/OTHER',
  ]
  const document = new Map<Finding, string>()
  const tellings = named.map(id => told(at(host, 'actions-secret', id), id))
  for (const telling of tellings) document.set(telling, 'workflow')
  const { fold } = await import('../../../src/know/inventory/fold.ts')
  await transaction(estate.db, tx =>
    fold(tx, hostSource, tellings, { io: estate.io, at: 5, toldBy: document }),
  )
  const other: Ref = { ...organization, id: 'secrets/OTHER' }
  await estate.fold(hostSource, [
    told(at(host, 'actions-secret', 'secrets/DATABASE_URL')),
    told(organization),
    told(other),
    { see: 'edge', from: host, to: organization, crossing: 'has-secret', certainty: 'proven', why: 'given' },
  ])
  await link()
  // OTHER is not given to this repository.
  expect(await roots('actions-secret')).toEqual([
    'github 12/secrets/DATABASE_URL',
    'github 12/secrets/OTHER',
    'github secrets/NPM_TOKEN',
    'github secrets/OTHER',
  ])
  // The environment gets one of its own.
  await estate.fold(hostSource, [told(at(host, 'actions-secret', named[0]!))])
  await link()
  expect(await roots('actions-secret')).toContain(`github 12/${named[0]}`)
})

const manifestsOf = ({ system, instance }: Ref): Ref => ({
  system: 'kubernetes',
  instance: `?${system}:${instance}`,
  kind: 'service-account',
  id: '?shop/serviceaccount/api',
})
const declared = (repository: Ref): Finding[] => [
  {
    see: 'identity',
    ref: at(repository, 'terraform-resource', 'infra#aws_iam_user.ci'),
    names: ['ci'],
    facts: {},
  },
  { see: 'identity', ref: manifestsOf(repository), names: ['shop/serviceaccount/api'], facts: {} },
  told(at(repository, 'file', 'infra/main.tf')),
]

test('what Terraform and manifests declare is counted once, however many tell of the repository; its files stay where they lie', async () => {
  const source = await estate.source()
  await estate.fold(source, [...declared(tree), ...declared(clone), ...repositories.slice(0, 2)])
  for (let times = 0; times < 2; times++) await link()
  expect(await roots('terraform-resource')).toEqual(['git infra#aws_iam_user.ci'])
  expect((await listIdentities(estate.db)).map(({ ref }) => ref.instance).sort()).toEqual(['?git:g1', 'g1'])
  expect(await roots('file')).toHaveLength(2)
  // The clone's newest commit has it no more, and the tree still does.
  await estate.db.updateTable('entity').set({ gone_at: 1 }).where('instance', '=', '?git:g1').execute()
  await link()
  expect(await roots('service-account')).toHaveLength(2)
  expect(await roots('terraform-resource')).toHaveLength(1)
})

test('a cluster that says whose manifests are applied to it has what those of a clone and of its tree name', async () => {
  const cluster = { system: 'kubernetes', instance: 'c1' }
  const account: Ref = { ...cluster, kind: 'service-account', id: 'uid-1' }
  const source = await estate.source()
  await estate.fold(source, [...declared(tree), ...declared(clone), ...repositories.slice(0, 2)])
  await link()
  await estate.fold(source, [
    told({ ...cluster, kind: 'instance', id: 'c1' }, 'directory:t1'),
    { see: 'identity', ref: account, names: ['shop/serviceaccount/api'], facts: {} },
  ])
  expect(await roots('service-account')).toEqual(['kubernetes uid-1'])
})

test('a value that both say is one identity’s is one credential', async () => {
  const [ofTree, ofClone] = [tree, clone].map(manifestsOf)
  await estate.fold(await estate.source(), [
    ...declared(tree),
    ...declared(clone),
    ...repositories.slice(0, 2),
    sawCopy({ value: 'v', path: 'a', claims: ofTree! }),
    sawCopy({ value: 'v', path: 'b', claims: ofClone! }),
  ])
  expect(await listCredentials(estate.db, estate.keys)).toHaveLength(2)
  await link()
  expect(await listCredentials(estate.db, estate.keys)).toHaveLength(1)
})
