import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ms, Ref, State } from '../../core/contract/ref.ts'
import type { Account } from './account.ts'
import { toFailure } from './failure.ts'
import { ownerOf, principalState } from './inspect.ts'
import { deleteOwnPolicy, denial, OWN_POLICIES, type OwnPolicy, writeOwnPolicy } from './own-policies.ts'
import { absent, findPrincipal, type Found, keysOf } from './principals.ts'

/** Whatever mints a credential, a principal, or a right: denied, an identity can make nothing new. */
const MINTING = [
  'iam:Add*',
  'iam:Attach*',
  'iam:Create*',
  'iam:Delete*Boundary',
  'iam:DeleteUserPolicy',
  'iam:DeleteRolePolicy',
  'iam:PassRole',
  'iam:Put*',
  'iam:Reset*',
  'iam:Set*',
  'iam:Update*',
  'iam:Upload*',
  'sts:Assume*',
  'sts:GetFederationToken',
  'sts:GetSessionToken',
]

/** An inactive key is refused; it can be made active again. */
export async function suspend(account: Account, ref: CredentialRef): Promise<void> {
  await setActive(account, ref, false)
}

/** As it was: a key that was inactive before stays so. */
export async function resume(account: Account, ref: CredentialRef, before: State): Promise<void> {
  const state = principalState.safeParse(before)
  const was = state.success ? state.data.keys.find(({ id }) => id === ref.id) : undefined
  if (!was)
    throw new FirebreakError('NOT_FOUND', 'the key was not there before, so that there is nothing to resume')
  await setActive(account, ref, was.active)
}

async function setActive(account: Account, ref: CredentialRef, active: boolean): Promise<void> {
  const { iam, sdk } = account
  await account.change(active ? 'making the key active' : 'making the key inactive', async () => {
    const owner = await mustFindOwner(account, ref)
    await iam.send(
      new sdk.iam.UpdateAccessKeyCommand({
        UserName: owner.name,
        AccessKeyId: ref.id,
        Status: active ? 'Active' : 'Inactive',
      }),
    )
  })
}

async function mustFindOwner(account: Account, ref: CredentialRef): Promise<Found> {
  const owner = await ownerOf(account, ref)
  if (owner) return owner
  throw new FirebreakError('NOT_FOUND', `there is no access key ${ref.id} in the account`)
}

export async function freeze(account: Account, identity: Ref): Promise<void> {
  await deny(account, identity, OWN_POLICIES.freeze, denial({ Action: MINTING }))
}

/** Nothing but the given actions; what a policy denies, no other can allow. */
export async function narrow(account: Account, identity: Ref, scopes: readonly string[]): Promise<void> {
  const statement = scopes.length === 0 ? { Action: '*' } : { NotAction: [...scopes].sort() }
  await deny(account, identity, OWN_POLICIES.narrow, denial(statement))
}

/** Denies every session that was issued before then; a key itself has no issue time and goes on. */
export async function endSessions(account: Account, identity: Ref, issuedBefore: Ms): Promise<void> {
  const before = new Date(issuedBefore).toISOString()
  const statement = { Action: '*', Condition: { DateLessThan: { 'aws:TokenIssueTime': before } } }
  await deny(account, identity, OWN_POLICIES.endSessions, denial(statement))
}

async function deny(account: Account, identity: Ref, policy: OwnPolicy, document: string): Promise<void> {
  await account.change(`writing the policy ${policy}`, async () => {
    const found = await findPrincipal(account, identity)
    if (!found)
      throw new FirebreakError('NOT_FOUND', `there is no ${identity.kind} ${identity.id} in the account`)
    await writeOwnPolicy(account, found, policy, document)
  })
}

/** Takes back what was denied since, by what stood before. */
export async function thaw(account: Account, identity: Ref, before: State): Promise<void> {
  const state = principalState.safeParse(before)
  await account.change('taking our policies back', async () => {
    const found = await findPrincipal(account, identity)
    if (!found) return
    for (const policy of [OWN_POLICIES.freeze, OWN_POLICIES.narrow]) {
      const was = state.success ? state.data.ours[policy] : undefined
      if (was === undefined) await deleteOwnPolicy(account, found, policy)
      else await writeOwnPolicy(account, found, policy, was)
    }
  })
}

/**
 * Deletes the key. Of a user, all its keys and its console password: it stays, with what other things know it by. What is
 * not there is done. A tag that names who issued a key goes with the key.
 */
export async function revoke(account: Account, ref: CredentialRef): Promise<void> {
  const { iam, sdk } = account
  await account.change('deleting access keys', async () => {
    if (ref.kind === 'access-key') {
      const owner = await ownerOf(account, ref)
      if (owner) await deleteKey(account, owner.name, ref.id)
      return
    }
    const user = await findPrincipal(account, ref)
    if (!user) return
    if (user.kind === 'role')
      throw new FirebreakError('UNSUPPORTED', 'a role has no credential that could be revoked')
    for (const { id } of await keysOf(account, user.name)) await deleteKey(account, user.name, id)
    await iam.send(new sdk.iam.DeleteLoginProfileCommand({ UserName: user.name })).catch(unneeded)
  })
}

/** The tag first: without the key, nothing would be left to find it by. */
export async function deleteKey({ iam, sdk }: Account, UserName: string, AccessKeyId: string): Promise<void> {
  await iam.send(new sdk.iam.UntagUserCommand({ UserName, TagKeys: [tagOf(AccessKeyId)] })).catch(unneeded)
  await iam.send(new sdk.iam.DeleteAccessKeyCommand({ UserName, AccessKeyId })).catch(absent)
}

/** What is not there, or cannot be there on such a server, needs no taking away. */
function unneeded(error: unknown): void {
  if (!isFirebreakError(toFailure(error, 'taking it away'), 'NOT_FOUND', 'UNSUPPORTED')) throw error
}

/** Keys have no names: the user's tag of this name says for what a key of ours was issued. */
export function tagOf(accessKeyId: string): string {
  return `firebreak:key:${accessKeyId}`
}
