import { unlessAbsent } from '../../core/contract/refused.ts'
import { z } from 'zod'
import { HOLDERS } from './applications.ts'
import { GRAPH_APP_ID, type Gather } from './gather.ts'
import { type Tenant } from './tenant.ts'

const item = z.looseObject({ id: z.string() })
const expanded = item.extend({ owners: z.array(z.unknown()).optional() })
const federatedOf = item.extend({ federatedIdentityCredentials: z.array(z.unknown()).default([]) })
const assignment = item.extend({
  roleDefinitionId: z.string(),
  principal: z.looseObject({ id: z.string(), '@odata.type': z.string().optional() }).optional(),
})

/** Graph expands no more of a relation. */
const MOST_EXPANDED = 20

/** As Graph lists them, in the order in which discover() tells of them, too. */
export function holdersListed(tenant: Tenant, at: (typeof HOLDERS)[number], owners: boolean) {
  const select =
    at === 'applications'
      ? 'id,appId,displayName,signInAudience,passwordCredentials,keyCredentials'
      : 'id,appId,displayName,servicePrincipalType,accountEnabled,appOwnerOrganizationId,alternativeNames,passwordCredentials,keyCredentials'
  const expand = owners ? '&$expand=owners($select=id,displayName)' : ''
  const path = `/v1.0/${at}?$top=${tenant.config.pageSize}&$select=${select}${expand}`
  return tenant.list('listing applications', 'graph', path, expanded)
}

/**
 * Who is in the directory and may do what there, as Graph answers. Gives the groups that hold roles of the directory, for their
 * members to be asked for.
 */
export async function gatherDirectory(tenant: Tenant, { items, part }: Gather): Promise<Set<string>> {
  const groups = new Set<string>()
  const top = `$top=${tenant.config.pageSize}`
  for (const at of HOLDERS)
    await part(at === 'applications' ? 'applications' : 'service-principals', [], async () => {
      for await (const holder of holdersListed(tenant, at, true)) {
        if ((holder.owners?.length ?? 0) >= MOST_EXPANDED)
          holder.owners = await all(
            tenant.list('listing owners', 'graph', `/v1.0/${at}/${holder.id}/owners?${top}`, item),
          )
        items.push(holder)
      }
    })
  await part('federated-credentials', ['federated-credential'], async () => {
    const path = `/v1.0/applications?${top}&$select=id,appId&$expand=federatedIdentityCredentials`
    for await (const one of tenant.list('listing federated credentials', 'graph', path, federatedOf))
      if (one.federatedIdentityCredentials.length > 0) items.push(one)
  })
  await part('app-role-assignments', [], async () => {
    const path = `/v1.0/servicePrincipals(appId='${GRAPH_APP_ID}')/appRoleAssignedTo?${top}`
    for await (const one of tenant.list('listing permissions of applications', 'graph', path, item))
      items.push(one)
  })
  await part('permission-grants', ['permission-grant'], async () => {
    const path = `/v1.0/oauth2PermissionGrants?${top}`
    for await (const one of tenant.list('listing delegated permissions', 'graph', path, item)) items.push(one)
  })
  await part('directory-roles', ['directory-role'], async () => {
    const roles = new Set<string>()
    const path = '/v1.0/roleManagement/directory/roleAssignments?$expand=principal'
    for await (const one of tenant.list('listing roles of the directory', 'graph', path, assignment)) {
      items.push(one)
      roles.add(one.roleDefinitionId)
      if (one.principal?.['@odata.type'] === '#microsoft.graph.group') groups.add(one.principal.id)
    }
    await part('eligible-directory-roles', [], async () => {
      const eligible = '/v1.0/roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal'
      for await (const one of tenant.list('listing eligible roles', 'graph', eligible, assignment)) {
        items.push(one)
        roles.add(one.roleDefinitionId)
        if (one.principal?.['@odata.type'] === '#microsoft.graph.group') groups.add(one.principal.id)
      }
    })
    const definitions = '/v1.0/roleManagement/directory/roleDefinitions'
    for await (const one of tenant.list('listing roles of the directory', 'graph', definitions, item))
      if (roles.has(one.id)) items.push(one)
  })
  return groups
}

/** Of each group that holds a role, who owns it and who is in it, groups within it followed. */
export async function gatherMembers(
  tenant: Tenant,
  groups: ReadonlySet<string>,
  { items, part }: Gather,
): Promise<void> {
  await part('group-members', [], async () => {
    for (const id of groups) {
      const select = '$select=id,displayName,isAssignableToRole&$expand=owners($select=id,displayName)'
      const group = await unlessAbsent(() =>
        tenant.get('looking for a group', 'graph', `/v1.0/groups/${id}?${select}`),
      )
      // A role may outlive the group that it was given to.
      if (group === undefined) continue
      const path = `/v1.0/groups/${id}/transitiveMembers?$top=${tenant.config.pageSize}&$select=id,displayName`
      const members = await all(tenant.list('listing members of a group', 'graph', path, item))
      items.push({ ...item.parse(group), '@odata.type': '#microsoft.graph.group', members })
    }
  })
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of items) found.push(one)
  return found
}
