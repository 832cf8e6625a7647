import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { type Admitted, isUnclear, admittedBy, GITHUB_ISSUER, githubRepository } from '../github-subject.ts'
import type { providerSchema } from './item-shapes.ts'
import { EVERYWHERE, type Federated, type Projects } from './names.ts'

/** Issuers that vouch for anybody who has an account there: who they are is told by the token alone. */
const SHARED_ISSUERS: Readonly<Record<string, string>> = {
  [GITHUB_ISSUER]: 'anyone who can run a workflow on GitHub',
  'https://gitlab.com': 'anyone who can run a pipeline on gitlab.com',
  'https://agent.buildkite.com': 'anyone who can run a build on Buildkite',
  'https://app.terraform.io': 'anyone with an HCP Terraform workspace',
}

/**
 * Of a workload identity pool, whom it lets in: a provider says which tokens are taken, and under which condition.
 * https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
 */
export function* tellProvider(
  projects: Projects,
  project: string,
  path: string,
  provider: ReturnType<typeof providerSchema.parse>,
): Generator<Observation> {
  const ref = projects.thing(project, 'workload-identity-provider', path)
  const pool = projects.thing(project, 'workload-identity-pool', path.slice(0, path.indexOf('/providers/')))
  const issuer = provider.oidc?.issuerUri.replace(/\/$/, '')
  const isOff = provider.disabled === true || provider.state === 'DELETED'
  const admitted = admittedIf(issuer, provider.attributeCondition)
  const facts = {
    issuer: issuer ?? (provider.aws && `AWS account ${provider.aws.accountId}`),
    condition: provider.attributeCondition,
    audiences: provider.oidc?.allowedAudiences,
    disabled: isOff,
    loose: admitted.loose,
    unclear: isShared(issuer) && isUnclear(admitted) ? admitted.when : undefined,
  }
  yield {
    see: 'resource',
    ref,
    names: [path],
    facts: factsOf(facts),
  }
  yield { see: 'resource', ref: pool, names: [pool.id.replace('?', '')], facts: {} }
  if (isOff) return
  const edge = { see: 'edge', certainty: 'proven' } as const
  yield {
    ...edge,
    from: ref,
    to: pool,
    crossing: 'vouches-for',
    why: 'tokens that it takes are taken for the pool',
  }
  if (admitted.repository)
    yield* admits(
      ref,
      admitted.repository,
      admitted.when,
      `its condition names ${nameOf(admitted.repository)}`,
    )
  const strangers = issuer === undefined ? undefined : SHARED_ISSUERS[issuer]
  if (strangers === undefined || (admitted.repository && !admitted.loose)) return
  if (admitted.loose === undefined && admitted.when === undefined) return
  const from: Ref = { system: 'gcp', instance: EVERYWHERE, kind: 'anyone', id: issuer! }
  yield { see: 'identity', ref: from, names: [strangers], facts: {} }
  yield {
    ...edge,
    from,
    to: ref,
    crossing: 'vouched-for-by',
    ...(admitted.loose === undefined && { certainty: 'conditional', when: admitted.when! }),
    why: admitted.loose ?? `its condition is ${provider.attributeCondition}`,
  }
}

function isShared(issuer: string | undefined): boolean {
  return issuer !== undefined && issuer in SHARED_ISSUERS
}

/** `loose` where the condition keeps no stranger out, `when` where only who reads it can tell. */
function admittedIf(issuer: string | undefined, condition: string | undefined): Admitted {
  const text = condition?.trim() ?? ''
  if (text === '' || text === 'true')
    return isShared(issuer)
      ? { loose: `it has no attribute condition, and ${issuer} vouches for everyone’s runs` }
      : {}
  const [, claim, value] =
    /^\(?\s*(?:assertion\.|attribute\.)(repository|repository_owner|sub|repository_id|repository_owner_id)\s*==\s*["']([^"']+)["']/.exec(
      text,
    ) ?? []
  // What is added with "and" only keeps more out.
  const isAlternative = /\|\||\?/.test(text)
  if (value !== undefined && !isAlternative) {
    const isAll = /^[^&]*$/.test(text)
    const more = isAll ? {} : { when: `the condition holds: ${text}` }
    if (claim === 'repository') return { repository: githubRepository(value), ...more }
    if (claim === 'sub') return { ...admittedBy(value), ...more }
    return {}
  }
  const begins = /^(?:assertion\.sub|google\.subject)\.startsWith\(\s*["']([^"']+)["']\s*\)$/.exec(text)?.[1]
  if (begins !== undefined) return admittedBy(`${begins}*`)
  return { when: `its condition lets them in: ${text}` }
}

/** Whom a member of a binding is, where it is of a pool: all of it, one subject, or all that bear an attribute. */
export function* tellPrincipal(
  projects: Projects,
  ref: Ref,
  { project, pool, of }: Federated,
): Generator<Observation> {
  const to = projects.thing(project, 'workload-identity-pool', pool)
  const admitted = admittedAs(of)
  yield { see: 'resource', ref: to, names: [pool], facts: {} }
  yield {
    see: 'identity',
    ref,
    names: [],
    facts: {
      wholePool: { value: of === '*' },
      ...(admitted?.loose !== undefined && { loose: { value: admitted.loose } }),
    },
  }
  yield {
    see: 'edge',
    from: ref,
    to,
    crossing: 'of-pool',
    certainty: 'proven',
    why: 'it is whom the pool lets in',
  }
  if (admitted?.repository) yield* admits(ref, admitted.repository, admitted.when, `it is who has ${of}`)
}

function admittedAs(of: string): Admitted | undefined {
  const [, kind, value = ''] = /^(subject|attribute\.[A-Za-z_]+)\/(.+)$/s.exec(of) ?? []
  if (kind === 'subject') return value.startsWith('repo:') ? admittedBy(value) : undefined
  if (kind === 'attribute.repository' && value.includes('/')) return { repository: githubRepository(value) }
  if (kind === 'attribute.repository_owner')
    return { loose: `every repository of ${value} is let in, also one made for it` }
  return undefined
}

function* admits(from: Ref, repository: Ref, when: string | undefined, why: string): Generator<Observation> {
  yield { see: 'resource', ref: repository, names: [], facts: {} }
  yield {
    see: 'edge',
    from,
    to: repository,
    crossing: 'admits-jobs-of',
    certainty: when === undefined ? 'proven' : 'conditional',
    ...(when !== undefined && { when }),
    why,
  }
}

function nameOf(repository: Ref): string {
  return repository.id.replace('?github.com/', '')
}
