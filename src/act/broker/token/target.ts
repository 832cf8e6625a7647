import type { BrokerConfig, LeaseDefinition } from '../broker-config.ts'
import { OauthError } from '../oauth-error.ts'

/**
 * The access token that is meant by `resource` and `audience` (RFC 8707, RFC 8693): the name of a lease, or whom it is for.
 * Where nothing is said, there must be only one. Raises `invalid_target`.
 */
export function tokenLease(
  config: Pick<BrokerConfig, 'leases'>,
  targets: readonly string[],
): { definition: LeaseDefinition; audience: readonly string[] } {
  const fitting = config.leases.filter(
    ({ name, audience, spiffeId }) =>
      // A JWT-SVID is no access token, though whom it is for may be the same.
      spiffeId === undefined &&
      audience !== undefined &&
      targets.every(target => target === name || audience.includes(target)),
  )
  const [definition, another] = fitting
  if (!definition) throw new OauthError('invalid_target', 'no access token is offered for that')
  if (another)
    throw new OauthError('invalid_target', 'there are several for that: name the lease as audience')
  const narrower = targets.filter(target => target !== definition.name)
  return { definition, audience: narrower.length > 0 ? narrower : definition.audience! }
}
