import { z } from 'zod'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Account, refIn } from './account.ts'
import { edge } from './edge.ts'
import { SECRET, secretSeen } from './owner.ts'
import { secretPath } from './places.ts'
import type { At } from './repository.ts'

const REVIEWER = z.object({
  type: z.string(),
  reviewer: z.object({ id: z.number(), login: z.string().optional(), slug: z.string().optional() }),
})
const ENVIRONMENT = z.object({
  id: z.number(),
  name: z.string(),
  can_admins_bypass: z.boolean().optional(),
  protection_rules: z
    .array(
      z.object({
        type: z.string(),
        wait_timer: z.number().optional(),
        prevent_self_review: z.boolean().optional(),
        reviewers: z.array(REVIEWER).optional(),
      }),
    )
    .default([]),
  deployment_branch_policy: z
    .object({ protected_branches: z.boolean(), custom_branch_policies: z.boolean() })
    .nullish(),
})
const BRANCH_POLICY = z.object({ name: z.string(), type: z.string().optional() })

/** What a job must wait for before it gets the secrets of where it deploys to. */
export async function* environments(account: Account, at: At, repository: Ref): AsyncGenerator<Observation> {
  const { api } = account
  const route = 'GET /repos/{owner}/{repo}/environments'
  for (const environment of await api.list('listing environments', route, { ...at }, ENVIRONMENT)) {
    const { name, protection_rules: rules } = environment
    const ref = refIn(account, 'environment', `${repository.id}/environments/${name}`)
    const reviewers = rules.flatMap(rule => rule.reviewers ?? [])
    const branches = await branchesOf(account, at, environment)
    yield {
      see: 'resource',
      ref,
      names: [`${at.owner}/${at.repo} ${name}`],
      facts: factsOf({
        requiredReviewers: reviewers.length,
        preventsSelfReview: rules.some(rule => rule.prevent_self_review === true),
        waitMinutes: rules.find(rule => rule.wait_timer !== undefined)?.wait_timer ?? 0,
        branches,
        isProtected: reviewers.length > 0 || branches !== 'any',
        adminsMayBypass: environment.can_admins_bypass,
      }),
    }
    yield edge(repository, ref, 'has-environment', `its jobs may deploy to ${name}`)
    for (const { type, reviewer } of reviewers) {
      const team = type === 'Team'
      const who = refIn(account, team ? 'team' : 'user', reviewer.id)
      const called = (team ? reviewer.slug : reviewer.login) ?? String(reviewer.id)
      yield edge(who, ref, 'may-approve', `${called} may approve deployments to ${name}`)
    }
    yield* secretsOf(account, at, repository, ref, name)
  }
}

/** From which branches a job may deploy there: a list of patterns, or which kind of branches. */
async function branchesOf(
  { api }: Account,
  at: At,
  { name, deployment_branch_policy: policy }: z.infer<typeof ENVIRONMENT>,
): Promise<string | string[]> {
  if (!policy) return 'any'
  if (policy.protected_branches) return 'protected'
  const route = 'GET /repos/{owner}/{repo}/environments/{environment}/deployment-branch-policies'
  const listed = await api.list('listing branch policies', route, { ...at, environment: name }, BRANCH_POLICY)
  return listed.map(({ name }) => name).sort()
}

async function* secretsOf(
  account: Account,
  at: At,
  repository: Ref,
  environment: Ref,
  name: string,
): AsyncGenerator<Observation> {
  const { api } = account
  const whole = 'GET /repos/{owner}/{repo}/environments/{environment}'
  const params = { ...at, environment: name }
  for (const secret of await api.list('listing secrets', `${whole}/secrets`, params, SECRET)) {
    const path = secretPath({ repository: repository.id, environment: name, name: secret.name })
    const ref = refIn(account, 'actions-secret', path)
    yield* secretSeen(account, ref, `${at.owner}/${at.repo}/${name}/${secret.name}`, secret)
    yield edge(environment, ref, 'has-secret', `who deploys to ${name} gets the secret ${secret.name}`)
  }
  for (const variable of await api.list('listing variables', `${whole}/variables`, params, SECRET)) {
    const ref = refIn(account, 'actions-variable', `${environment.id}/variables/${variable.name}`)
    yield* secretSeen(account, ref, `${at.owner}/${at.repo}/${name}/${variable.name}`, variable)
    yield edge(environment, ref, 'contains', `who deploys to ${name} gets the variable ${variable.name}`)
  }
}
