/**
 * Permissions of Microsoft Graph that lead further, by their ids, which are the same in every tenant.
 * https://learn.microsoft.com/graph/permissions-reference
 */
export const GRAPH_PERMISSIONS: Readonly<Record<string, string>> = {
  '1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9': 'Application.ReadWrite.All',
  '19dbc75e-c2e2-444c-a770-ec69d8559fc7': 'Directory.ReadWrite.All',
  '62a82d76-70ea-41e2-9197-370581804d09': 'Group.ReadWrite.All',
  'dbaae8cf-10b5-4b86-a4a1-f871c94c6695': 'GroupMember.ReadWrite.All',
  '18a4783c-866b-4cc7-a460-3d5e5662c884': 'Application.ReadWrite.OwnedBy',
  '06b708a9-e830-4db3-a914-8e69da51d44f': 'AppRoleAssignment.ReadWrite.All',
  '9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8': 'RoleManagement.ReadWrite.Directory',
}

interface DirectoryRole {
  readonly title: string
  readonly actions: readonly string[]
}

const CREDENTIALS = [
  'microsoft.directory/applications/credentials/update',
  'microsoft.directory/servicePrincipals/credentials/update',
]

/**
 * Where nobody told what a role of the directory permits: those of Microsoft's own that lead further, of all that the rules ask for.
 * https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
 */
export const DIRECTORY_ROLES: Readonly<Record<string, DirectoryRole>> = {
  '62e90394-69f5-4237-9190-012177145e10': {
    title: 'Global Administrator',
    actions: [
      'microsoft.directory/applications/allProperties/allTasks',
      'microsoft.directory/groups/allProperties/allTasks',
      'microsoft.directory/roleAssignments/allProperties/allTasks',
      'microsoft.directory/servicePrincipals/allProperties/allTasks',
    ],
  },
  'e8611ab8-c189-46e8-94e1-60213ab1f814': {
    title: 'Privileged Role Administrator',
    actions: ['microsoft.directory/roleAssignments/allProperties/allTasks'],
  },
  '7be44c8a-adaf-4e2a-84d6-ab2649e08a13': { title: 'Privileged Authentication Administrator', actions: [] },
  'fdd7a751-b60b-444a-984c-02652fe8fa1c': {
    title: 'Groups Administrator',
    actions: ['microsoft.directory/groups/members/update'],
  },
  'fe930be7-5e62-47db-91af-98c3a49a38b1': {
    title: 'User Administrator',
    actions: ['microsoft.directory/groups/members/update'],
  },
  '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3': { title: 'Application Administrator', actions: CREDENTIALS },
  '158c047a-c907-4556-b7ef-446551a6b5f7': { title: 'Cloud Application Administrator', actions: CREDENTIALS },
}

/** `microsoft.directory/applications/allProperties/allTasks` is every task with every property. */
export function grantsDirectoryAction(given: string, asked: string): boolean {
  const [, of, properties, task] = given.toLowerCase().split('/')
  const [, ofAsked, propertiesAsked, taskAsked] = asked.toLowerCase().split('/')
  return (
    of === ofAsked &&
    (properties === propertiesAsked || properties === 'allproperties') &&
    (task === taskAsked || task === 'alltasks')
  )
}
