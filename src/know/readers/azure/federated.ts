import type { z } from 'zod'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { type Admitted, admittedBy, GITHUB_ISSUER, isUnclear } from '../github-subject.ts'
import type { federatedSchema } from './item-shapes.ts'
import type { Names } from './names.ts'

/** https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity */
export function* tellFederated(
  names: Names,
  identity: Ref,
  { name, issuer, subject, claimsMatchingExpression }: z.infer<typeof federatedSchema>,
): Generator<Observation> {
  const own = names.ref('federated-credential', `${identity.id}/${name}`)
  const said = subject ?? claimsMatchingExpression!.value
  const isGithub = issuer.replace(/\/$/, '') === GITHUB_ISSUER
  const pattern = subject ?? /^claims\['sub'\] (?:matches|eq) '([^']*)'$/.exec(said)?.[1]
  const admitted: Admitted = !isGithub
    ? {}
    : pattern === undefined
      ? { when: `the token’s claims are so: ${said}` }
      : admittedBy(pattern)
  yield {
    see: 'resource',
    ref: own,
    names: [name],
    facts: factsOf({
      issuer,
      subject: said,
      loose: admitted.loose,
      unclear: isUnclear(admitted) ? admitted.when : undefined,
    }),
  }
  const edge = { see: 'edge', certainty: 'proven' } as const
  yield {
    ...edge,
    from: own,
    to: identity,
    crossing: 'vouches-for',
    why: 'tokens that it takes are taken for it',
  }
  if (admitted.repository) {
    yield { see: 'resource', ref: admitted.repository, names: [], facts: {} }
    yield {
      ...edge,
      from: own,
      to: admitted.repository,
      crossing: 'admits-jobs-of',
      ...(admitted.when !== undefined && { certainty: 'conditional', when: admitted.when }),
      why: `its subject is ${said}`,
    }
  }
  if (admitted.loose === undefined) return
  const stranger = names.ref('anyone', issuer)
  yield { see: 'identity', ref: stranger, names: ['anyone who can run a workflow on GitHub'], facts: {} }
  // Who is none of the owner’s has to get a repository there, or an owner’s name.
  const when = 'they get a repository that the subject fits'
  yield {
    ...edge,
    from: stranger,
    to: own,
    crossing: 'vouched-for-by',
    certainty: 'conditional',
    when,
    why: admitted.loose,
  }
}
