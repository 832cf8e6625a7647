import type { Ms } from '../../../core/contract/ref.ts'
import type { Answer } from '../aws-policy/evaluate.ts'
import type { AwsAccount } from './account.ts'
import { Privilege } from './privilege.ts'

/** Whether one user or role may do one thing; undefined where the entity is none. What is known of the request is given. */
export function explainCan(
  accounts: readonly AwsAccount[],
  entityId: string,
  action: string,
  resource: string,
  context: Readonly<Record<string, readonly string[]>>,
  now: Ms,
): Answer | undefined {
  for (const account of accounts) {
    const actor = account.principals.find(({ id }) => id === entityId)
    if (!actor) continue
    // A role that the request is about has a policy of its own, and tags.
    const target = accounts.flatMap(({ principals }) => principals).find(({ arn }) => arn === resource)
    const trust = action.startsWith('sts:Assume') ? target?.trust : undefined
    return new Privilege(actor, account, now).answer(action, resource, {
      context,
      ...(target && { target, account: target.account }),
      ...(trust && { trust }),
    })
  }
  return undefined
}
