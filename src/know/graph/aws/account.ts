import type { OrganizationLevel } from '../aws-policy/evaluate.ts'
import type { Policy } from '../aws-policy/policy.ts'

/** A policy that stands by itself; only one of the account's own can be changed. */
export interface ManagedPolicy {
  readonly arn: string
  readonly canChange: boolean
  /** As it is in force. */
  readonly policy: Policy
  /** What could be put in force again. */
  readonly otherVersions: readonly Policy[]
}

/** A user, role or group, with all that bears on what it may do. `id` is that of its entity. */
export interface AwsPrincipal {
  readonly id: string
  /** IAM's own id, such as `AIDA…`. */
  readonly uniqueId: string
  readonly kind: 'user' | 'role' | 'group'
  readonly arn: string
  readonly account: string
  /** Its own and, for a user, its groups'. */
  readonly policies: readonly Policy[]
  readonly managed: readonly ManagedPolicy[]
  readonly groups: readonly AwsPrincipal[]
  readonly boundary: { readonly arn: string; readonly policy: Policy } | undefined
  /** Who may assume a role. */
  readonly trust: Policy | undefined
  readonly inInstanceProfile: boolean
  readonly tags: Readonly<Record<string, string>>
  /** Of a user, where a connection or a credential report tells. */
  readonly hasPassword: boolean | undefined
  readonly keyCount: number | undefined
}

/** What may have a policy of its own: what it holds is read, and what goes through it taken or put in, by whoever may. */
export interface AwsStore {
  readonly id: string
  readonly kind: 'secret' | 'parameter' | 'function' | 'bucket' | 'queue' | 'topic'
  readonly arn: string
  /** A key of the account's own that it is encrypted with. */
  readonly kmsKey: string | undefined
  readonly policy: Policy | undefined
}

/** What is known of the principals of one AWS account. `id` is the entity that stands for everything in it. */
export interface AwsAccount {
  readonly id: string
  readonly number: string
  readonly partition: string
  /** Who has it may do everything in the account. */
  readonly rootUser: string | undefined
  readonly principals: readonly AwsPrincipal[]
  /** The Lambda functions that a connection listed, each with the ARN of the role that it runs as. */
  readonly functions: readonly { readonly arn: string; readonly runsAs: string }[]
  /** Other managed policies of the account, attached or not, by ARN. */
  readonly managed: ReadonlyMap<string, Policy>
  readonly stores: readonly AwsStore[]
  /** Identity providers, by how trust policies name them. */
  readonly providers: ReadonlyMap<string, string>
  readonly organization: AwsOrganization
}

/** What is above an account. Nothing binds an organization's management account. */
export interface AwsOrganization {
  readonly id: string | undefined
  readonly serviceControlPolicies: readonly OrganizationLevel[] | undefined
  readonly resourceControlPolicies: readonly OrganizationLevel[] | undefined
}

/**
 * Whether more than a group's policies bear on a member: then what the group's allow is not all the member's. What a
 * member may do is asked of itself, with all that is its own and its groups'.
 */
export function isLimitedIn(member: AwsPrincipal, group: AwsPrincipal): boolean {
  return (
    member.boundary !== undefined ||
    member.policies.some(policy => !group.policies.includes(policy) && denies(policy).statements.length > 0)
  )
}

/** The groups of each principal that does not gain all that they give: what it does gain stands at itself. */
export function limitedMemberships(
  accounts: readonly AwsAccount[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const limited = accounts
    .flatMap(({ principals }) => principals)
    .map(member => [member.id, member.groups.filter(group => isLimitedIn(member, group))] as const)
    .filter(([, groups]) => groups.length > 0)
  return new Map(limited.map(([id, groups]) => [id, new Set(groups.map(group => group.id))]))
}

/** What a policy takes away: it goes on doing so, whatever is granted beside it. */
export function denies(policy: Policy): Policy {
  return { ...policy, statements: policy.statements.filter(({ effect }) => effect !== 'Allow') }
}

/** A name that nothing bears, for what an actor would make. */
export const NEW = 'firebreak-any'

/**
 * ARNs of what an action may be done to: of any name, and of the names and regions that policies which allow it speak of. A
 * `thing` such as `lambda:function:*` says of which kind; without, they are of no kind at all.
 */
export function resourcesOf(
  thing: string | undefined,
  account: AwsAccount,
  allowing: readonly Policy[],
): string[] {
  const spokenOf = allowing
    .flatMap(policy => policy.statements)
    .filter(statement => statement.effect === 'Allow' && statement.resources?.not === false)
    .flatMap(statement => statement.resources!.patterns)
    .filter(
      pattern => pattern.startsWith('arn:') && !pattern.includes('${') && pattern.split(':').length >= 6,
    )
    .map(pattern => instanceOf(pattern, account))
  if (thing === undefined) return [...new Set(['*', ...spokenOf])]
  const service = thing.slice(0, thing.indexOf(':'))
  const rest = thing.slice(service.length + 1)
  const regions = spokenOf.map(arn => arn.split(':')[3]!).filter(region => region !== '')
  // IAM is in no region.
  const plain = (service === 'iam' ? [''] : [...ANY_REGIONS, ...regions]).map(
    region => `arn:${account.partition}:${service}:${region}:${account.number}:${rest.replaceAll('*', NEW)}`,
  )
  const kind = rest.slice(0, rest.indexOf('*'))
  const named = spokenOf.filter(arn => {
    const [, , ofService, , , ...end] = arn.split(':')
    return ofService === service && end.join(':').startsWith(kind)
  })
  return [...new Set([...plain, ...named])]
}

/** Two, for what is denied in one of them only. */
const ANY_REGIONS = ['us-east-1', 'eu-west-1']

/** One ARN that fits a pattern. */
function instanceOf(pattern: string, account: AwsAccount): string {
  const [arn, partition, service, region, number, ...rest] = pattern.split(':')
  const filled = (part: string | undefined, by: string) =>
    part?.replaceAll('*', by).replaceAll('?', 'x') ?? ''
  return [
    arn,
    filled(partition, account.partition),
    service,
    region === '*' ? 'us-east-1' : filled(region, 'x'),
    number === '*' ? account.number : filled(number, '0'),
    ...rest.map(part => filled(part, NEW)),
  ].join(':')
}

/** A user or role that an actor would make, with nothing but its name: of any name, and of those that its policies speak of. */
export function newPrincipals(
  kind: 'user' | 'role',
  account: AwsAccount,
  allowing: readonly Policy[],
): AwsPrincipal[] {
  const taken = new Set(account.principals.map(({ arn }) => arn))
  return resourcesOf(`iam:${kind}/*`, account, allowing)
    .filter(arn => !taken.has(arn) && !isServiceLinked(arn))
    .map(arn => ({
      id: arn,
      uniqueId: arn,
      kind,
      arn,
      account: account.number,
      policies: [],
      managed: [],
      groups: [],
      boundary: undefined,
      trust: undefined,
      inInstanceProfile: false,
      tags: {},
      hasPassword: false,
      keyCount: 0,
    }))
}

/** An ARN that nothing has, for asking what may be done to whatever there may be. */
export function anyArn(account: AwsAccount, kind: 'user' | 'role' | 'policy'): string {
  return `arn:${account.partition}:iam::${account.number}:${kind}/${NEW}`
}

/** AWS lets no one but itself change or pass the roles that it keeps for its services. */
export function isServiceLinked(arn: string): boolean {
  return arn.includes(':role/aws-service-role/')
}

/** `user/team/Alice` */
export function nameOf(arn: string): string {
  return arn.split(':').slice(5).join(':')
}
