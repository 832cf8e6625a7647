import { describe, expect, test } from 'vitest'
import { directoryRole, guid, holder, holds, machine, permitted, reachOf, target } from './asking.ts'

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
    expect(
      await reachOf([group({}), holds('fdd7a751-b60b-444a-984c-02652fe8fa1c', '/administrativeUnits/shops')]),
    ).toEqual(['group operators conditional by azure-change-group'])
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
