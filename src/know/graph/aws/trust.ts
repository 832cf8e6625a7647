import { Context } from '../aws-policy/context.ts'
import { evaluate } from '../aws-policy/evaluate.ts'
import { readPolicy } from '../aws-policy/policy.ts'
import type { Hop } from '../graph.ts'
import { type AwsAccount, type AwsPrincipal, nameOf } from './account.ts'

const EVERYTHING = readPolicy(
  { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } },
  'everything',
)

/**
 * Whom roles let in from outside their account: everything in another account that a trust policy names, of which nothing
 * else need be known, and the identity providers.
 */
export function trustHops(accounts: readonly AwsAccount[]): Hop[] {
  const byNumber = new Map(accounts.map(account => [account.number, account]))
  const providers = new Map(accounts.flatMap(account => [...account.providers]))
  return accounts.flatMap(account =>
    account.principals
      .filter(({ kind }) => kind === 'role')
      .flatMap(role => [
        ...fromAccounts(role, account, byNumber),
        ...fromProviders(role, account, providers),
      ]),
  )
}

function fromAccounts(
  role: AwsPrincipal,
  account: AwsAccount,
  byNumber: ReadonlyMap<string, AwsAccount>,
): Hop[] {
  const hops = new Map<string, Hop>()
  for (const named of namedIn(role, 'AWS')) {
    const numbers =
      named === '*' ? [...byNumber.keys()] : [/^\d{12}$/.test(named) ? named : (named.split(':')[4] ?? '')]
    for (const number of numbers) {
      const from = byNumber.get(number)
      if (!from || number === account.number) continue
      const principal =
        named === '*' || !named.includes(':') ? `arn:${from.partition}:iam::${number}:root` : named
      const values: Record<string, string> =
        from.organization.id === undefined ? {} : { 'aws:PrincipalOrgID': from.organization.id }
      const hop = hopFrom(from.id, role, account, principal, 'sts:AssumeRole', {
        ...values,
        'aws:PrincipalAccount': number,
        'aws:PrincipalArn': principal,
      })
      const why = `${nameOf(role.arn)} of account ${account.number} trusts account ${number}: who may do everything there can assume it`
      const before = hops.get(from.id)
      if (hop && before?.certainty !== 'proven') hops.set(from.id, { ...hop, why })
    }
  }
  return [...hops.values()]
}

function fromProviders(
  role: AwsPrincipal,
  account: AwsAccount,
  providers: ReadonlyMap<string, string>,
): Hop[] {
  return namedIn(role, 'Federated').flatMap(named => {
    const from = providers.get(named)
    const action = named.includes(':saml-provider/')
      ? 'sts:AssumeRoleWithSAML'
      : 'sts:AssumeRoleWithWebIdentity'
    const hop = from === undefined ? undefined : hopFrom(from, role, account, named, action, {})
    return hop ? [{ ...hop, why: `${nameOf(role.arn)} lets in whom ${named} vouches for` }] : []
  })
}

function namedIn({ trust }: AwsPrincipal, type: string): string[] {
  const statements = trust?.statements ?? []
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
  role: AwsPrincipal,
  account: AwsAccount,
  principal: string,
  action: string,
  values: Readonly<Record<string, string>>,
): Hop | undefined {
  const { verdict, conditions } = evaluate({
    principal,
    action,
    resource: { arn: role.arn, account: account.number },
    context: new Context(values, { complete: false, chosen: ['sts:RoleSessionName'] }),
    identityPolicies: [EVERYTHING],
    resourcePolicy: role.trust,
    resourceControlPolicies: account.organization.resourceControlPolicies,
  })
  if (verdict !== 'Allowed' && verdict !== 'Conditional') return undefined
  return {
    from,
    to: role.id,
    crossing: 'trusted',
    certainty: verdict === 'Allowed' ? 'proven' : 'conditional',
    ...(verdict === 'Conditional' && { condition: conditions.join('; ').replace(/^if /, '') }),
    why: '',
  }
}
