import { decodeJwt } from 'jose'
import { z } from 'zod'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Held, Trial, Tried } from '../../core/contract/probe.ts'
import type { Ref } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Account } from './account.ts'
import { ownedBy } from './places.ts'
import { verify } from './verify.ts'

/** What it takes at a repository. To change a workflow a token needs more than to push. */
type Right = 'pull' | 'push' | 'admin' | 'workflow'

const RIGHTS: Readonly<Record<string, Right>> = {
  'may-read': 'pull',
  'may-push': 'push',
  'may-push-code': 'push',
  administers: 'admin',
  'github-admin-pushes': 'push',
  'github-admin-reads-environments': 'admin',
  'github-push-to-workflow': 'workflow',
  'github-push-reads-secrets': 'workflow',
  'github-push-reads-unprotected-environment': 'workflow',
  'github-push-runs-on-runner': 'workflow',
}

const SAYS: Readonly<Record<Right, string>> = {
  pull: 'read it',
  push: 'push to it (nothing was pushed)',
  admin: 'administer it',
  workflow: 'change its workflows (nothing was pushed)',
}

const JOBS_TOKEN =
  'The role is given for the token of a job, which GitHub makes for jobs alone: without one (--id-token) it cannot be tried, and to run a job changes the repository.'

/**
 * Asks as the tester what it may do at a repository: GET only. What would run a job is not done: that the tester may change the
 * workflow is all that is confirmed, and what the job would get is not gained.
 */
export async function probe(account: Account, trial: Trial, held: Held): Promise<Tried> {
  try {
    if (trial.to.system !== 'github')
      return trial.idToken
        ? await byJob(account, trial, held, trial.idToken)
        : { state: 'unknown', why: JOBS_TOKEN }
    const right = RIGHTS[trial.crossing]
    const repository = repositoryOf(trial.to)
    if (right === undefined || repository === undefined)
      return { state: 'not-tried', why: `There is no way to try "${trial.crossing}" without using it.` }
    if (!(await account.stillHere()))
      return { state: 'unknown', why: `${account.config.owner} is another owner now.` }
    return held.by.kind === 'ssh-key' || held.by.kind === 'deploy-key'
      ? await byKey(account, { trial, held, right, repository })
      : await byToken(account, { trial, held, right, repository })
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
    throw error
  }
}

/** https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims */
const jobClaims = z.object({
  repository_id: z.string().regex(/^\d+$/),
  repository: z.string().min(1),
  workflow_ref: z.string().min(1),
  environment: z.string().optional(),
})

/**
 * Whether a job of which there is a token is one that the tester could have run: whoever may change the workflows of a repository may
 * have any job of it that no environment guards. The token itself is checked by whoever takes it.
 */
async function byJob(account: Account, trial: Trial, held: Held, idToken: Secret): Promise<Tried> {
  const claims = claimsOf(idToken)
  if (!claims) return { state: 'unknown', why: 'The token given is none of a GitHub job.' }
  const { repository, repository_id, workflow_ref, environment } = claims
  if (held.by.kind === 'id-token') {
    const [, path] = /^\d+\/(.+)#/.exec(trial.from.id) ?? []
    const isOfJob =
      repositoryOf(trial.from) === repository_id && workflow_ref.startsWith(`${repository}/${path}@`)
    return isOfJob
      ? { state: 'confirmed', why: `The token is of a job of ${workflow_ref}.` }
      : { state: 'unknown', why: `The token given is of another workflow, ${workflow_ref}.` }
  }
  if (environment !== undefined)
    return {
      state: 'unknown',
      why: `The token given is of a job in the environment ${environment}, which may be guarded.`,
    }
  const asking: Asking = { trial, held, right: 'workflow', repository: repository_id }
  return held.by.kind === 'ssh-key' || held.by.kind === 'deploy-key'
    ? await byKey(account, asking)
    : await byToken(account, asking)
}

function claimsOf(idToken: Secret): z.infer<typeof jobClaims> | undefined {
  try {
    return jobClaims.safeParse(decodeJwt(idToken.revealText())).data
  } catch {
    return undefined
  }
}

interface Asking {
  readonly trial: Trial
  readonly held: Held
  readonly right: Right
  readonly repository: string
}

/** The number of the repository that a thing is, or lies in. */
function repositoryOf(to: Ref): string | undefined {
  if (to.kind === 'repository') return to.id
  if (to.kind === 'actions-secret') return ownedBy(to).repository
  return /^(\d+)\//.exec(to.id)?.[1]
}

