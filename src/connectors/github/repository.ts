import { z } from 'zod'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { part } from '../../core/contract/part.ts'
import { type Account, type Repository, refIn } from './account.ts'
import { environments } from './environments.ts'
import { edge } from './edge.ts'
import { keyOf } from './keys.ts'
import {
  HOOK,
  hookSeen,
  type OwnerSeen,
  RUNNER,
  runnerSeen,
  SECRET,
  secretSeen,
  USER,
  userSeen,
} from './owner.ts'
import { secretPath } from './places.ts'

const COLLABORATOR = USER.extend({
  permissions: z.record(z.string(), z.boolean()).optional(),
  role_name: z.string().optional(),
})
const TEAM = z.object({ id: z.number(), slug: z.string(), permission: z.string() })
const RULE = z.object({ type: z.string(), parameters: z.record(z.string(), z.unknown()).optional() })
const PROTECTION = z.object({
  required_pull_request_reviews: z
    .object({
      required_approving_review_count: z.number().optional(),
      require_code_owner_reviews: z.boolean().optional(),
    })
    .nullish(),
  enforce_admins: z.object({ enabled: z.boolean() }).nullish(),
  restrictions: z.unknown(),
})
const ACTIONS = z.object({
  enabled: z.boolean(),
  allowed_actions: z.string().optional(),
  sha_pinning_required: z.boolean().optional(),
})
const WORKFLOW_RIGHTS = z.object({
  default_workflow_permissions: z.string(),
  can_approve_pull_request_reviews: z.boolean(),
})
const OIDC_SUBJECT = z.object({
  use_default: z.boolean(),
  include_claim_keys: z.array(z.string()).default([]),
})

/** Where a call is about: the names of the owner and of the repository. */
export interface At {
  readonly owner: string
  readonly repo: string
}

export async function* discoverRepository(
  account: Account,
  repository: Repository,
  seen: OwnerSeen,
): AsyncGenerator<Observation> {
  const ref = refIn(account, 'repository', repository.id)
  const at: At = { owner: account.owner.login, repo: repository.name }
  // It ends as the ids of what lies there begin, so that a gap hides that and nothing else.
  const scope = (name: string) => `github:${repository.full_name}/${repository.id}/${name}`
  const visibility = repository.visibility ?? (repository.private ? 'private' : 'public')
  const { html_url, clone_url, ssh_url } = repository
  yield {
    see: 'resource',
    ref,
    names: [
      repository.full_name,
      ...new Set([html_url, clone_url, ssh_url].filter(name => name !== undefined)),
    ],
    facts: factsOf({
      visibility,
      defaultBranch: repository.default_branch ?? undefined,
      archived: repository.archived,
      fork: repository.fork,
      pushed: repository.pushed_at ?? undefined,
    }),
  }
  yield edge(
    refIn(account, 'owner', account.owner.id),
    ref,
    'owns',
    `${account.owner.login} owns ${repository.full_name}`,
  )
  if (visibility === 'public') yield* outsiders(account, ref, repository.full_name)
  yield* contents(account, ref, repository)
  yield* ownersSecrets(ref, repository, visibility, seen)
  yield* installed(ref, repository, seen)
  for (const { ref: runner, name } of seen.runners) {
    const when = `the runner group of ${name} lets ${repository.full_name} in`
    yield edge(ref, runner, 'has-runner', `${name} is a runner of ${account.owner.login}`, when)
  }
  yield* part(scope('collaborators'), ['user'], () => collaborators(account, at, ref))
  yield* part(scope('teams'), ['team'], () => teams(account, at, ref))
  yield* part(scope('keys'), [], () => deployKeys(account, at, ref))
  yield* part(scope('secrets'), [], () => secrets(account, at, ref))
  yield* part(scope('variables'), [], () => variables(account, at, ref))
  yield* part(scope('environments'), [], () => environments(account, at, ref))
  yield* part(scope('rules'), [], () => branchRules(account, at, ref, repository.default_branch ?? 'main'))
  yield* part(scope('actions'), [], () => actionsSettings(account, at, ref))
  yield* part(scope('oidc'), [], () => oidcSubject(account, at, ref))
  yield* part(scope('hooks'), [], () => hooks(account, at, ref))
  yield* part(scope('runners'), [], () => runners(account, at, ref))
}

