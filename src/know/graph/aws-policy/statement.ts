import { arnFits, conditionText, fitsExpanded, meets } from './condition.ts'
import type { Context } from './context.ts'
import { arnParts } from './expansion.ts'
import type { Patterns, Policy, Statement } from './policy.ts'
import { type Named, namedBy, type Principal } from './principal.ts'
import { any, not, type Truth, truthOf } from './truth.ts'
import { fits } from './wildcard.ts'

export interface Request {
  readonly principal: Principal
  readonly action: string
  /** An ARN, or `*` for actions that have no resource. */
  readonly resource: string
  readonly context: Context
  /** Whether the principal has a permission boundary. */
  readonly bounded: boolean
}

/** What one statement says of a request. `why` names the first part that does not fit, or what is not known. */
export interface Match {
  readonly policy: string
  readonly statement: string
  /** `unknown` where the statement cannot be read: it may do either. */
  readonly effect: 'Allow' | 'Deny' | 'unknown'
  readonly applies: Truth
  /** Whether it speaks of the action, be it for other resources, principals or conditions. */
  readonly speaks: boolean
  /** How its principals name the one who asks; `direct` where it has none. */
  readonly named: Named
  readonly why: string
}

/** Every statement of a policy against a request. Only those on a resource name principals. */
export function matchPolicy(policy: Policy, request: Request, hasPrincipals: boolean): Match[] {
  return policy.statements.map(statement => matchStatement(policy, statement, request, hasPrincipals))
}

function matchStatement(
  policy: Policy,
  statement: Statement,
  request: Request,
  hasPrincipals: boolean,
): Match {
  const common = { policy: policy.name, statement: statement.name, effect: statement.effect }
  if (statement.broken !== undefined)
    return {
      ...common,
      applies: 'unknown',
      speaks: true,
      named: 'direct',
      why: `cannot be read: ${statement.broken}`,
    }
  const no = (why: string, speaks = true): Match => ({ ...common, applies: 'no', speaks, named: 'no', why })
  if (actionFits(statement.actions, request.action) === 'no')
    return no(`its ${statement.actions.not ? 'NotAction' : 'Action'} leaves out ${request.action}`, false)
  const resource = statement.resources ? resourceFits(statement.resources, policy, request) : 'yes'
  if (resource === 'no')
    return no(`its ${statement.resources!.not ? 'NotResource' : 'Resource'} leaves out ${request.resource}`)
  const named = statement.principals ? namedBy(statement.principals, request, statement.effect) : 'direct'
  if (named === 'no' || (hasPrincipals && !statement.principals))
    return no(
      `its ${statement.principals?.not ? 'NotPrincipal' : 'Principal'} leaves out ${request.principal.text}`,
    )
  const undecided: string[] = resource === 'unknown' ? ['the resource has a variable of no known value'] : []
  const effect = statement.effect === 'Deny' ? 'Deny' : 'Allow'
  for (const condition of statement.conditions) {
    const truth = meets(condition, policy.variables, request.context, effect)
    if (truth === 'no') return no(`not met: ${conditionText(condition)}`)
    if (truth === 'unknown') undecided.push(conditionText(condition))
  }
  return undecided.length > 0
    ? { ...common, applies: 'unknown', speaks: true, named, why: `if ${undecided.join(' and ')}` }
    : { ...common, applies: 'yes', speaks: true, named, why: 'applies' }
}

/** The policies with only those of their statements that speak of an action: asked often, they are cut once. */
export function speakingOf(action: string, policies: readonly Policy[]): Policy[] {
  return policies.flatMap(policy => {
    const statements = policy.statements.filter(
      statement => statement.broken !== undefined || actionFits(statement.actions, action) === 'yes',
    )
    return statements.length > 0 ? [{ ...policy, statements }] : []
  })
}

function actionFits({ not: negated, tokens }: Statement['actions'], action: string): Truth {
  const lower = action.toLowerCase()
  const fitting = truthOf(tokens.some(pattern => fits(pattern, lower)))
  return negated ? not(fitting) : fitting
}

function resourceFits({ not: negated, patterns }: Patterns, policy: Policy, request: Request): Truth {
  const fitting = any(patterns.map(pattern => oneResourceFits(pattern, policy, request)))
  return negated ? not(fitting) : fitting
}

/**
 * Parts that the pattern lacks are any. A star matches within its part, but as the last character of one also beyond.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
function oneResourceFits(pattern: string, { variables }: Policy, { resource, context }: Request): Truth {
  if (pattern === '*') return 'yes'
  const whole = () => fitsExpanded(resource, pattern, variables, context)
  if (!resource.startsWith('arn:') || !pattern.startsWith('arn:')) return whole()
  const byPart = arnFits(resource, pattern, variables, context)
  const reachesOver = arnParts(pattern)
    .slice(0, 5)
    .some(part => part.endsWith('*'))
  if (byPart !== 'no' || !reachesOver) return byPart
  const staysWithin = arnParts(pattern)
    .slice(0, 5)
    .some(part => part.slice(0, -1).includes('*'))
  return staysWithin ? 'no' : whole()
}

/** Whether one of the statements allows, of those that name the principal so. */
export function someAllows(
  matches: readonly Match[],
  named: readonly Named[] = ['direct', 'role', 'account'],
): Truth {
  return any(
    matches
      .filter(match => match.effect !== 'Deny' && named.includes(match.named))
      .map(match => match.applies),
  )
}
