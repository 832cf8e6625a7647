import { z } from 'zod'

const text = z.string().nullish().catch(undefined)
const flag = z.boolean().nullish().catch(undefined)
const strings = z.array(z.string()).nullish().catch([])
const credentials = z
  .array(z.looseObject({ keyId: z.string(), displayName: text, startDateTime: text, endDateTime: text }))
  .nullish()
  .catch([])
/** Graph says of what kind an object is where a list may have several. */
const someone = z.looseObject({
  id: z.string(),
  '@odata.type': text,
  displayName: text,
  userPrincipalName: text,
})
export type Someone = z.infer<typeof someone>
const permissions = z.array(
  z.looseObject({
    actions: strings,
    notActions: strings,
    dataActions: strings,
    notDataActions: strings,
  }),
)
const path = z.string().startsWith('/')

export const federatedSchema = z
  .looseObject({
    id: text,
    name: z.string(),
    issuer: z.string(),
    subject: text,
    claimsMatchingExpression: z.looseObject({ value: z.string() }).nullish().catch(undefined),
  })
  .refine(({ subject, claimsMatchingExpression }) => subject ?? claimsMatchingExpression)

/** Of a principal they are words, of which some are written as a name and a value; of a resource they are pairs. */
const tags = z
  .union([z.array(z.string()), z.record(z.string(), z.string())])
  .nullish()
  .catch(undefined)
  .transform((given): [string, string][] => {
    if (!Array.isArray(given)) return Object.entries(given ?? {})
    return given.flatMap((tag): [string, string][] => {
      const [, key, value] = /^([^:=]+)[:=](.+)$/.exec(tag) ?? []
      return key === undefined || value === undefined ? [] : [[key, value]]
    })
  })

export const principalSchema = z.looseObject({
  id: z.string(),
  appId: z.string(),
  displayName: text,
  servicePrincipalType: text,
  signInAudience: text,
  accountEnabled: flag,
  appOwnerOrganizationId: text,
  alternativeNames: strings,
  passwordCredentials: credentials,
  keyCredentials: credentials,
  notes: text,
  tags,
  owners: z.array(someone).nullish().catch([]),
  federatedIdentityCredentials: z.array(z.unknown()).nullish().catch([]),
})

export const groupSchema = someone.extend({
  '@odata.type': z.literal('#microsoft.graph.group'),
  isAssignableToRole: flag,
  owners: z.array(someone).nullish().catch([]),
  members: z.array(someone),
})

export const identitySchema = z.looseObject({
  id: z.string().regex(/\/userAssignedIdentities\/[^/]+$/i),
  clientId: z.string(),
  tags,
  principalId: z.string(),
  tenantId: text,
  name: text,
})

export const assignmentSchema = z
  .looseObject({
    principalId: z.string(),
    principalName: text,
    principalType: text,
    roleDefinitionId: text,
    roleDefinitionName: text,
    scope: path,
    condition: text,
    roleEligibilityScheduleId: text,
  })
  .refine(({ roleDefinitionId, roleDefinitionName }) => roleDefinitionId ?? roleDefinitionName)

export const roleSchema = z.looseObject({
  id: z.string().regex(/\/roleDefinitions\/[^/]+$/i),
  roleName: text,
  permissions,
})

export const denySchema = z.looseObject({
  denyAssignmentName: z.string(),
  scope: path,
  permissions,
  doNotApplyToChildScopes: flag,
  principals: z.array(z.looseObject({ id: z.string(), type: text })),
  excludePrincipals: z
    .array(z.looseObject({ id: z.string(), type: text }))
    .nullish()
    .catch([]),
})

export const directoryAssignmentSchema = z.looseObject({
  principalId: z.string(),
  roleDefinitionId: z.string(),
  directoryScopeId: z.string(),
  roleEligibilityScheduleId: text,
  principal: someone.nullish().catch(undefined),
})
export const directoryRoleSchema = z.looseObject({
  id: z.string(),
  templateId: text,
  displayName: z.string(),
  rolePermissions: z.array(z.looseObject({ allowedResourceActions: strings })),
})
export const appRoleSchema = z.looseObject({
  appRoleId: z.string(),
  principalId: z.string(),
  principalType: text,
  principalDisplayName: text,
  resourceDisplayName: text,
})
export const grantSchema = z.looseObject({
  id: z.string(),
  clientId: z.string(),
  consentType: z.string(),
  principalId: text,
  scope: z.string(),
})

/** What `az account management-group entities list` prints: what is in which management group. */
export const entitySchema = z.looseObject({
  id: path,
  displayName: text,
  parent: z.looseObject({ id: path }).nullish().catch(undefined),
  parentNameChain: z.array(z.string()),
})
export const accountSchema = z
  .looseObject({
    id: z.string(),
    subscriptionId: text,
    tenantId: z.string(),
    name: text,
    displayName: text,
  })
  .refine(({ id, subscriptionId }) => /^[0-9a-f-]{36}$/i.test(id) || subscriptionId)

export const resourceSchema = z.looseObject({
  id: z.string().regex(/^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/[^/]+\/.+$/i),
  identity: z
    .looseObject({
      principalId: text,
      userAssignedIdentities: z.record(z.string(), z.unknown()).nullish().catch({}),
    })
    .nullish()
    .catch(undefined),
  identityProfile: z
    .record(z.string(), z.looseObject({ objectId: text }))
    .nullish()
    .catch(undefined),
  disableLocalAccounts: flag,
  allowSharedKeyAccess: flag,
  enableRbacAuthorization: flag,
  vaultUri: text,
  accessPolicies: z
    .array(
      z.looseObject({
        objectId: z.string(),
        permissions: z.looseObject({ secrets: strings }).nullish().catch(undefined),
      }),
    )
    .nullish()
    .catch([]),
})
