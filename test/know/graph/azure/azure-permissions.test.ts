import { describe, expect, test } from 'vitest'
import { azurePermissions } from '../../../../src/know/graph/azure/azure-permissions.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import { openEstate } from '../../estate.ts'
import {
  APP,
  CLUSTER,
  GROUP,
  IDENTITY,
  MACHINE,
  SCALE_SET,
  STORAGE,
  SUBSCRIPTION,
  VAULT,
  at,
  granted,
  guid,
  holder,
  holds,
  machine,
  may,
  mayOnData,
  reachOf,
  target,
  vault,
} from './asking.ts'

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

  test('a role that is merely eligible is a condition: its holder has to activate it', async () => {
    const eligible = { roleEligibilityScheduleId: `${MACHINE}/providers/x/${guid(7)}` }
    const run = { actions: ['Microsoft.Compute/virtualMachines/runCommand/action'] }
    expect(await reachOf([machine, ...granted(run, MACHINE, eligible)])).toContain(
      'vm web conditional by azure-run-command',
    )
    const administrator = '62e90394-69f5-4237-9190-012177145e10'
    const tenant = async (more: object) =>
      (await reachOf([{ ...holds(administrator), ...more }])).filter(one => one.startsWith('tenant'))
    expect(await tenant({})).toEqual([expect.stringContaining(' proven ')])
    expect(await tenant({ roleEligibilityScheduleId: guid(8) })).toEqual([
      expect.stringContaining(' conditional '),
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
