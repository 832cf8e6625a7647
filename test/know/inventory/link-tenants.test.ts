import { describe, expect, test } from 'vitest'
import type { Ref } from '../../../src/core/contract/ref.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { rootOf } from '../../../src/know/inventory/merge.ts'
import { listCredentials, namesOf } from '../../../src/know/inventory/queries.ts'
import { azureReader } from '../../../src/know/readers/azure/azure.ts'
import { type Estate, openEstate, sawCopy, tree } from '../estate.ts'

const guid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const [CLIENT, OBJECT, TENANT, OTHER, SUBSCRIPTION] = [guid(1), guid(2), guid(3), guid(4), guid(5)]
const tenantRef = (id: string): Ref => ({ system: 'azure', instance: id, kind: 'tenant', id })

const principal = {
  id: OBJECT,
  appId: CLIENT,
  displayName: 'deployer',
  servicePrincipalType: 'Application',
  appOwnerOrganizationId: TENANT,
  passwordCredentials: [{ keyId: guid(6) }],
  keyCredentials: [],
}
const account = { id: SUBSCRIPTION, tenantId: TENANT, name: 'Shop', environmentName: 'AzureCloud' }
const assignment = {
  principalId: OBJECT,
  principalName: CLIENT,
  principalType: 'ServicePrincipal',
  roleDefinitionName: 'Owner',
  scope: `/subscriptions/${SUBSCRIPTION}`,
}

async function read(container: Ref, items: readonly object[]): Promise<Finding[]> {
  const bytes = (async function* () {
    yield Buffer.from(JSON.stringify(items))
  })()
  const found: Finding[] = []
  for await (const one of azureReader.read({ id: 'd', in: container, path: 'az.json' }, bytes))
    found.push(one as Finding)
  return found
}

/** A tenant that is connected, which says its own id. */
const connected = async (id: string, items: readonly object[]): Promise<Finding[]> => [
  { see: 'resource', ref: { ...tenantRef(id), kind: 'instance' }, names: [id], facts: {} },
  ...(await read(tenantRef(id), items)),
]

/** The things of a kind that stand for themselves, by how they are called. */
async function standing({ db }: Estate, kind: string): Promise<string[]> {
  const rows = await db
    .selectFrom('entity')
    .select(['instance', 'native'])
    .where('system', '=', 'azure')
    .where('kind', '=', kind)
    .where('merged_into', 'is', null)
    .execute()
  return rows.map(({ instance, native }) => `${instance} ${native}`).sort()
}

describe('an export of Azure’s, which does not say of which tenant it is', () => {
  test.each([
    ['read before the tenant is connected', true],
    ['read after it', false],
  ])('%s, is of the one that lists the same ids', async (_, exportFirst) => {
    const estate = await openEstate()
    const [files, tenant] = [await estate.source('files'), await estate.source('tenant')]
    const exported = await read(tree, [principal, account, assignment])
    const own = await connected(TENANT, [principal, account])
    for (const [source, findings] of exportFirst
      ? ([
          [files, exported],
          [tenant, own],
        ] as const)
      : ([
          [tenant, own],
          [files, exported],
        ] as const))
      await estate.fold(source, findings)
    expect(await standing(estate, 'service-principal')).toEqual([`${TENANT} ${CLIENT}`])
    expect(await standing(estate, 'app-credential')).toEqual([`${TENANT} ${guid(6)}`])
    expect(await standing(estate, 'subscription')).toEqual([`${TENANT} /subscriptions/${SUBSCRIPTION}`])
  })

  test('is nobody’s where two tenants list an id: an application may be in many', async () => {
    const estate = await openEstate()
    await estate.fold(await estate.source('files'), await read(tree, [principal]))
    for (const id of [TENANT, OTHER])
      await estate.fold(await estate.source(id), await connected(id, [principal]))
    expect(await standing(estate, 'service-principal')).toEqual(
      [`${TENANT} ${CLIENT}`, `${OTHER} ${CLIENT}`].sort(),
    )
  })
})

describe('what a text says of an application', () => {
  const asked = { system: 'azure', instance: '?', kind: 'service-principal', id: CLIENT }

  test('by its client id alone is told of the one that bears it', async () => {
    const estate = await openEstate()
    await estate.fold(await estate.source('tenant'), await connected(TENANT, [principal]))
    await estate.fold(await estate.source('files'), [
      sawCopy({ value: 'secret', path: '.env', kind: 'azure-entra-client-secret', claims: asked }),
    ])
    const told = await listCredentials(estate.db, estate.keys)
    expect(told.find(({ copies }) => copies.length > 0)?.identity?.names[0]).toBe('deployer')
  })

  test('by its client id and tenant is told, also beside an export', async () => {
    const estate = await openEstate()
    await estate.fold(await estate.source('files'), await read(tree, [principal, account]))
    await estate.fold(await estate.source('tenant'), await connected(TENANT, [principal]))
    const job: Ref = { system: 'git', instance: 'r', kind: 'job', id: 'deploy' }
    await estate.fold(await estate.source('pipeline'), [
      { see: 'workload', ref: job, names: [], facts: {} },
      {
        see: 'edge',
        from: job,
        to: { ...asked, instance: `?${TENANT}`, id: `?${CLIENT}` },
        crossing: 'federates-into',
        certainty: 'proven',
        why: 'told',
      },
    ])
    const edge = await estate.db
      .selectFrom('edge')
      .select('to_id')
      .where('crossing', '=', 'federates-into')
      .executeTakeFirstOrThrow()
    const root = await rootOf(estate.db, edge.to_id)
    // What people call it comes before its ids.
    expect((await namesOf(estate.db, root))[0]).toBe('deployer')
    expect(await standing(estate, 'service-principal')).toEqual([`${TENANT} ${CLIENT}`])
  })
})
