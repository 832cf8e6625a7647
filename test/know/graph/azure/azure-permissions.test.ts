import { describe, expect, test } from 'vitest'
import type { Document } from '../../../../src/core/contract/document.ts'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import { azurePermissions } from '../../../../src/know/graph/azure/azure-permissions.ts'
import { loadCrossingRules } from '../../../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import { azureReader } from '../../../../src/know/readers/azure/azure.ts'
import { openEstate } from '../../estate.ts'
import { reachedFrom, wholeOf } from '../whole.ts'

const rules = await loadCrossingRules(new URL('../../../../rules', import.meta.url).pathname)
const guid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const TENANT = guid(3)
const SUBSCRIPTION = `/subscriptions/${guid(4)}`
const GROUP = `${SUBSCRIPTION}/resourceGroups/shop`
const at = (type: string, name: string) => `${GROUP}/providers/${type}/${name}`
const MACHINE = at('Microsoft.Compute/virtualMachines', 'web')
const SCALE_SET = at('Microsoft.Compute/virtualMachineScaleSets', 'many')
const IDENTITY = at('Microsoft.ManagedIdentity/userAssignedIdentities', 'worker')
const VAULT = at('Microsoft.KeyVault/vaults', 'kv')
const STORAGE = at('Microsoft.Storage/storageAccounts', 'data')
const CLUSTER = at('Microsoft.ContainerService/managedClusters', 'aks')
const APP = at('Microsoft.Web/sites', 'shop')

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
const holder = application(10, 'holder')
const target = application(20, 'target')
const foreign = application(30, 'foreign', { appOwnerOrganizationId: guid(99) })
const managed = application(40, 'worker-principal', {
  servicePrincipalType: 'ManagedIdentity',
  appOwnerOrganizationId: null,
})
const identity = { id: IDENTITY, name: 'worker', clientId: guid(40), principalId: guid(41), tenantId: TENANT }
const machine = {
  id: MACHINE,
  identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY]: {} } },
}
const vault = (byRoles: boolean, more: object = {}) => ({
  id: VAULT,
  properties: { vaultUri: 'https://kv.vault.azure.net/', enableRbacAuthorization: byRoles, ...more },
})

