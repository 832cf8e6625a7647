import { z } from 'zod'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import { type Account, mustBeHere } from './account.ts'
import { absent, findPrincipal, type Found, keysOf } from './principals.ts'
import { OWN_POLICIES, type OwnPolicy, readOwnPolicy } from './own-policies.ts'

export const principalState = z.object({
  present: z.literal(true),
  name: z.string(),
  arn: z.string(),
  keys: z.array(z.object({ id: z.string(), active: z.boolean() })),
  hasPassword: z.boolean(),
  /** The policies that a change of ours adds, as they stand. */
  ours: z.record(z.string(), z.string()),
})
export type PrincipalState = z.infer<typeof principalState>

/** What stands for a user, role or access key now. Null for what is not there. */
export async function inspect(account: Account, ref: Ref): Promise<State> {
  if (ref.kind === 'account') return { account: account.instance }
  if (ref.kind === 'access-key') {
    const owner = await ownerOf(account, ref)
    if (!owner) return null
    const key = (await keysOf(account, owner.name)).find(({ id }) => id === ref.id)
    return key ? { ...(await stateOf(account, owner)), key: { id: key.id, active: key.active } } : null
  }
  const found = await findPrincipal(account, ref)
  return found ? await stateOf(account, found) : null
}

export async function stateOf(account: Account, found: Found): Promise<PrincipalState> {
  const ours: Record<string, string> = {}
  for (const policy of Object.values(OWN_POLICIES) as OwnPolicy[]) {
    const document = await readOwnPolicy(account, found, policy).catch(noSuchCall)
    if (document !== undefined) ours[policy] = document
  }
  const keys = found.kind === 'user' ? await keysOf(account, found.name) : []
  return {
    present: true,
    name: found.name,
    arn: found.arn,
    keys: keys.map(({ id, active }) => ({ id, active })),
    hasPassword: found.kind === 'user' && (await hasPassword(account, found.name)),
    ours,
  }
}

async function hasPassword({ call, iam, sdk }: Account, UserName: string): Promise<boolean> {
  const profile = await call('looking for a console password', () =>
    iam.send(new sdk.iam.GetLoginProfileCommand({ UserName })).catch(absent),
  ).catch(noSuchCall)
  return profile !== undefined
}

/** What a server has no call for, it has none of. */
function noSuchCall(error: unknown): undefined {
  if (!isFirebreakError(error, 'UNSUPPORTED')) throw error
}

/** Whose access key it is: its reference says so, or the account. */
export async function ownerOf(account: Account, ref: CredentialRef): Promise<Found | undefined> {
  mustBeHere(account, ref, 'access-key')
  if (ref.identity) return await findPrincipal(account, ref.identity)
  const { call, iam, sdk } = account
  const used = await call('asking whose key it is', () =>
    iam.send(new sdk.iam.GetAccessKeyLastUsedCommand({ AccessKeyId: ref.id })).catch(absent),
  )
  if (!used?.UserName) return undefined
  const user = await call('looking for the user', () =>
    iam.send(new sdk.iam.GetUserCommand({ UserName: used.UserName! })).catch(absent),
  )
  if (!user?.User) return undefined
  return { kind: 'user', name: user.User.UserName!, arn: user.User.Arn!, id: user.User.UserId! }
}
