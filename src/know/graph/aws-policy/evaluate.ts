import type { Context } from './context.ts'
import { arnParts } from './expansion.ts'
import type { Policy } from './policy.ts'
import { type Principal, readPrincipal } from './principal.ts'
import { type Match, matchPolicy, type Request, someAllows } from './statement.ts'
import { all, any, not, type Truth } from './truth.ts'

/** The policies of one level of an organization: its root, a unit, or an account. */
export interface OrganizationLevel {
  readonly orgIdentifier: string
  readonly policies: readonly Policy[]
}

/**
 * Everything that bears on one request. What is undefined is not there; an empty list is there and allows nothing,
 * except for identity policies, of which there need be none.
 */
export interface Question {
  readonly principal: string
  readonly action: string
  /** An ARN, or `*`. `account` is its owner's, where the ARN does not say. */
  readonly resource: { readonly arn: string; readonly account?: string | undefined }
  readonly context: Context
  readonly identityPolicies: readonly Policy[]
  readonly resourcePolicy?: Policy | undefined
  readonly permissionBoundaries?: readonly Policy[] | undefined
  readonly serviceControlPolicies?: readonly OrganizationLevel[] | undefined
  readonly resourceControlPolicies?: readonly OrganizationLevel[] | undefined
  readonly endpointPolicies?: readonly Policy[] | undefined
  readonly sessionPolicy?: Policy | undefined
}

/**
 * `Conditional`: allowed if what `because` names holds, which is not known. `matches` has every statement of every
 * policy by the kind of the policy, in the order in which they were looked at.
 */
export interface Answer {
  readonly verdict: 'Allowed' | 'ImplicitlyDenied' | 'ExplicitlyDenied' | 'Conditional'
  readonly because: string
  readonly conditions: readonly string[]
  readonly matches: readonly (Match & { readonly kind: Kind })[]
}

export type Kind =
  | 'service control policy'
  | 'resource control policy'
  | 'VPC endpoint policy'
  | 'resource policy'
  | 'identity policy'
  | 'permission boundary'
  | 'session policy'

/**
 * What AWS would answer to a request, by its documented order: an explicit deny anywhere ends it; then every level of
 * service control policies must allow; then, within one account, the resource's policy or the identity's own do, and across
 * accounts both.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
 */
export function evaluate(question: Question): Answer {
  const principal = readPrincipal(question.principal)
  const request: Request = {
    principal,
    action: question.action,
    resource: question.resource.arn,
    context: question.context,
    bounded: question.permissionBoundaries !== undefined,
  }
  const looked = new Looked(request)
  const scp = looked.levels(
    'service control policy',
    appliesScp(principal) ? question.serviceControlPolicies : undefined,
  )
  // RCPFullAWSAccess is at every level and cannot be taken away: what others allow adds nothing, what they deny counts.
  // https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
  if (!isServiceLinked(principal)) looked.levels('resource control policy', question.resourceControlPolicies)
  const endpoint = looked.some('VPC endpoint policy', question.endpointPolicies)
  const onResource = looked.policies('resource policy', question.resourcePolicy && [question.resourcePolicy])
  const identity =
    principal.kind === 'root' ? 'yes' : looked.some('identity policy', question.identityPolicies)!
  const boundary = looked.some('permission boundary', question.permissionBoundaries)
  const session = looked.some('session policy', question.sessionPolicy && [question.sessionPolicy])

  const denied = any(looked.matches.filter(match => match.effect !== 'Allow').map(match => match.applies))
  if (denied === 'yes') return looked.answer('ExplicitlyDenied', looked.firstDeny())

  const gates: [Truth, string][] = [
    [scp.truth, `no service control policy of ${scp.missing} allows it`],
    [endpoint ?? 'yes', 'no VPC endpoint policy allows it'],
  ]
  const byResource = (...named: ('direct' | 'role' | 'account')[]) => someAllows(onResource, named)
  const own = all([identity, boundary ?? 'yes', session ?? 'yes'])
  const crossAccount = isCrossAccount(principal, question.resource)
  const grant = grantOf()
  const allowed = all([...gates.map(([truth]) => truth), grant.truth, not(denied)])
  if (allowed === 'yes') return looked.answer('Allowed', grant.why)
  if (allowed === 'unknown') return looked.conditional()
  const gate = gates.find(([truth]) => truth === 'no')
  return looked.answer('ImplicitlyDenied', gate ? gate[1] : grant.why)

  function grantOf(): { truth: Truth; why: string } {
    if (principal.kind === 'service' || principal.kind === 'anonymous') {
      const truth = byResource('direct')
      return {
        truth,
        why: truth === 'no' ? 'no resource policy allows it' : looked.firstAllow('resource policy'),
      }
    }
    if (crossAccount) {
      const resource = byResource('direct', 'role', 'account')
      const truth = all([resource, own])
      if (truth !== 'no') return { truth, why: looked.firstAllow('identity policy', 'resource policy') }
      return {
        truth,
        why:
          resource === 'no'
            ? 'no policy of the resource, which is of another account, allows it'
            : whyNotOwn(),
      }
    }
    // Granted to this very user or session, a boundary or session policy that does not allow it is no limit.
    const direct = byResource('direct')
    const throughRole = all([byResource('role'), boundary ?? 'yes', session ?? 'yes'])
    const ownWay = all([own, decidesAlone(question) ? byResource('account') : 'yes'])
    const truth = any([direct, throughRole, ownWay])
    if (truth === 'no')
      return {
        truth,
        why: own !== 'no' ? 'the policy of the resource leaves it to no identity policy' : whyNotOwn(),
      }
    return {
      truth,
      why: ownWay === truth ? looked.firstAllow('identity policy') : looked.firstAllow('resource policy'),
    }
  }

  function whyNotOwn(): string {
    if (identity === 'no')
      return onResource.length > 0
        ? 'no identity or resource policy allows it'
        : 'no identity policy allows it'
    return boundary === 'no'
      ? 'the permission boundary does not allow it'
      : 'the session policy does not allow it'
  }
}