/** The same that a reader of its workflows tells of. */
function* outsiders(account: Account, ref: Ref, name: string): Generator<Observation> {
  const anyone = refIn(account, 'outsider', `${ref.id}/anyone`)
  const names = ['anyone who can open a pull request or an issue']
  yield { see: 'identity', ref: anyone, names, facts: {} }
  yield edge(anyone, ref, 'may-read', `${name} is public`)
  yield edge(anyone, ref, 'may-propose', `anyone may open a pull request in ${name}, which is public`)
}

/** Whoever reads the repository reads what was said there, and what its jobs printed. */
function* contents(account: Account, ref: Ref, { full_name }: Repository): Generator<Observation> {
  const { comments, logs, artifacts } = account.config
  const parts: [boolean, string, string, string][] = [
    [comments, 'discussion', 'discussion', 'issues and comments'],
    [logs + artifacts > 0, 'actions-log', 'logs', 'logs and artifacts'],
  ]
  for (const [looked, kind, path, what] of parts) {
    if (!looked) continue
    const within = refIn(account, kind, `${ref.id}/${path}`)
    yield { see: 'resource', ref: within, names: [`${full_name} ${what}`], facts: {} }
    yield edge(ref, within, 'contains', `whoever reads ${full_name} reads its ${what}`)
  }
}

/** Secrets of the organisation that this repository's jobs get. */
function* ownersSecrets(
  ref: Ref,
  repository: Repository,
  visibility: string,
  seen: OwnerSeen,
): Generator<Observation> {
  for (const secret of seen.secrets) {
    const given =
      secret.visibility === 'all' ||
      (secret.visibility === 'private' && visibility !== 'public') ||
      secret.repositories.has(repository.id)
    if (given)
      yield edge(
        ref,
        secret.ref,
        'has-secret',
        `the organisation gives its jobs the secret ${secret.ref.id.split('/').at(-1)}`,
      )
    else if (secret.visibility === 'unknown')
      yield edge(
        ref,
        secret.ref,
        'has-secret',
        'it is a secret of the organisation',
        'the organisation gives it to this repository',
      )
  }
}

function* installed(ref: Ref, { full_name }: Repository, seen: OwnerSeen): Generator<Observation> {
  for (const app of seen.installations) {
    const when = app.all ? undefined : `${full_name} is among the repositories that the app was given`
    const { administration, contents, workflows } = app.permissions
    // Who may not change workflows still changes what they run.
    if (contents === 'write' && workflows === 'write')
      yield edge(
        app.ref,
        ref,
        'may-push',
        `the app ${app.slug} may write contents and workflows of ${full_name}`,
        when,
      )
    else if (contents === 'write')
      yield edge(
        app.ref,
        ref,
        'may-push-code',
        `the app ${app.slug} may write contents of ${full_name}`,
        when,
      )
    if (administration === 'write')
      yield edge(app.ref, ref, 'administers', `the app ${app.slug} may administer ${full_name}`, when)
    if (contents === 'read')
      yield edge(app.ref, ref, 'may-read', `the app ${app.slug} may read ${full_name}`, when)
  }
}

async function* collaborators(account: Account, at: At, ref: Ref): AsyncGenerator<Observation> {
  const route = 'GET /repos/{owner}/{repo}/collaborators'
  const listed = await account.api.list(
    'listing collaborators',
    route,
    { ...at, affiliation: 'all' },
    COLLABORATOR,
  )
  for (const user of listed) {
    yield userSeen(account, user)
    const { admin, maintain, push } = user.permissions ?? {}
    yield* rights(refIn(account, 'user', user.id), ref, user.login, {
      admin: admin === true,
      push: push === true || maintain === true,
    })
  }
}

