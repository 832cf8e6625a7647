import { z } from 'zod'
import type { Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Admitted, admittedBy } from './github-subject.ts'

const PROVIDER = /:oidc-provider\/token\.actions\.githubusercontent\.com$/
const KEYS = 'token.actions.githubusercontent.com:'

const values = z.union([z.string(), z.array(z.string())]).transform(given => [given].flat())
const statementSchema = z.looseObject({
  Effect: z.string(),
  Principal: z.looseObject({ Federated: values.optional() }).optional(),
  Condition: z.record(z.string(), z.record(z.string(), values.catch([]))).default({}),
})

/** Whom at GitHub a role takes the tokens of, a statement each: https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws */
export function githubFederation(statements: readonly unknown[]): Admitted[] {
  return statements.flatMap(statement => {
    const read = statementSchema.safeParse(statement)
    if (!read.success || read.data.Effect !== 'Allow') return []
    const { Principal, Condition } = read.data
    return Principal?.Federated?.some(named => PROVIDER.test(named)) ? admittedIf(Condition) : []
  })
}

/** What each operator asks for holds together: one that names a repository is enough. What only keeps some out lets all others in. */
function admittedIf(conditions: z.infer<typeof statementSchema>['Condition']): Admitted[] {
  let other: string | undefined
  let widest: Admitted[] | undefined
  for (const [operator, keys] of Object.entries(conditions)) {
    const isLikeness = /^(For(AnyValue|AllValues):)?String(Equals(IgnoreCase)?|Like)$/i.test(operator)
    for (const [key, wanted] of Object.entries(keys)) {
      const claim = key.toLowerCase().startsWith(KEYS) ? key.slice(KEYS.length).toLowerCase() : ''
      if (!isLikeness || claim === '' || claim === 'aud') continue
      if (claim !== 'sub') other = `the token’s ${claim} is ${wanted.join(' or ')}`
      else {
        const admitted = wanted.map(admittedBy)
        if (admitted.every(({ loose }) => loose === undefined)) return admitted
        widest = admitted
      }
    }
  }
  if (other !== undefined) return [{ when: other }]
  return widest ?? [{ loose: 'it has no condition on the subject, and GitHub vouches for everyone’s runs' }]
}

/** Whose jobs the role lets in, and whether strangers' are among them. */
export function* tellFederation(role: Ref, federation: readonly Admitted[]): Generator<Observation> {
  for (const { repository, when, loose, owner } of federation) {
    if (repository)
      yield {
        see: 'edge',
        from: role,
        to: repository,
        crossing: 'admits-jobs-of',
        certainty: when === undefined ? 'proven' : 'conditional',
        ...(when !== undefined && { when }),
        why: 'its trust policy names the repository',
      }
    if (loose === undefined) continue
    const from: Ref = { system: 'github', instance: 'github.com', kind: 'anyone', id: 'anyone' }
    yield { see: 'identity', ref: from, names: ['anyone with an account at GitHub'], facts: {} }
    yield {
      see: 'edge',
      from,
      to: role,
      crossing: 'federates-into',
      certainty: owner === undefined ? 'proven' : 'conditional',
      ...(owner !== undefined && { when: `they can make or change a repository of ${owner}` }),
      why: loose,
    }
  }
}
