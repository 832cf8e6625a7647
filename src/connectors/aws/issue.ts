import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Account, refIn } from './account.ts'
import { toFailure } from './failure.ts'
import { ownerOf, principalState } from './inspect.ts'
import { findPrincipal, type Found, keysOf } from './principals.ts'
import { deleteKey, tagOf } from './restrict.ts'

/**
 * A second key of the user whose key `want.like` is. Raises CONFLICT where the user has two already, which is the most
 * that IAM allows, or has one that was not there before the first attempt: it may be ours. One that has gone since
 * made room.
 */
export async function issue(account: Account, want: Want): Promise<Issued> {
  const { iam, sdk } = account
  return await account.change('making an access key', async () => {
    const user = await userOf(account, want)
    const before = keysBefore(want)
    const now = await keysOf(account, user.name)
    if (before && now.some(({ id }) => !before.includes(id)))
      throw new FirebreakError(
        'CONFLICT',
        `${user.name} has an access key that was not there when this was planned`,
        'Look at the user’s keys; what an earlier attempt left is taken back by undoing it.',
      )
    const { AccessKey } = await iam.send(new sdk.iam.CreateAccessKeyCommand({ UserName: user.name }))
    const id = AccessKey!.AccessKeyId!
    await nameKey(account, user.name, id, want.name)
    const ref: CredentialRef = {
      ...refIn(account, 'access-key', id),
      identity: refIn(account, 'user', user.id),
    }
    return { ref, secret: new Secret(AccessKey!.SecretAccessKey!, id) }
  })
}

/** Where tags are not to be had, undo goes by the difference to what stood before. */
async function nameKey({ iam, sdk }: Account, UserName: string, keyId: string, name: string): Promise<void> {
  const Tags = [{ Key: tagOf(keyId), Value: name.slice(0, 256) }]
  try {
    await iam.send(new sdk.iam.TagUserCommand({ UserName, Tags }))
  } catch (error) {
    if (!isFirebreakError(toFailure(error, 'naming a key'), 'UNSUPPORTED', 'DENIED')) throw error
  }
}

async function namesOfKeys({ iam, sdk }: Account, UserName: string): Promise<Map<string, string>> {
  try {
    const { Tags } = await iam.send(new sdk.iam.ListUserTagsCommand({ UserName, MaxItems: 100 }))
    return new Map(Tags?.map(({ Key, Value }) => [Key!, Value!]))
  } catch (error) {
    if (isFirebreakError(toFailure(error, 'reading the names of keys'), 'UNSUPPORTED', 'DENIED'))
      return new Map()
    throw error
  }
}

/** The key that is tagged with this name; without a tag, the one key that was not there before. */
export async function undo(account: Account, want: Want): Promise<void> {
  await account.change('taking an access key back', async () => {
    const user = await findUser(account, want)
    if (!user) return
    const names = await namesOfKeys(account, user.name)
    const before = keysBefore(want)
    const added = (await keysOf(account, user.name)).map(({ id }) => id).filter(id => !before?.includes(id))
    const named = added.filter(id => names.get(tagOf(id)) === want.name.slice(0, 256))
    const nameless = before ? added.filter(id => !names.has(tagOf(id))) : []
    // Two without a name may be another's: then none is taken.
    const ours = named.length > 0 ? named : nameless.length === 1 ? nameless : []
    for (const id of ours) await deleteKey(account, user.name, id)
  })
}

async function userOf(account: Account, want: Want): Promise<Found> {
  const user = await findUser(account, want)
  if (user) return user
  throw new FirebreakError('NOT_FOUND', 'the user whose key this is like is not there')
}

async function findUser(account: Account, { like }: Want): Promise<Found | undefined> {
  if (!like)
    throw new FirebreakError('UNSUPPORTED', 'an access key is issued like another one, or for a user')
  return like.kind === 'user' ? await findPrincipal(account, like) : await ownerOf(account, like)
}

function keysBefore({ before }: Want): string[] | undefined {
  const state = principalState.safeParse(before)
  return state.success ? state.data.keys.map(({ id }) => id) : undefined
}