async function* teams(account: Account, at: At, ref: Ref): AsyncGenerator<Observation> {
  if (!account.owner.isOrganization) return
  const route = 'GET /repos/{owner}/{repo}/teams'
  for (const team of await account.api.list('listing teams', route, { ...at }, TEAM))
    yield* rights(refIn(account, 'team', team.id), ref, `the team ${team.slug}`, {
      admin: team.permission === 'admin',
      push: ['admin', 'maintain', 'push'].includes(team.permission),
    })
}

function* rights(
  who: Ref,
  ref: Ref,
  name: string,
  { admin, push }: { readonly admin: boolean; readonly push: boolean },
): Generator<Observation> {
  if (admin) yield edge(who, ref, 'administers', `${name} administers the repository`)
  if (admin || push) yield edge(who, ref, 'may-push', `${name} may push to it`)
  else yield edge(who, ref, 'may-read', `${name} may read it`)
}

async function* deployKeys(account: Account, at: At, ref: Ref): AsyncGenerator<Observation> {
  for (const key of await deployKeysOf(account, at)) {
    const { fingerprint, type } = keyOf(key.key) ?? {}
    if (fingerprint === undefined) continue
    const identity = refIn(account, 'deploy-key', `${ref.id}/keys/${fingerprint}`)
    const readOnly = key.read_only
    yield {
      see: 'identity',
      ref: identity,
      names: [`${at.owner}/${at.repo} ${key.title}`],
      facts: factsOf({ title: key.title, readOnly }),
    }
    yield {
      see: 'credential',
      ref: { ...identity, kind: 'ssh-key', identity },
      facts: factsOf({
        sshFingerprint: fingerprint,
        keyType: type,
        created: key.created_at,
        lastUsed: key.last_used ?? undefined,
        addedBy: key.added_by ?? undefined,
      }),
    }
    if (key.added_by)
      yield {
        see: 'owner',
        of: identity,
        owner: key.added_by,
        source: 'who added the deploy key',
        weight: 0.35,
      }
    if (readOnly) yield edge(identity, ref, 'may-read', `the deploy key “${key.title}” may read it`)
    else yield edge(identity, ref, 'may-push', `the deploy key “${key.title}” may push to it`)
  }
}

const DEPLOY_KEY = z.object({
  id: z.number(),
  key: z.string(),
  title: z.string(),
  read_only: z.boolean(),
  created_at: z.string().optional(),
  last_used: z.string().nullish(),
  added_by: z.string().nullish(),
})
export type DeployKey = z.infer<typeof DEPLOY_KEY>

export async function deployKeysOf(account: Account, at: At): Promise<DeployKey[]> {
  return await account.api.list(
    'listing deploy keys',
    'GET /repos/{owner}/{repo}/keys',
    { ...at },
    DEPLOY_KEY,
  )
}

async function* secrets(account: Account, at: At, repository: Ref): AsyncGenerator<Observation> {
  const route = 'GET /repos/{owner}/{repo}/actions/secrets'
  for (const secret of await account.api.list('listing secrets', route, { ...at }, SECRET)) {
    const ref = refIn(account, 'actions-secret', secretPath({ repository: repository.id, name: secret.name }))
    yield* secretSeen(account, ref, `${at.owner}/${at.repo}/${secret.name}`, secret)
    yield edge(repository, ref, 'has-secret', `its jobs may read the secret ${secret.name}`)
  }
}

async function* variables(account: Account, at: At, repository: Ref): AsyncGenerator<Observation> {
  const route = 'GET /repos/{owner}/{repo}/actions/variables'
  for (const variable of await account.api.list('listing variables', route, { ...at }, SECRET)) {
    const ref = refIn(account, 'actions-variable', `${repository.id}/variables/${variable.name}`)
    yield* secretSeen(account, ref, `${at.owner}/${at.repo}/${variable.name}`, variable)
    yield edge(repository, ref, 'contains', `its jobs get the variable ${variable.name}`)
  }
}

