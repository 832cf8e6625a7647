import type { Ms } from '../../../core/contract/ref.ts'
import type { Hop } from '../graph.ts'
import { type AwsAccount, isServiceLinked, nameOf } from './account.ts'
import type { Crossing } from './crossing.ts'
import { Finder } from './finder.ts'
import { Privilege } from './privilege.ts'
import { readingHops } from './reading.ts'
import { trustHops } from './trust.ts'

/**
 * Every way from one principal of the accounts to another, or to everything in its account: what a principal may do as
 * it is, and what each crossing's premises let it gain; what each may read; whom trust policies let in from outside.
 * Computed from the policies, never stored.
 */
export function awsCrossings(
  accounts: readonly AwsAccount[],
  crossings: readonly Crossing[],
  now: Ms,
): Hop[] {
  const everyone = accounts.flatMap(account =>
    account.principals.map(actor => ({ account, privilege: new Privilege(actor, account, now) })),
  )
  const privileges = new Map(everyone.map(({ privilege }) => [privilege.actor.id, privilege]))
  const estate = { accounts, crossings, privileges }
  const hops: Hop[] = []
  for (const { account, privilege } of everyone) {
    hops.push(...new Finder(estate, account, privilege).gains())
    hops.push(...readingHops(accounts, account, privilege))
  }
  return [...hops, ...trustHops(accounts), ...accounts.flatMap(insideOf)]
}

/** From everything in an account to each of its principals, and to what it keeps. */
function insideOf(account: AwsAccount): Hop[] {
  const hop = (to: string, why: string): Hop => ({
    from: account.id,
    to,
    crossing: 'administers',
    certainty: 'proven',
    why,
  })
  const principals = account.principals.filter(({ kind, arn }) => kind !== 'group' && !isServiceLinked(arn))
  const byRoot: Hop[] =
    account.rootUser === undefined
      ? []
      : [
          {
            from: account.rootUser,
            to: account.id,
            crossing: 'administrator',
            certainty: 'proven',
            why: 'the root user may do everything in the account',
          },
        ]
  return [
    ...byRoot,
    ...principals.map(({ id, arn }) =>
      hop(
        id,
        `who may do everything in the account can make keys of ${nameOf(arn)}, or let themselves assume it`,
      ),
    ),
    ...account.stores.map(({ id, arn }) =>
      hop(id, `who may do everything in the account can read ${nameOf(arn)}`),
    ),
  ]
}
