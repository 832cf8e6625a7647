import { Context } from '../aws-policy/context.ts'
import { evaluate } from '../aws-policy/evaluate.ts'
import { type Policy, readPolicy } from '../aws-policy/policy.ts'
import type { Hop } from '../graph.ts'
import { type AwsAccount, type AwsPrincipal, type AwsStore, nameOf } from './account.ts'
import { objectsOf, USES } from './reading.ts'

const EVERYTHING = readPolicy(
  { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } },
  'everything',
)

/** What lets others in by a policy of its own. */
interface Open {
  readonly id: string
  readonly arn: string
  readonly policy: Policy | undefined
}

/**
 * Whom roles, buckets and the like let in from outside their account: everything in another account that a policy names,
 * of which nothing else need be known, and the identity providers.
 */
export function trustHops(accounts: readonly AwsAccount[]): Hop[] {
  const byNumber = new Map(accounts.map(account => [account.number, account]))
  const providers = new Map(accounts.flatMap(account => [...account.providers]))
  return accounts.flatMap(account => [
    ...account.principals
      .filter(({ kind }) => kind === 'role')
      .flatMap(role => [
        ...fromAccounts(openBy(role), account, byNumber, {
          crossing: 'trusted',
          asks: [['sts:AssumeRole', role.arn]],
          can: 'can assume it',
        }),
        ...fromProviders(role, account, providers),
      ]),
    ...account.stores.flatMap(store => fromAccountsToStore(store, account, byNumber)),
  ])
}

function openBy(role: AwsPrincipal): Open {
  return { ...role, policy: role.trust }
}

function fromAccountsToStore(
  store: AwsStore,
  account: AwsAccount,
  byNumber: ReadonlyMap<string, AwsAccount>,
): Hop[] {
  if (!store.policy) return []
  return USES[store.kind].flatMap(([crossing, verb, actions]) =>
    fromAccounts(store, account, byNumber, {
      crossing,
      asks: actions.flatMap(action => objectsOf(store, action, []).map(arn => [action, arn] as const)),
      can: `can ${verb} it`,
    }),
  )
}

interface Way {
  readonly crossing: string
  /** Actions, each with what it is done to: one that is allowed is enough. */
  readonly asks: readonly (readonly [string, string])[]
  readonly can: string
}

function fromAccounts(
  open: Open,
  account: AwsAccount,
  byNumber: ReadonlyMap<string, AwsAccount>,
  { crossing, asks, can }: Way,
): Hop[] {
  const hops = new Map<string, Hop>()
  for (const named of namedIn(open.policy, 'AWS')) {
    const numbers =
      named === '*' ? [...byNumber.keys()] : [/^\d{12}$/.test(named) ? named : (named.split(':')[4] ?? '')]
    for (const number of numbers) {
      const from = byNumber.get(number)
      if (!from || number === account.number) continue
      const principal =
        named === '*' || !named.includes(':') ? `arn:${from.partition}:iam::${number}:root` : named
      const values: Record<string, string> =
        from.organization.id === undefined ? {} : { 'aws:PrincipalOrgID': from.organization.id }
      const why = `${nameOf(open.arn)} of account ${account.number} trusts account ${number}: who may do everything there ${can}`
      for (const [action, arn] of asks) {
        const hop = hopFrom(from.id, { ...open, arn }, account, principal, action, {
          ...values,
          'aws:PrincipalAccount': number,
          'aws:PrincipalArn': principal,
        })
        const before = hops.get(from.id)
        if (hop && before?.certainty !== 'proven') hops.set(from.id, { ...hop, crossing, why })
      }
    }
  }
  return [...hops.values()]
}

function fromProviders(
  role: AwsPrincipal,
  account: AwsAccount,
  providers: ReadonlyMap<string, string>,
): Hop[] {
  return namedIn(role.trust, 'Federated').flatMap(named => {
    const from = providers.get(named)
    const action = named.includes(':saml-provider/')
      ? 'sts:AssumeRoleWithSAML'
      : 'sts:AssumeRoleWithWebIdentity'
    const hop = from === undefined ? undefined : hopFrom(from, openBy(role), account, named, action, {})
    return hop ? [{ ...hop, why: `${nameOf(role.arn)} lets in whom ${named} vouches for` }] : []
  })
}

function namedIn(policy: Policy | undefined, type: string): string[] {
  const statements = policy?.statements ?? []
  return [
    ...new Set(
      statements.flatMap(({ effect, principals }) =>
        effect === 'Allow' && principals?.not === false ? (principals.byType[type] ?? []) : [],
      ),
    ),
  ]
}

function hopFrom(
  from: string,
  open: Open,
  account: AwsAccount,
  principal: string,
  action: string,
  values: Readonly<Record<string, string>>,
): Hop | undefined {
  const { verdict, conditions } = evaluate({
    principal,
    action,
    resource: { arn: open.arn, account: account.number },
    context: new Context(values, { complete: false, chosen: ['sts:RoleSessionName'] }),
    identityPolicies: [EVERYTHING],
    resourcePolicy: open.policy,
    resourceControlPolicies: account.organization.resourceControlPolicies,
  })
  if (verdict !== 'Allowed' && verdict !== 'Conditional') return undefined
  return {
    from,
    to: open.id,
    crossing: 'trusted',
    certainty: verdict === 'Allowed' ? 'proven' : 'conditional',
    ...(verdict === 'Conditional' && { condition: conditions.join('; ').replace(/^if /, '') }),
    why: '',
  }
}