/** The login by SSH is not tried: what the repository says of the key counts. */
async function byKey(account: Account, { held, right, repository }: Asking): Promise<Tried> {
  const { state, why, access = [] } = await verify(account, held.by, held.secret)
  if (state !== 'live') return { state: state === 'dead' ? 'refused' : 'unknown', why }
  if (!held.by.id.startsWith(`${repository}/`))
    return { state: 'refused', why: 'It is a deploy key of another repository.' }
  if (right === 'admin') return { state: 'refused', why: 'A deploy key administers nothing.' }
  const may = right === 'pull' || access.some(what => what.startsWith('push'))
  return { state: may ? 'confirmed' : 'refused', why, ...(may && isHeld(right) && { held }) }
}

const answered = z.object({
  full_name: z.string(),
  private: z.boolean(),
  permissions: z.object({ admin: z.boolean(), push: z.boolean(), pull: z.boolean() }).optional(),
})

async function byToken(account: Account, asking: Asking): Promise<Tried> {
  const { trial, held, right, repository } = asking
  const token = held.secret.revealText()
  // Who takes any token would confirm anything; and what no header can hold is no token.
  const verdict = /^[\x21-\x7e]+$/.test(token)
    ? await verify(account, held.by, held.secret)
    : { state: 'dead' as const, why: 'It is no token that can be offered.' }
  if (verdict.state !== 'live')
    return { state: verdict.state === 'dead' ? 'refused' : 'unknown', why: verdict.why }
  const answer = await account.api.ask('GET /repositories/{id}', { id: Number(repository) }, { token })
  if ('failed' in answer) return { state: 'unknown', why: `${answer.failed.message}.` }
  if (answer.status === 404 || answer.status === 403)
    return { state: 'refused', why: 'GitHub shows the tester no such repository.' }
  const parsed = answered.safeParse(answer.data)
  if (answer.status !== 200 || !parsed.success)
    return { state: 'unknown', why: `The server answered ${answer.status}.` }
  const { full_name, permissions } = parsed.data
  if (right === 'pull') return { state: 'confirmed', why: `GitHub showed the tester ${full_name}.`, held }
  if (!permissions)
    return { state: 'unknown', why: `GitHub does not say what the tester may do at ${full_name}.` }
  if (!permissions[right === 'workflow' ? 'push' : right])
    return { state: 'refused', why: `GitHub denies that the tester may ${SAYS[right]}: ${full_name}.` }
  const scopes = answer.scopes
  // Only tokens of the classic kind tell their scopes; of others the answer tells what their owner may do.
  if (scopes === undefined)
    return {
      state: 'unknown',
      why: `GitHub says that the tester’s account may ${SAYS[right]} at ${full_name}, and not what this token may.`,
    }
  const missing = scopesFor(right, parsed.data.private).find(any => !any.some(one => scopes.includes(one)))
  if (missing)
    return { state: 'refused', why: `The token has no scope ${missing.join(' or ')} for ${full_name}.` }
  const name = trial.to.kind === 'actions-secret' ? await secretOf(account, trial.to, full_name, token) : ''
  if (name !== '') return { state: 'unknown', why: name }
  const why = `GitHub says that the tester may ${SAYS[right]}: ${full_name}.`
  return { state: 'confirmed', why, ...(isHeld(right) && { held }) }
}

/** https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps */
function scopesFor(right: Right, isPrivate: boolean): string[][] {
  const contents = isPrivate ? ['repo'] : ['repo', 'public_repo']
  return right === 'workflow' ? [contents, ['workflow']] : [contents]
}

/** Nothing is in the tester's hands of what a job would have to give out. */
function isHeld(right: Right): boolean {
  return right !== 'workflow'
}

/** Why it is not known that the secret is there: GitHub shows its name to who may use it. */
async function secretOf(account: Account, to: Ref, full_name: string, token: string): Promise<string> {
  const { environment, name } = ownedBy(to)
  const [owner, repo] = full_name.split('/')
  const within = environment === undefined ? 'actions' : 'environments/{environment}'
  const answer = await account.api.ask(
    `GET /repos/{owner}/{repo}/${within}/secrets/{name}`,
    { owner, repo, environment, name },
    { token },
  )
  if ('failed' in answer) return `${answer.failed.message}.`
  return answer.status === 200
    ? ''
    : `GitHub does not show the tester that ${full_name} has the secret ${name}.`
}