class Looked {
  readonly matches: (Match & { readonly kind: Kind })[] = []
  readonly #request: Request

  constructor(request: Request) {
    this.#request = request
  }

  policies(kind: Kind, policies: readonly Policy[] | undefined): Match[] {
    const hasPrincipals = kind === 'resource policy'
    const matches: Match[] = []
    for (const policy of policies ?? [])
      for (const match of matchPolicy(policy, this.#request, hasPrincipals)) {
        // Asked very often: what was made for this request is not made again.
        this.matches.push(Object.assign(match, { kind }))
        matches.push(match)
      }
    return matches
  }

  /** Whether one of them allows it; undefined where there are none to ask. */
  some(kind: Kind, policies: readonly Policy[] | undefined): Truth | undefined {
    return policies && someAllows(this.policies(kind, policies))
  }

  /** Whether at each level one allows it. */
  levels(kind: Kind, levels: readonly OrganizationLevel[] | undefined): { truth: Truth; missing: string } {
    const truths = (levels ?? []).map(level => ({
      level: level.orgIdentifier,
      truth: this.some(kind, level.policies)!,
    }))
    return {
      truth: all(truths.map(({ truth }) => truth)),
      missing: truths.find(({ truth }) => truth === 'no')?.level ?? '',
    }
  }

  firstDeny(): string {
    return this.#sentence(
      'denied by',
      this.matches.find(match => match.effect === 'Deny' && match.applies === 'yes'),
    )
  }

  firstAllow(...kinds: Kind[]): string {
    const found = kinds.map(kind =>
      this.matches.find(match => match.kind === kind && match.effect === 'Allow' && match.applies !== 'no'),
    )
    return this.#sentence('allowed by', ...found)
  }

  answer(verdict: Answer['verdict'], because: string): Answer {
    return { verdict, because, conditions: [], matches: this.matches }
  }

  conditional(): Answer {
    const open = this.matches.filter(match => match.applies === 'unknown')
    const conditions = open.map(({ effect, policy, why }) => {
      if (effect === 'Allow') return why
      // It may allow as well as deny.
      return effect === 'unknown'
        ? `if ${policy}, which ${why}, lets it`
        : `unless ${why.replace(/^if /, '')} (${policy})`
    })
    return {
      verdict: 'Conditional',
      because: conditions.join('; '),
      conditions: [...new Set(conditions)],
      matches: this.matches,
    }
  }

  #sentence(verb: string, ...found: ((Match & { kind: Kind }) | undefined)[]): string {
    const parts = found.filter(match => match !== undefined)
    if (parts.length === 0) return `${verb} being the account's root user`
    return `${verb} ${parts.map(({ kind, policy, statement }) => `${statement} of the ${kind} ${policy}`).join(' and ')}`
  }
}

/** Service control policies bind the principals of an account, not AWS's own services and their roles, or strangers. */
function appliesScp(principal: Principal): boolean {
  return !['service', 'anonymous', 'other'].includes(principal.kind) && !isServiceLinked(principal)
}

/** Roles that AWS keeps for its services: neither kind of control policy binds them. */
function isServiceLinked(principal: Principal): boolean {
  return (
    principal.text.includes(':role/aws-service-role/') ||
    principal.roleName?.startsWith('AWSServiceRoleFor') === true
  )
}

function isCrossAccount(principal: Principal, resource: Question['resource']): boolean {
  const owner = resource.account ?? (arnParts(resource.arn)[4] || undefined)
  return owner !== undefined && principal.account !== undefined && owner !== principal.account
}

/**
 * Key policies and roles' trust policies decide by themselves: an identity policy counts only where they leave it to the
 * account. https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
 */
export function decidesAlone(question: Pick<Question, 'action' | 'resource'>): boolean {
  const [, , service, , , resource = ''] = arnParts(question.resource.arn)
  const action = question.action.toLowerCase()
  if (service === 'kms') return action.startsWith('kms:') && resource.startsWith('key/')
  return service === 'iam' && resource.startsWith('role/') && action.startsWith('sts:')
}
