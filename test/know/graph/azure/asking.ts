import { expect } from 'vitest'
import type { Document } from '../../../../src/core/contract/document.ts'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import { loadCrossingRules } from '../../../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { azureReader } from '../../../../src/know/readers/azure/azure.ts'
import { openEstate } from '../../estate.ts'
import { reachedFrom, wholeOf } from '../whole.ts'

const rules = await loadCrossingRules(new URL('../../../../rules', import.meta.url).pathname)
export const guid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const TENANT = guid(3)
export const SUBSCRIPTION = `/subscriptions/${guid(4)}`
export const GROUP = `${SUBSCRIPTION}/resourceGroups/shop`
export const at = (type: string, name: string) => `${GROUP}/providers/${type}/${name}`
export const MACHINE = at('Microsoft.Compute/virtualMachines', 'web')
export const SCALE_SET = at('Microsoft.Compute/virtualMachineScaleSets', 'many')
export const IDENTITY = at('Microsoft.ManagedIdentity/userAssignedIdentities', 'worker')
export const VAULT = at('Microsoft.KeyVault/vaults', 'kv')
export const STORAGE = at('Microsoft.Storage/storageAccounts', 'data')
export const CLUSTER = at('Microsoft.ContainerService/managedClusters', 'aks')
export const APP = at('Microsoft.Web/sites', 'shop')

const application = (n: number, name: string, more: object = {}) => ({
  id: guid(n + 1),
  appId: guid(n),
  displayName: name,
  servicePrincipalType: 'Application',
  appOwnerOrganizationId: TENANT,
  passwordCredentials: [],
  keyCredentials: [],
  ...more,
})
/** Who asks, and whom it may become. */
export const holder = application(10, 'holder')
export const target = application(20, 'target')
const foreign = application(30, 'foreign', { appOwnerOrganizationId: guid(99) })
const managed = application(40, 'worker-principal', {
  servicePrincipalType: 'ManagedIdentity',
  appOwnerOrganizationId: null,
})
const identity = {
  id: IDENTITY,
  name: 'worker',
  clientId: guid(40),
  principalId: guid(41),
  tenantId: TENANT,
}
export const machine = {
  id: MACHINE,
  identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY]: {} } },
}
export const vault = (byRoles: boolean, more: object = {}) => ({
  id: VAULT,
  properties: { vaultUri: 'https://kv.vault.azure.net/', enableRbacAuthorization: byRoles, ...more },
})

let roles = 0
/** A role of one's own, and its assignment to the holder. */
export function granted(block: object, scope: string, more: object = {}): object[] {
  const id = `${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/${guid(1000 + ++roles)}`
  const principal = { principalId: holder.id, principalType: 'ServicePrincipal' }
  return [
    { id, properties: { roleName: 'own', permissions: [block] } },
    {
      id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${guid(roles)}`,
      properties: { ...principal, scope, roleDefinitionId: id, ...more },
    },
  ]
}
export const may = (scope: string, ...actions: string[]) => granted({ actions }, scope)
export const mayOnData = (scope: string, ...dataActions: string[]) => granted({ dataActions }, scope)

export const directoryRole = (role: number, actions: string[], name = 'own role') => ({
  id: guid(role),
  templateId: guid(role),
  displayName: name,
  rolePermissions: [{ allowedResourceActions: actions }],
})
export const holds = (roleDefinitionId: string, directoryScopeId = '/', principalId = holder.id) => ({
  id: 'x',
  principalId,
  roleDefinitionId,
  directoryScopeId,
  principal: { '@odata.type': '#microsoft.graph.servicePrincipal', id: principalId },
})
export const GRAPH = {
  'Application.ReadWrite.All': '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9',
  'Directory.ReadWrite.All': '19dbc75e-c2e2-444c-a770-ec69d8559fc7',
  'GroupMember.ReadWrite.All': 'dbaae8cf-10b5-4b86-a4a1-f871c94c6695',
  'Application.ReadWrite.OwnedBy': '18a4783c-866b-4cc7-a460-3d5e5662c884',
  'AppRoleAssignment.ReadWrite.All': '06b708a9-e830-4db3-a914-8e69da51d44f',
  'RoleManagement.ReadWrite.Directory': '9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8',
  'User.Read.All': 'df021288-bdef-4463-88db-98f22de89214',
}
export const permitted = (name: keyof typeof GRAPH) => ({
  id: 'y',
  appRoleId: GRAPH[name],
  principalId: holder.id,
  principalType: 'ServicePrincipal',
  resourceId: guid(98),
  resourceDisplayName: 'Microsoft Graph',
})

/** Of a connected tenant. */
async function read(items: readonly object[]): Promise<Finding[]> {
  const container: Ref = { system: 'azure', instance: TENANT, kind: 'tenant', id: TENANT }
  const document = { in: container, path: 'tenant.json', format: 'azure' } as unknown as Document
  async function* bytes() {
    yield Buffer.from(items.map(item => JSON.stringify(item)).join('\n'))
  }
  const seen: Finding[] = []
  for await (const one of azureReader.read(document, bytes())) seen.push(one as Finding)
  expect(seen.filter(({ see }) => see === 'covered')).toEqual([])
  return seen
}

/** All that somebody reaches, as `vm web proven by azure-run-command`. */
export async function reachOf(items: readonly object[], who = 'holder'): Promise<string[]> {
  const estate = await openEstate()
  const source = await estate.source()
  const all = [holder, target, foreign, managed, identity, ...items]
  await estate.fold(source, await read(all))
  const graph = await wholeOf(estate.db, await loadGraph(estate.db, rules))
  const start = graph.nodes.find(({ names, ref }) => names.includes(who) || ref.id === who)
  if (!start) throw new Error(`nobody is called ${who}`)
  const reached = reachedFrom(graph, start.id).map(
    ({ ref, names, certainty, hops }) =>
      `${ref.kind} ${names[0] ?? ref.id} ${certainty} by ${hops.at(-1)!.crossing}`,
  )
  await estate.close()
  return reached.sort()
}
