import type { LastUse } from '../../core/contract/connector.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { type Account, mustBeHere } from './account.ts'
import { absent } from './principals.ts'

/**
 * When the key was last used, for which service and in which region: AWS tells no more, and some minutes late.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
 */
export async function lastUse(account: Account, ref: CredentialRef): Promise<LastUse> {
  mustBeHere(account, ref, 'access-key')
  const { call, iam, sdk } = account
  const answer = await call('asking when a key was used', () =>
    iam.send(new sdk.iam.GetAccessKeyLastUsedCommand({ AccessKeyId: ref.id })).catch(absent),
  )
  const { LastUsedDate, ServiceName, Region } = answer?.AccessKeyLastUsed ?? {}
  return {
    at: LastUsedDate?.getTime(),
    how: `for ${ServiceName ?? 'some service'} in ${Region ?? 'some region'}`,
  }
}
