import { FirebreakError } from '../../core/contract/errors.ts'

/** A session that is begun with another one goes on without it: its role's policies say nothing of it. */
const DERIVING = 'sts:AssumeRole'

/**
 * A session may do what its role may and this policy allows. Scopes are actions, `s3:GetObject`, or actions at a resource,
 * `s3:GetObject@arn:aws:s3:::reports/*`; none leaves all of the role's. Whatever would outlive the session is denied where no
 * scope names it.
 */
export function sessionPolicy(scopes: readonly string[]): string {
  const actions = Map.groupBy(scopes.length === 0 ? ['*'] : scopes, scope => resourceOf(scope))
  const allowed = [...actions].map(([Resource, some]) => ({
    Effect: 'Allow',
    Action: some.map(scope => scope.split('@')[0]!).sort(),
    Resource,
  }))
  const derives = allowed.some(({ Action }) => Action.includes(DERIVING))
  const denied = derives ? [] : [{ Effect: 'Deny', Action: [DERIVING], Resource: '*' }]
  return JSON.stringify({ Version: '2012-10-17', Statement: [...allowed, ...denied] })
}

function resourceOf(scope: string): string {
  const [, resource = '*'] = /^(?:\*|[a-z0-9-]+:[\w*?]+)(?:@(\*|arn:.+))?$/.exec(scope) ?? []
  if (resource !== '*' || /^(?:\*|[a-z0-9-]+:[\w*?]+)(?:@\*)?$/.test(scope)) return resource
  throw new FirebreakError(
    'UNSUPPORTED',
    `${scope} is no action of AWS`,
    'Write it as s3:GetObject, or with a resource as s3:GetObject@arn:aws:s3:::reports/*.',
  )
}
