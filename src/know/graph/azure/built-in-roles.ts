import type { Block } from './permission-blocks.ts'

function role(
  actions: readonly string[],
  more: { readonly not?: readonly string[]; readonly data?: readonly string[] } = {},
): readonly Block[] {
  return [{ actions, notActions: more.not ?? [], dataActions: more.data ?? [], notDataActions: [] }]
}

/**
 * What Azure's own roles permit, of all that the rules in rules/crossings/azure ask for, where nobody told of the role: `az role
 * assignment list` prints names alone. In lower case.
 * https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
 */
export const BUILT_IN_ROLES: Readonly<Record<string, readonly Block[]>> = {
  owner: role(['*']),
  contributor: role(['*'], {
    not: [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
    ],
  }),
  'user access administrator': role(['*/read', 'Microsoft.Authorization/*']),
  'role based access control administrator': role([
    'Microsoft.Authorization/roleAssignments/write',
    'Microsoft.Authorization/roleAssignments/delete',
    '*/read',
  ]),
  'reader and data access': role([
    'Microsoft.Storage/storageAccounts/listKeys/action',
    'Microsoft.Storage/storageAccounts/ListAccountSas/action',
    'Microsoft.Storage/storageAccounts/read',
  ]),
  'virtual machine contributor': role([
    'Microsoft.Compute/virtualMachines/*',
    'Microsoft.Compute/virtualMachineScaleSets/*',
    'Microsoft.Storage/storageAccounts/listKeys/action',
  ]),
  'virtual machine administrator login': role([], {
    data: [
      'Microsoft.Compute/virtualMachines/login/action',
      'Microsoft.Compute/virtualMachines/loginAsAdmin/action',
    ],
  }),
  'managed identity contributor': role([
    'Microsoft.ManagedIdentity/userAssignedIdentities/read',
    'Microsoft.ManagedIdentity/userAssignedIdentities/write',
    'Microsoft.ManagedIdentity/userAssignedIdentities/delete',
    'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/*',
  ]),
  'managed identity operator': role([
    'Microsoft.ManagedIdentity/userAssignedIdentities/*/read',
    'Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action',
    'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
  ]),
  'website contributor': role(['Microsoft.Web/sites/*']),
  'logic app contributor': role([
    'Microsoft.Logic/*',
    'Microsoft.Storage/storageAccounts/listkeys/action',
    'Microsoft.Web/sites/functions/listSecrets/action',
  ]),
  'log analytics contributor': role([
    'Microsoft.Compute/virtualMachines/extensions/*',
    'Microsoft.Storage/storageAccounts/listKeys/action',
  ]),
  'automation operator': role(['Microsoft.Automation/automationAccounts/jobs/write']),
  'automation job operator': role(['Microsoft.Automation/automationAccounts/jobs/write']),
  'automation contributor': role(['Microsoft.Automation/automationAccounts/*']),
  'key vault administrator': role([], { data: ['Microsoft.KeyVault/vaults/*'] }),
  'key vault contributor': role(['Microsoft.KeyVault/*'], {
    not: [
      'Microsoft.KeyVault/locations/deletedVaults/purge/action',
      'Microsoft.KeyVault/hsmPools/*',
      'Microsoft.KeyVault/managedHsms/*',
    ],
  }),
  'key vault secrets officer': role([], { data: ['Microsoft.KeyVault/vaults/secrets/*'] }),
  'key vault secrets user': role([], {
    data: [
      'Microsoft.KeyVault/vaults/secrets/getSecret/action',
      'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
    ],
  }),
  'storage account contributor': role(['Microsoft.Storage/storageAccounts/*']),
  'storage account key operator service role': role([
    'Microsoft.Storage/storageAccounts/listkeys/action',
    'Microsoft.Storage/storageAccounts/regeneratekey/action',
  ]),
  'storage blob data owner': role([], {
    data: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*'],
  }),
  'storage blob data contributor': role([], {
    data: [
      'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read',
      'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write',
    ],
  }),
  'storage blob data reader': role([], {
    data: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'],
  }),
  'azure kubernetes service cluster admin role': role([
    'Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action',
    'Microsoft.ContainerService/managedClusters/accessProfiles/listCredential/action',
    'Microsoft.ContainerService/managedClusters/read',
    'Microsoft.ContainerService/managedClusters/runcommand/action',
  ]),
  'azure kubernetes service contributor role': role([
    'Microsoft.ContainerService/managedClusters/read',
    'Microsoft.ContainerService/managedClusters/write',
  ]),
}