/** What stands between a push and the default branch: rulesets, and the older branch protection. */
async function* branchRules(account: Account, at: At, ref: Ref, branch: string): AsyncGenerator<Observation> {
  const { api } = account
  const rules = await api.list(
    'listing rules',
    'GET /repos/{owner}/{repo}/rules/branches/{branch}',
    { ...at, branch },
    RULE,
  )
  const route = 'GET /repos/{owner}/{repo}/branches/{branch}/protection'
  let protection: z.infer<typeof PROTECTION> | undefined
  try {
    protection = await api.get('looking at the branch protection', route, { ...at, branch }, PROTECTION)
  } catch (error) {
    // An unprotected branch is not found; who may not see it cannot tell the two apart.
    if (!isFirebreakError(error, 'NOT_FOUND', 'DENIED', 'UNSUPPORTED')) throw error
  }
  const reviews = rules.flatMap(({ type, parameters }) =>
    type === 'pull_request' ? [Number(parameters?.['required_approving_review_count'] ?? 0)] : [],
  )
  const older = protection?.required_pull_request_reviews
  if (older) reviews.push(older.required_approving_review_count ?? 0)
  yield {
    see: 'resource',
    ref,
    names: [],
    facts: factsOf({
      branchRules: [...new Set(rules.map(({ type }) => type))].sort(),
      requiresPullRequest: reviews.length > 0,
      requiredReviews: reviews.length > 0 ? Math.max(...reviews) : 0,
      protectionHoldsAdmins: protection?.enforce_admins?.enabled,
    }),
  }
}

async function* actionsSettings(account: Account, at: At, ref: Ref): AsyncGenerator<Observation> {
  const { api } = account
  const whole = 'GET /repos/{owner}/{repo}/actions/permissions'
  const actions = await api.get('looking at the settings of Actions', whole, { ...at }, ACTIONS)
  const rights = await api.get(
    'looking at the rights of jobs',
    `${whole}/workflow`,
    { ...at },
    WORKFLOW_RIGHTS,
  )
  yield {
    see: 'resource',
    ref,
    names: [],
    facts: factsOf({
      actionsEnabled: actions.enabled,
      allowedActions: actions.allowed_actions,
      actionsMustBePinned: actions.sha_pinning_required,
      jobTokens: rights.default_workflow_permissions,
      jobsMayApprove: rights.can_approve_pull_request_reviews,
    }),
  }
}

async function* oidcSubject(account: Account, at: At, ref: Ref): AsyncGenerator<Observation> {
  const route = 'GET /repos/{owner}/{repo}/actions/oidc/customization/sub'
  const found = await account.api.get('asking how OIDC subjects are made', route, { ...at }, OIDC_SUBJECT)
  const { use_default, include_claim_keys: claims } = found
  const facts = factsOf({
    oidcSubjectClaims: use_default ? 'default' : claims,
    oidcSubjectNamesRepository: use_default || claims.some(claim => REPOSITORY_CLAIMS.has(claim)),
  })
  yield { see: 'resource', ref, names: [], facts }
}

/** Claims of a job's token that are another one in each repository. */
const REPOSITORY_CLAIMS: ReadonlySet<string> = new Set([
  'repo',
  'repository',
  'repository_id',
  'job_workflow_ref',
])

async function* hooks(account: Account, at: At, ref: Ref): AsyncGenerator<Observation> {
  for (const hook of await account.api.list(
    'listing webhooks',
    'GET /repos/{owner}/{repo}/hooks',
    { ...at },
    HOOK,
  ))
    yield hookSeen(refIn(account, 'webhook', `${ref.id}/hooks/${hook.id}`), hook)
}

async function* runners(account: Account, at: At, ref: Ref): AsyncGenerator<Observation> {
  const route = 'GET /repos/{owner}/{repo}/actions/runners'
  for (const runner of await account.api.list('listing runners', route, { ...at }, RUNNER))
    yield* runnerSeen(refIn(account, 'runner', `${ref.id}/runners/${runner.id}`), ref, runner)
}