let roles = 0
/** A role of one's own, and its assignment to the holder. */
function granted(block: object, scope: string, more: object = {}): object[] {
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
const may = (scope: string, ...actions: string[]) => granted({ actions }, scope)
const mayOnData = (scope: string, ...dataActions: string[]) => granted({ dataActions }, scope)

const directoryRole = (role: number, actions: string[], name = 'own role') => ({
  id: guid(role),
  templateId: guid(role),
  displayName: name,
  rolePermissions: [{ allowedResourceActions: actions }],
})
const holds = (roleDefinitionId: string, directoryScopeId = '/', principalId = holder.id) => ({
  id: 'x',
  principalId,
  roleDefinitionId,
  directoryScopeId,
  principal: { '@odata.type': '#microsoft.graph.servicePrincipal', id: principalId },
})
const GRAPH = {
  'Application.ReadWrite.All': '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9',
  'Directory.ReadWrite.All': '19dbc75e-c2e2-444c-a770-ec69d8559fc7',
  'GroupMember.ReadWrite.All': 'dbaae8cf-10b5-4b86-a4a1-f871c94c6695',
  'Application.ReadWrite.OwnedBy': '18a4783c-866b-4cc7-a460-3d5e5662c884',
  'AppRoleAssignment.ReadWrite.All': '06b708a9-e830-4db3-a914-8e69da51d44f',
  'RoleManagement.ReadWrite.Directory': '9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8',
  'User.Read.All': 'df021288-bdef-4463-88db-98f22de89214',
}
const permitted = (name: keyof typeof GRAPH) => ({
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
async function reachOf(items: readonly object[], who = 'holder'): Promise<string[]> {
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

test('nothing follows where nothing is known', async () => {
  const estate = await openEstate()
  const asked = new Set(['Microsoft.Authorization/roleAssignments/write'])
  expect(await azurePermissions.allowed(estate.db, await loadRoots(estate.db), asked)).toEqual([])
  await estate.close()
})

describe('what roles permit', () => {
  const AS_WORKER = 'service-principal worker proven by runs-as'

  test.each([
    ['Microsoft.Compute/virtualMachines/runCommand/action'],
    ['Microsoft.Compute/virtualMachines/extensions/write'],
    ['microsoft.compute/VIRTUALMACHINES/*'],
  ])('%s on a machine is whom it runs as', async action => {
    expect(await reachOf([machine, ...may(MACHINE, action)])).toEqual([
      AS_WORKER,
      'vm web proven by azure-run-command',
    ])
  })

  test('it holds on all that is in the scope, and nowhere else', async () => {
    const run = 'Microsoft.Compute/virtualMachines/runCommand/action'
    const management = '/providers/Microsoft.Management/managementGroups/prod'
    const entity = {
      id: SUBSCRIPTION,
      type: '/subscriptions',
      properties: { displayName: 'Shop', parent: { id: management }, parentNameChain: ['prod'] },
    }
    for (const scope of [GROUP, SUBSCRIPTION, management, '/'])
      expect(await reachOf([machine, entity, ...may(scope, run)]), scope).toContain(
        'vm web proven by azure-run-command',
      )
    for (const scope of [`${SUBSCRIPTION}/resourceGroups/other`, `/subscriptions/${guid(5)}`])
      expect(await reachOf([machine, entity, ...may(scope, run)]), scope).toEqual([])
    expect(await reachOf([machine, ...may(MACHINE, 'Microsoft.Compute/virtualMachines/read')])).toEqual([])
  })

  test('what is taken out of a role is not in it, and what another of its parts gives is', async () => {
    const [all, not] = [['*'], ['Microsoft.Compute/virtualMachines/*']]
    expect(await reachOf([machine, ...granted({ actions: all, notActions: not }, MACHINE)])).not.toContain(
      'vm web proven by azure-run-command',
    )
    // An action on data is no other action.
    expect(
      await reachOf([vault(true), ...may(VAULT, 'Microsoft.KeyVault/vaults/secrets/getSecret/action')]),
    ).toEqual([])
  })

  test('a condition is shown', async () => {
    const block = { dataActions: ['Microsoft.KeyVault/vaults/secrets/getSecret/action'] }
    expect(await reachOf([vault(true), ...granted(block, VAULT, { condition: '@x' })])).toEqual([
      'key-vault kv conditional by azure-read-vault',
    ])
  })

  test('a group’s role is its members’', async () => {
    const [definition, assignment] = may(MACHINE, 'Microsoft.Compute/virtualMachines/*') as [
      object,
      { properties: object },
    ]
    const toGroup = {
      ...assignment,
      properties: { ...assignment.properties, principalId: guid(70), principalType: 'Group' },
    }
    const group = (members: object[]) => ({ '@odata.type': '#microsoft.graph.group', id: guid(70), members })
    const member = { '@odata.type': '#microsoft.graph.servicePrincipal', id: holder.id }
    expect(await reachOf([machine, definition, toGroup, group([member])])).toContain(
      'vm web proven by azure-run-command',
    )
    expect(await reachOf([machine, definition, toGroup, group([])])).toEqual([])
  })
})

describe('deny assignments', () => {
  const run = may(MACHINE, 'Microsoft.Compute/virtualMachines/runCommand/action')
  const deny = (principals: object[], more: object = {}) => ({
    id: `${GROUP}/providers/Microsoft.Authorization/denyAssignments/${guid(80)}`,
    properties: {
      denyAssignmentName: 'locked',
      scope: GROUP,
      permissions: [
        { actions: ['Microsoft.Compute/*'], notActions: [], dataActions: [], notDataActions: [] },
      ],
      principals,
      excludePrincipals: [],
      ...more,
    },
  })
  const everyone = { id: '00000000-0000-0000-0000-000000000000', type: 'SystemDefined' }
  const isLetIn = async (one: object) =>
    (await reachOf([machine, ...run, one])).filter(text => text.startsWith('vm')).join()

  test.each([
    ['for everyone', deny([everyone]), ''],
    ['for it', deny([{ id: holder.id, type: 'ServicePrincipal' }]), ''],
    ['for another', deny([{ id: target.id, type: 'ServicePrincipal' }]), 'proven'],
    [
      'that leaves it out',
      deny([everyone], { excludePrincipals: [{ id: holder.id, type: 'ServicePrincipal' }] }),
      'proven',
    ],
    [
      'that leaves a group out',
      deny([everyone], { excludePrincipals: [{ id: guid(71), type: 'Group' }] }),
      'conditional',
    ],
    ['of the group alone', deny([everyone], { doNotApplyToChildScopes: true }), 'proven'],
    [
      'of other actions',
      deny([everyone], {
        permissions: [{ actions: ['*'], notActions: ['Microsoft.Compute/virtualMachines/*'] }],
      }),
      'proven',
    ],
  ])('%s', async (_, one, certainty) => {
    expect(await isLetIn(one)).toBe(certainty === '' ? '' : `vm web ${certainty} by azure-run-command`)
  })
})

describe('ways through things of Azure', () => {
  const app = { id: APP, identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY]: {} } } }
  const SITE = 'Microsoft.Web/sites'

  test.each<[string, object[], string | undefined, string?]>([
    [
      'a machine is entered by its administrators',
      [machine, ...mayOnData(MACHINE, 'Microsoft.Compute/virtualMachines/loginAsAdmin/action')],
      'vm web conditional by azure-log-in-to-machine',
    ],
    [
      'and not by its users',
      [machine, ...mayOnData(MACHINE, 'Microsoft.Compute/virtualMachines/login/action')],
      undefined,
    ],
    [
      'the machines of a scale set',
      [{ id: SCALE_SET }, ...may(SCALE_SET, 'Microsoft.Compute/virtualMachineScaleSets/extensions/write')],
      'vm-scale-set many proven by azure-run-command-in-scale-set',
    ],
    [
      'an app is published to',
      [app, ...may(APP, `${SITE}/publishxml/action`)],
      'service-principal worker proven by runs-as',
    ],
    ['and not by who reads it', [app, ...may(APP, `${SITE}/read`)], undefined],
    [
      'an app of functions is written with its host keys',
      [app, ...may(APP, `${SITE}/host/listkeys/action`)],
      'web-app shop conditional by azure-read-function-keys',
    ],
    [
      'a logic app is changed',
      [{ id: at('Microsoft.Logic/workflows', 'flow') }, ...may(GROUP, 'Microsoft.Logic/workflows/write')],
      'logic-app flow proven by azure-change-logic-app',
    ],
    [
      'containers are entered',
      [
        { id: at('Microsoft.ContainerInstance/containerGroups', 'jobs') },
        ...may(GROUP, 'Microsoft.ContainerInstance/containerGroups/containers/exec/action'),
      ],
      'container-group jobs proven by azure-change-container',
    ],
    [
      'a container app is changed',
      [{ id: at('Microsoft.App/containerApps', 'api') }, ...may(GROUP, 'Microsoft.App/containerApps/write')],
      'container-app api proven by azure-change-container-app',
    ],
    [
      'a runbook is written and started',
      [
        { id: at('Microsoft.Automation/automationAccounts', 'ops') },
        ...may(
          GROUP,
          'Microsoft.Automation/automationAccounts/runbooks/write',
          'Microsoft.Automation/automationAccounts/jobs/write',
        ),
      ],
      'automation-account ops proven by azure-run-runbook',
    ],
    [
      'and one that is started alone does as it did',
      [
        { id: at('Microsoft.Automation/automationAccounts', 'ops') },
        ...may(GROUP, 'Microsoft.Automation/automationAccounts/jobs/write'),
      ],
      undefined,
    ],
    [
      'a managed identity is attached to a new machine',
      [
        ...may(
          IDENTITY,
          'Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action',
          'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
        ),
        ...may(`/subscriptions/${guid(5)}`, 'Microsoft.Compute/virtualMachines/write'),
      ],
      'service-principal worker proven by azure-attach-identity',
    ],
    [
      'and not by who can make none',
      may(IDENTITY, 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'),
      undefined,
    ],
    [
      'a managed identity takes tokens of another issuer',
      may(IDENTITY, 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write'),
      'service-principal worker proven by azure-add-federated-credential',
    ],
    [
      'a vault that goes by roles is read by role',
      [vault(true), ...mayOnData(VAULT, 'Microsoft.KeyVault/vaults/secrets/*')],
      'key-vault kv proven by azure-read-vault',
    ],
    [
      'one that goes by access policies is not',
      [vault(false), ...mayOnData(VAULT, 'Microsoft.KeyVault/vaults/secrets/*')],
      undefined,
    ],
    [
      'who changes that one lets themselves in',
      [vault(false), ...may(VAULT, 'Microsoft.KeyVault/vaults/accessPolicies/write')],
      'key-vault kv proven by azure-change-vault-policy',
    ],
    [
      'and not into one that goes by roles',
      [vault(true), ...may(VAULT, 'Microsoft.KeyVault/vaults/accessPolicies/write')],
      undefined,
    ],
    [
      'one secret of a vault, by a role on it alone',
      [
        vault(true),
        { id: `${VAULT}/secrets/db` },
        { id: `${VAULT}/secrets/other` },
        ...mayOnData(`${VAULT}/secrets/db`, 'Microsoft.KeyVault/vaults/secrets/getSecret/action'),
      ],
      'key-vault-secret kv/db proven by azure-read-secret',
    ],
    [
      'an access policy of the vault itself',
      [
        vault(false, {
          accessPolicies: [{ objectId: holder.id, permissions: { secrets: ['Get', 'List'] } }],
        }),
      ],
      'key-vault kv proven by may-read',
    ],
    [
      'and not one for keys alone',
      [vault(false, { accessPolicies: [{ objectId: holder.id, permissions: { secrets: ['List'] } }] })],
      undefined,
    ],
    [
      'the keys of a storage account open what is in it',
      [
        { id: STORAGE, properties: { primaryEndpoints: {} } },
        ...may(STORAGE, 'Microsoft.Storage/storageAccounts/listKeys/action'),
      ],
      'storage-account data proven by azure-list-storage-keys',
    ],
    [
      'and not where it takes none',
      [
        { id: STORAGE, properties: { primaryEndpoints: {}, allowSharedKeyAccess: false } },
        ...may(STORAGE, 'Microsoft.Storage/storageAccounts/listKeys/action'),
      ],
      undefined,
    ],
    [
      'blobs are read by role',
      [
        { id: STORAGE },
        ...mayOnData(STORAGE, 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'),
      ],
      'storage-account data proven by azure-read-blobs',
    ],
    [
      'a cluster’s administrator’s certificate is taken',
      [
        { id: CLUSTER, properties: { disableLocalAccounts: false } },
        ...may(CLUSTER, 'Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action'),
      ],
      'aks-cluster aks proven by azure-take-cluster-credentials',
    ],
    [
      'and not where it has no local accounts',
      [
        { id: CLUSTER, properties: { disableLocalAccounts: true } },
        ...may(CLUSTER, 'Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action'),
      ],
      undefined,
    ],
    [
      'commands are run in a cluster',
      [{ id: CLUSTER }, ...may(CLUSTER, 'Microsoft.ContainerService/managedClusters/runCommand/action')],
      'aks-cluster aks conditional by azure-run-command-in-cluster',
    ],
    [
      'who assigns roles on a group has what is in it',
      [machine, ...may(GROUP, 'Microsoft.Authorization/*')],
      'vm web proven by azure-administers',
    ],
  ])('%s', async (_, items, expected) => {
    const reached = await reachOf(items)
    if (expected === undefined) expect(reached).toEqual([])
    else expect(reached).toContain(expected)
    // Of two secrets in a vault, the one that was given.
    expect(reached.join()).not.toContain('kv/other')
  })
})

describe('ways through the directory', () => {
  const TARGET = 'service-principal target proven'
  const CREDENTIALS = ['microsoft.directory/applications/credentials/update']
  const owned = (n: number, type: string) => ({
    ...target,
    owners: [{ '@odata.type': `#microsoft.graph.${type}`, id: guid(n), displayName: 'owner' }],
  })

  test('who owns an application is it; of applications those that may write what they own', async () => {
    expect(await reachOf([owned(60, 'user')], 'owner')).toEqual([`${TARGET} by azure-owner-adds-credential`])
    expect(await reachOf([owned(11, 'servicePrincipal')])).toEqual([])
    expect(
      await reachOf([owned(11, 'servicePrincipal'), permitted('Application.ReadWrite.OwnedBy')]),
    ).toEqual([`${TARGET} by azure-owner-application-adds-credential`])
    expect(await reachOf([permitted('Application.ReadWrite.OwnedBy')])).toEqual([])
  })

  test('who may write every application is each, but for managed identities; of another tenant’s perhaps', async () => {
    for (const items of [
      [permitted('Application.ReadWrite.All')],
      [permitted('Directory.ReadWrite.All')],
      [directoryRole(90, CREDENTIALS), holds(guid(90))],
      [directoryRole(90, ['microsoft.directory/applications/allProperties/allTasks']), holds(guid(90))],
      // Nobody told what the role permits: it is Microsoft's own.
      [holds('9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3')],
      [holds('158c047a-c907-4556-b7ef-446551a6b5f7')],
    ])
      expect(await reachOf(items)).toEqual([
        'service-principal foreign conditional by azure-write-applications',
        `${TARGET} by azure-write-applications`,
      ])
    expect(
      await reachOf([directoryRole(90, ['microsoft.directory/applications/basic/update']), holds(guid(90))]),
    ).toEqual([])
    expect(await reachOf([permitted('User.Read.All')])).toEqual([])
  })

  test('a role on one application is that one', async () => {
    const items = [directoryRole(90, CREDENTIALS), holds(guid(90), `/${target.id}`)]
    expect(await reachOf(items)).toEqual([`${TARGET} by azure-update-application-credentials`])
    expect(
      await reachOf([directoryRole(90, CREDENTIALS), holds(guid(90), '/administrativeUnits/x')]),
    ).toEqual([])
  })

  test.each<[string, object[], string]>([
    [
      'permissions of Graph',
      [permitted('AppRoleAssignment.ReadWrite.All')],
      'proven by azure-grant-permissions',
    ],
    ['roles', [permitted('RoleManagement.ReadWrite.Directory')], 'proven by azure-assign-directory-roles'],
    [
      'roles, by a role',
      [holds('e8611ab8-c189-46e8-94e1-60213ab1f814')],
      'proven by azure-assign-directory-roles',
    ],
    ['all of it', [holds('62e90394-69f5-4237-9190-012177145e10')], 'proven by azure-assign-directory-roles'],
    [
      'passwords of administrators',
      [holds('7be44c8a-adaf-4e2a-84d6-ab2649e08a13')],
      'conditional by azure-reset-administrators',
    ],
  ])('who may give %s has the tenant, and all of Azure that trusts it', async (_, items, how) => {
    const reached = await reachOf([machine, ...items])
    const certainty = how.split(' ')[0]!
    expect(reached).toContain(`tenant the Entra tenant ${how}`)
    expect(reached).toContain(`vm web ${certainty} by azure-administers`)
  })

  test('a group that holds a role is joined by its owners, and by who may change groups', async () => {
    const group = (more: object) => ({
      '@odata.type': '#microsoft.graph.group',
      id: guid(70),
      displayName: 'operators',
      owners: [],
      members: [],
      ...more,
    })
    const owner = { '@odata.type': '#microsoft.graph.user', id: guid(60), displayName: 'owner' }
    expect(await reachOf([group({ owners: [owner] })], 'owner')).toEqual([
      'group operators proven by azure-owner-changes-group',
    ])
    const changes = permitted('GroupMember.ReadWrite.All')
    const changed = 'group operators proven by azure-change-group'
    expect(await reachOf([group({}), changes])).toEqual([changed])
    expect(await reachOf([group({}), holds('fdd7a751-b60b-444a-984c-02652fe8fa1c')])).toEqual([changed])
    expect(await reachOf([group({ isAssignableToRole: true }), changes])).toEqual([])
    expect(await reachOf([group({}), permitted('User.Read.All')])).toEqual([])
  })

  test('what users let an application do is told, and depends on them', async () => {
    const grant = {
      id: 'g',
      clientId: holder.id,
      consentType: 'AllPrincipals',
      resourceId: guid(98),
      scope: ' Mail.Read Files.Read.All',
    }
    expect(await reachOf([grant])).toEqual([
      'permission-grant Mail.Read Files.Read.All of every user conditional by may-act-for',
    ])
  })
})
