import { z } from 'zod'
import type { Gather } from './gather.ts'
import type { Tenant } from './tenant.ts'

const item = z.looseObject({ id: z.string() })
const resource = item.extend({ type: z.string(), identity: z.unknown().optional() })
const subscription = item.extend({ subscriptionId: z.string(), state: z.string().optional() })
const assignment = item.extend({
  properties: z.looseObject({
    roleDefinitionId: z.string(),
    principalId: z.string(),
    principalType: z.string().optional(),
  }),
})

/** Kinds of things that some way leads to or through, also where no identity is attached to one. */
const OF_INTEREST =
  /^microsoft\.(?:compute\/virtualmachines|compute\/virtualmachinescalesets|web\/sites|logic\/workflows|automation\/automationaccounts|containerinstance\/containergroups|app\/containerapps|app\/jobs)$/i

/** Those that say more of themselves where they are listed by their own kind. */
const BY_KIND: readonly (readonly [scope: string, path: string])[] = [
  ['vaults', 'Microsoft.KeyVault/vaults?api-version=2023-07-01'],
  ['managed-identities', 'Microsoft.ManagedIdentity/userAssignedIdentities?api-version=2023-01-31'],
  ['clusters', 'Microsoft.ContainerService/managedClusters?api-version=2024-05-01'],
  ['storage-accounts', 'Microsoft.Storage/storageAccounts?api-version=2023-01-01'],
]

export interface Vault {
  /** Its path, in lower case. */
  readonly id: string
  readonly name: string
}

/** What stands in the subscriptions, and who may do what there, as Azure Resource Manager answers. Gives the groups that hold roles. */
export async function gatherResources(tenant: Tenant, gather: Gather): Promise<Set<string>> {
  const groups = new Set<string>()
  await gather.part('management-groups', ['management-group'], async () => {
    const path = '/providers/Microsoft.Management/getEntities?api-version=2020-05-01'
    const doing = 'listing management groups'
    for await (const one of tenant.list(doing, 'arm', path, z.unknown(), 'POST')) gather.items.push(one)
  })
  await gather.part('subscriptions', ['subscription', 'resource-group'], async () => {
    for await (const one of listSubscriptions(tenant)) {
      gather.items.push(one)
      await gatherSubscription(tenant, one.subscriptionId, gather, groups)
    }
  })
  return groups
}

function listSubscriptions(tenant: Tenant) {
  return tenant.list('listing subscriptions', 'arm', '/subscriptions?api-version=2022-12-01', subscription)
}

async function gatherSubscription(
  tenant: Tenant,
  id: string,
  { items, part }: Gather,
  groups: Set<string>,
): Promise<void> {
  const within = `/subscriptions/${id}`
  await part(`${id}/resources`, ['resource'], async () => {
    const path = `${within}/resources?api-version=2021-04-01&$top=1000`
    for await (const one of tenant.list('listing resources', 'arm', path, resource))
      if (one.identity != null || OF_INTEREST.test(one.type)) items.push(one)
  })
  for (const [scope, kind] of BY_KIND)
    await part(`${id}/${scope}`, [], async () => {
      for await (const one of tenant.list(`listing ${scope}`, 'arm', `${within}/providers/${kind}`, item)) {
        items.push(one)
        if (scope !== 'managed-identities') continue
        const path = `${one.id}/federatedIdentityCredentials?api-version=2023-01-31`
        for await (const federated of tenant.list('listing federated credentials', 'arm', path, item))
          items.push(federated)
      }
    })
  await part(`${id}/role-assignments`, [], async () => {
    const roles = new Set<string>()
    const assignments = `${within}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01`
    for await (const one of tenant.list('listing role assignments', 'arm', assignments, assignment)) {
      items.push(one)
      roles.add(lastOf(one.properties.roleDefinitionId))
      if (one.properties.principalType === 'Group') groups.add(one.properties.principalId)
    }
    await part(`${id}/eligible-roles`, [], async () => {
      const eligible = `${within}/providers/Microsoft.Authorization/roleEligibilityScheduleInstances?api-version=2020-10-01`
      for await (const one of tenant.list('listing eligible roles', 'arm', eligible, assignment)) {
        items.push(one)
        roles.add(lastOf(one.properties.roleDefinitionId))
        if (one.properties.principalType === 'Group') groups.add(one.properties.principalId)
      }
    })
    const definitions = `${within}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01`
    for await (const one of tenant.list('listing roles', 'arm', definitions, item))
      if (roles.has(lastOf(one.id))) items.push(one)
  })
  await part(`${id}/deny-assignments`, [], async () => {
    const path = `${within}/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01`
    for await (const one of tenant.list('listing deny assignments', 'arm', path, item)) items.push(one)
  })
}

export async function* listVaults(tenant: Tenant): AsyncGenerator<Vault> {
  for await (const { subscriptionId } of listSubscriptions(tenant)) {
    const path = `/subscriptions/${subscriptionId}/providers/${BY_KIND[0]![1]}`
    for await (const { id } of tenant.list('listing vaults', 'arm', path, item))
      yield { id: id.toLowerCase(), name: lastOf(id) }
  }
}

function lastOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1).toLowerCase()
}
