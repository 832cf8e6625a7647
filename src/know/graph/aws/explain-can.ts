import type { Ms } from '../../../core/contract/ref.ts'
import { type Answer, decidesAlone } from '../aws-policy/evaluate.ts'
import { readPolicy } from '../aws-policy/policy.ts'
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
    // What the request is about may be of another account; a role, a secret or a function has a policy of its own.
    const owner =
      accounts.find(({ principals, stores }) =>
        [...principals, ...stores].some(({ arn }) => arn === resource),
      ) ?? accounts.find(({ number }) => number === resource.split(':')[4])
    const target = owner?.principals.find(({ arn }) => arn === resource)
    const store = owner?.stores.find(({ arn }) => arn === resource)
    const [, , , , number = ''] = resource.split(':')
    const isForeign = /^\d{12}$/.test(number) && number !== account.number
    // Without the resource's own policy these are never allowed: where it is not known, neither is the answer.
    const isUnknown =
      !target && !store && (isForeign || decidesAlone({ action, resource: { arn: resource } }))
    const resourcePolicy = isUnknown
      ? readPolicy(null, `the policy that ${resource} has in account ${number}`)
      : action.startsWith('sts:Assume')
        ? target?.trust
        : store?.policy
    return new Privilege(actor, account, now).answer(action, resource, {
      context,
      ...(target && { target }),
      ...(owner && { owner }),
      ...(resourcePolicy && { resourcePolicy }),
    })
  }
  return undefined
}
