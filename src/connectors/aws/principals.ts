import type { Ref } from '../../core/contract/ref.ts'
import { type Account, mustBeHere } from './account.ts'
import { awsCode } from './failure.ts'

/** A user or role by the name that it has now; calls take names, references have unique ids. */
export interface Found {
  readonly kind: 'user' | 'role'
  readonly name: string
  readonly arn: string
  readonly id: string
}

/** The user or role that has this id; undefined where there is none any more. */
export async function findPrincipal(account: Account, ref: Ref): Promise<Found | undefined> {
  mustBeHere(account, ref, 'user', 'role')
  const { iam, sdk, config } = account
  return await account.call(`looking for the ${ref.kind}`, async () => {
    let Marker: string | undefined
    do {
      if (ref.kind === 'user') {
        const page = await iam.send(new sdk.iam.ListUsersCommand({ Marker, MaxItems: config.pageSize }))
        const user = page.Users?.find(({ UserId }) => UserId === ref.id)
        if (user) return { kind: 'user', name: user.UserName!, arn: user.Arn!, id: ref.id }
        Marker = page.IsTruncated ? page.Marker : undefined
      } else {
        const page = await iam.send(new sdk.iam.ListRolesCommand({ Marker, MaxItems: config.pageSize }))
        const role = page.Roles?.find(({ RoleId }) => RoleId === ref.id)
        if (role) return { kind: 'role', name: role.RoleName!, arn: role.Arn!, id: ref.id }
        Marker = page.IsTruncated ? page.Marker : undefined
      }
    } while (Marker)
    return undefined
  })
}

export interface AccessKey {
  readonly id: string
  readonly active: boolean
  readonly created: Date | undefined
}

/** A user's access keys, oldest first; none where there is no such user. */
export async function keysOf(account: Account, userName: string): Promise<AccessKey[]> {
  const { iam, sdk } = account
  return await account.call('listing access keys', async () => {
    const keys: AccessKey[] = []
    let Marker: string | undefined
    do {
      const page = await iam
        .send(new sdk.iam.ListAccessKeysCommand({ UserName: userName, Marker }))
        .catch(absent)
      for (const { AccessKeyId, Status, CreateDate } of page?.AccessKeyMetadata ?? [])
        keys.push({ id: AccessKeyId!, active: Status !== 'Inactive', created: CreateDate })
      Marker = page?.IsTruncated ? page.Marker : undefined
    } while (Marker)
    return keys.sort((a, b) => (a.id < b.id ? -1 : 1))
  })
}

/** Undefined for an error that says that the thing is not there; any other is raised. */
export function absent(error: unknown): undefined {
  const code = awsCode(error)
  if (code === 'NoSuchEntity' || code === 'NoSuchEntityException') return undefined
  throw error
}
