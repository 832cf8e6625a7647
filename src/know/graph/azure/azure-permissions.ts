import type { Row } from '../../../core/store/schema.ts'
import type { PermissionSource, Permitted } from '../joined/permission-sources.ts'
import { type AzureEstate, loadAzure } from './azure-estate.ts'
import { BUILT_IN_ROLES } from './built-in-roles.ts'
import { DIRECTORY_ROLES, grantsDirectoryAction, GRAPH_PERMISSIONS } from './directory-roles.ts'
import { type Block, permits } from './permission-blocks.ts'

/**
 * What Azure and Entra permit. Of a rule's `may` there are three kinds:
 * - `Microsoft.Compute/virtualMachines/runCommand/action`, and with `data ` before it what is done to data: by role and deny assignments
 *   on a thing or on anything that it is in
 * - `microsoft.directory/applications/credentials/update`: by roles of the directory, on all of it or on one application
 * - the name of a permission of Microsoft Graph, or of a role of the directory that nothing else is like: on the tenant
 * https://learn.microsoft.com/azure/role-based-access-control/overview
 */
export const azurePermissions: PermissionSource = {
  system: 'azure',
  async allowed(db, roots, asked) {
    const estate = await loadAzure(db, roots)
    const found = new Map<string, Permitted>()
    const add = (one: Permitted) => {
      const key = `${one.from} ${one.action} ${one.to}`
      const before = found.get(key)
      if (!before || (before.certainty !== 'proven' && one.certainty === 'proven')) found.set(key, one)
    }
    if (estate.assignments.size > 0) for (const one of ofResources(estate, [...asked])) add(one)
    for (const one of ofDirectory(estate, asked)) add(one)
    for (const { principal, permission } of estate.grants) {
      const name = GRAPH_PERMISSIONS[permission]
      if (name === undefined || !asked.has(name)) continue
      for (const tenant of estate.tenants)
        for (const [from, via] of estate.bearers(principal))
          add({ from, to: tenant, action: name, certainty: 'proven', why: `${via}it has ${name}` })
    }
    return [...found.values()]
  },
}

function* ofResources(estate: AzureEstate, asked: readonly string[]): Generator<Permitted> {
  for (const target of estate.things) {
    const actions = asked.filter(action => isOf(action, target))
    if (actions.length === 0) continue
    for (const [place, via] of estate.above(target.id))
      for (const assignment of estate.assignments.get(place) ?? []) {
        const blocks = blocksOf(estate, assignment)
        for (const action of actions) {
          if (place !== target.id && isAskedWhereGranted(action)) continue
          if (!blocks.some(block => permits(block, action))) continue
          const role = assignment.name ?? estate.roleNames.get(assignment.role) ?? assignment.role
          for (const [from, through] of estate.bearers(assignment.principal)) {
            const denied = deniedBy(estate, target.id, from, action)
            if (denied === true) continue
            const conditions = [assignment.when, denied].filter(it => typeof it === 'string')
            yield {
              from,
              to: target.id,
              action,
              certainty: conditions.length > 0 ? 'conditional' : 'proven',
              ...(conditions.length > 0 && { condition: conditions.join('; ') }),
              why: `${through}${role}${via === undefined ? '' : `, assigned on ${via},`} permits ${action}`,
            }
          }
        }
      }
  }
}

/**
 * Whether an action is one on such a thing: `Microsoft.Compute/virtualMachines/runCommand/action` on a machine. What makes a new
 * thing, or lets others in, is asked of what that is in as well.
 */
function isOf(action: string, { kind, native }: Pick<Row<'entity'>, 'kind' | 'native'>): boolean {
  const name = action.replace(/^data /, '').toLowerCase()
  if (!name.startsWith('microsoft.') || name.startsWith('microsoft.directory/')) return false
  if (name.startsWith('microsoft.authorization/')) return true
  if (CONTAINERS.has(kind)) return name.endsWith('/write')
  const [, provider, rest = ''] = /\/providers\/([^/]+)\/(.+)$/.exec(native) ?? []
  const type = [provider, ...rest.split('/').filter((_, index) => index % 2 === 0)].join('/')
  return name.startsWith(`${type}/`)
}

const CONTAINERS: ReadonlySet<string> = new Set(['management-group', 'subscription', 'resource-group'])

/** What is in it follows from that: who has the outer thing has the inner one, and what is made is made somewhere in it. */
function isAskedWhereGranted(action: string): boolean {
  return /^microsoft\.authorization\//i.test(action)
}

function blocksOf(
  { roles }: AzureEstate,
  { role, name }: { readonly role: string; readonly name?: string | undefined },
): readonly Block[] {
  return roles.get(role) ?? BUILT_IN_ROLES[name?.toLowerCase() ?? ''] ?? []
}

/** True, false, or what would have to be so. https://learn.microsoft.com/azure/role-based-access-control/deny-assignments */
function deniedBy(estate: AzureEstate, target: string, principal: string, action: string): boolean | string {
  let perhaps: string | undefined
  for (const [place] of estate.above(target))
    for (const deny of estate.denies.get(place) ?? []) {
      if ((deny.onlyHere && place !== target) || !deny.permissions.some(block => permits(block, action)))
        continue
      const groups = estate.groupsOf(principal)
      const isAmong = (all: readonly string[]) => all.includes(principal) || all.some(one => groups.has(one))
      if (!(deny.isForAll || isAmong(deny.principals)) || isAmong(deny.excluded)) continue
      // Who is in a group is told of those groups alone that hold roles.
      if (deny.excludesGroups) perhaps ??= `it is in a group that ${deny.name} leaves out`
      else return true
    }
  return perhaps ?? false
}

function* ofDirectory(estate: AzureEstate, asked: ReadonlySet<string>): Generator<Permitted> {
  for (const { principal, role, scope, when } of estate.directoryAssignments) {
    const told = estate.directoryRoles.get(role)
    const known = DIRECTORY_ROLES[role]
    const name = told?.title ?? known?.title
    const allowed = told?.actions ?? known?.actions ?? []
    const unit = /^\/administrativeUnits\/(.+)$/i.exec(scope)?.[1]
    const targets = scope === '/' || unit !== undefined ? estate.tenants : [estate.byName.get(scope.slice(1))]
    const conditions = [...(when === undefined ? [] : [when]), ...(unit === undefined ? [] : [isIn(unit)])]
    for (const action of asked) {
      // A unit holds users, groups and devices, and no applications.
      if (unit !== undefined && action.startsWith('microsoft.directory/applications/')) continue
      const isAllowed = action.startsWith('microsoft.directory/')
        ? allowed.some(one => grantsDirectoryAction(one, action))
        : action === name
      if (!isAllowed) continue
      for (const to of targets)
        if (to !== undefined)
          for (const [from, via] of estate.bearers(principal))
            yield {
              from,
              to,
              action,
              ...(conditions.length === 0
                ? { certainty: 'proven' }
                : { certainty: 'conditional', condition: conditions.join('; ') }),
              why: `${via}it holds the role ${name ?? role}`,
            }
    }
  }
}

/** Who is in a unit of the directory is not asked for: https://learn.microsoft.com/entra/identity/role-based-access-control/administrative-units. */
function isIn(unit: string): string {
  return `what it changes is in the administrative unit ${unit}`
}
