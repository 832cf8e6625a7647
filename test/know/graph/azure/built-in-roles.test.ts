import { expect, test } from 'vitest'
import { BUILT_IN_ROLES } from '../../../../src/know/graph/azure/built-in-roles.ts'
import { permits } from '../../../../src/know/graph/azure/permission-blocks.ts'

const may = (role: string, action: string) => BUILT_IN_ROLES[role]!.some(block => permits(block, action))

/** As https://learn.microsoft.com/azure/role-based-access-control/built-in-roles lists the actions of each. */
test.each([
  ['owner', 'Microsoft.Authorization/roleAssignments/write', true],
  ['contributor', 'Microsoft.Compute/virtualMachines/runCommand/action', true],
  ['contributor', 'Microsoft.Authorization/roleAssignments/write', false],
  ['user access administrator', 'Microsoft.Authorization/roleAssignments/write', true],
  ['user access administrator', 'Microsoft.Compute/virtualMachines/runCommand/action', false],
  ['role based access control administrator', 'Microsoft.Authorization/roleAssignments/write', true],
  ['role based access control administrator', 'Microsoft.Authorization/roleDefinitions/write', false],
  ['virtual machine contributor', 'Microsoft.Compute/virtualMachines/runCommand/action', true],
  [
    'virtual machine contributor',
    'Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action',
    true,
  ],
  ['virtual machine contributor', 'Microsoft.Storage/storageAccounts/listKeys/action', true],
  ['virtual machine contributor', 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action', false],
  ['virtual machine administrator login', 'data Microsoft.Compute/virtualMachines/loginAsAdmin/action', true],
  ['virtual machine administrator login', 'Microsoft.Compute/virtualMachines/runCommand/action', false],
  [
    'managed identity contributor',
    'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write',
    true,
  ],
  ['managed identity contributor', 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action', false],
  ['managed identity operator', 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action', true],
  ['website contributor', 'Microsoft.Web/sites/host/listkeys/action', true],
  ['logic app contributor', 'Microsoft.Logic/workflows/write', true],
  ['logic app contributor', 'Microsoft.Storage/storageAccounts/listKeys/action', true],
  ['logic app contributor', 'Microsoft.Web/sites/host/listkeys/action', false],
  ['log analytics contributor', 'Microsoft.Compute/virtualMachines/extensions/write', true],
  ['log analytics contributor', 'Microsoft.Storage/storageAccounts/listKeys/action', true],
  ['log analytics contributor', 'Microsoft.Compute/virtualMachines/write', false],
  ['automation operator', 'Microsoft.Automation/automationAccounts/jobs/write', true],
  ['automation operator', 'Microsoft.Automation/automationAccounts/runbooks/write', false],
  ['website contributor', 'Microsoft.Web/serverfarms/write', false],
  ['automation contributor', 'Microsoft.Automation/automationAccounts/jobs/write', true],
  ['key vault administrator', 'data Microsoft.KeyVault/vaults/secrets/getSecret/action', true],
  ['key vault contributor', 'Microsoft.KeyVault/vaults/accessPolicies/write', true],
  ['key vault contributor', 'data Microsoft.KeyVault/vaults/secrets/getSecret/action', false],
  ['key vault contributor', 'Microsoft.KeyVault/managedHsms/write', false],
  ['key vault secrets user', 'data Microsoft.KeyVault/vaults/secrets/getSecret/action', true],
  ['storage account contributor', 'Microsoft.Storage/storageAccounts/listKeys/action', true],
  ['reader and data access', 'Microsoft.Storage/storageAccounts/listKeys/action', true],
  ['reader and data access', 'Microsoft.Storage/storageAccounts/write', false],
  [
    'storage blob data owner',
    'data Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read',
    true,
  ],
  ['storage blob data reader', 'Microsoft.Storage/storageAccounts/listKeys/action', false],
  [
    'azure kubernetes service cluster admin role',
    'Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action',
    true,
  ],
  [
    'azure kubernetes service cluster admin role',
    'Microsoft.ContainerService/managedClusters/runCommand/action',
    true,
  ],
  [
    'azure kubernetes service contributor role',
    'Microsoft.ContainerService/managedClusters/runCommand/action',
    false,
  ],
])('%s, %s: %j', (role, action, expected) => expect(may(role, action)).toBe(expected))
