import { z } from 'zod'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import { part } from '../../core/contract/part.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Account, refIn } from './account.ts'
import { ownApp } from './app.ts'
import { edge } from './edge.ts'
import { isApproved, pathOf, secretPath, versionOf } from './places.ts'

export const USER = z.object({ id: z.number(), login: z.string(), type: z.string().optional() })
const TEAM = z.object({ id: z.number(), slug: z.string(), name: z.string(), privacy: z.string().nullish() })
export const SECRET = z.object({
  name: z.string(),
  created_at: z.string().optional(),
  updated_at: z.string(),
  visibility: z.string().optional(),
})
export const HOOK = z.object({
  id: z.number(),
  name: z.string().optional(),
  active: z.boolean().optional(),
  events: z.array(z.string()).optional(),
  config: z
    .object({
      url: z.string().optional(),
      secret: z.string().optional(),
      insecure_ssl: z.union([z.string(), z.number()]).optional(),
    })
    .optional(),
})
export const RUNNER = z.object({
  id: z.number(),
  name: z.string(),
  os: z.string().optional(),
  status: z.string().optional(),
  labels: z.array(z.object({ name: z.string() })).default([]),
  ephemeral: z.boolean().optional(),
})
const INSTALLATION = z.object({
  id: z.number(),
  app_id: z.number(),
  app_slug: z.string(),
  repository_selection: z.string(),
  permissions: z.record(z.string(), z.string()).default({}),
  events: z.array(z.string()).default([]),
  created_at: z.string().optional(),
  suspended_at: z.string().nullish(),
})
const FINE_GRAINED = z.object({
  id: z.number(),
  owner: USER,
  repository_selection: z.string(),
  permissions: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  access_granted_at: z.string().nullish(),
  token_id: z.number().optional(),
  token_name: z.string().optional(),
  token_expired: z.boolean().optional(),
  token_expires_at: z.string().nullish(),
  token_last_used_at: z.string().nullish(),
})
const OIDC_SUBJECT = z.object({ include_claim_keys: z.array(z.string()).default([]) })

/** What is the owner's, and concerns its repositories. */
export interface OwnerSeen {
  /** Secrets of the organisation, and which repositories get them. */
  readonly secrets: {
    readonly ref: Ref
    readonly visibility: string
    readonly repositories: ReadonlySet<number>
  }[]
  readonly runners: { readonly ref: Ref; readonly name: string }[]
  readonly installations: {
    readonly ref: Ref
    readonly slug: string
    readonly all: boolean
    readonly permissions: Readonly<Record<string, string>>
  }[]
}

/** A person, a bot, or whoever else has a login. */
export function userSeen(account: Account, user: z.infer<typeof USER>): Observation {
  const facts = factsOf({ login: user.login, type: user.type })
  return { see: 'identity', ref: refIn(account, 'user', user.id), names: [user.login], facts }
}

export async function* discoverOwner(account: Account, seen: OwnerSeen): AsyncGenerator<Observation> {
  const { owner, config } = account
  yield {
    see: 'resource',
    ref: refIn(account, 'owner', owner.id),
    names: [owner.login],
    facts: factsOf({ endpoint: config.endpoint, organization: owner.isOrganization }),
  }
  const scope = `github:${owner.login}`
  yield* part(`${scope}/app`, ['app', 'app-key'], () => ownApp(account))
  if (!owner.isOrganization) return
  yield* part(`${scope}/members`, ['user'], () => members(account))
  yield* part(`${scope}/teams`, ['team', 'user'], () => teams(account))
  yield* part(`${scope}/secrets`, [], () => secrets(account, seen))
  yield* part(`${scope}/variables`, [], () => variables(account))
  yield* part(`${scope}/installations`, ['app-installation'], () => installations(account, seen))
  yield* part(`${scope}/tokens`, ['fine-grained-token'], () => fineGrainedTokens(account))
  yield* part(`${scope}/hooks`, [], () => hooks(account))
  yield* part(`${scope}/runners`, [], () => runners(account, seen))
  yield* part(`${scope}/oidc`, [], () => oidcSubject(account))
}

async function* members(account: Account): AsyncGenerator<Observation> {
  const whole = refIn(account, 'owner', account.owner.id)
  const org = account.owner.login
  for (const role of ['admin', 'member']) {
    const users = await account.api.list('listing members', 'GET /orgs/{org}/members', { org, role }, USER)
    for (const user of users) {
      yield userSeen(account, user)
      const ref = refIn(account, 'user', user.id)
      if (role === 'admin')
        yield edge(ref, whole, 'administers', `${user.login} is an owner of the organisation ${org}`)
    }
  }
}

async function* teams(account: Account): AsyncGenerator<Observation> {
  const { api, owner } = account
  const org = owner.login
  for (const team of await api.list('listing teams', 'GET /orgs/{org}/teams', { org }, TEAM)) {
    const ref = refIn(account, 'team', team.id)
    yield {
      see: 'identity',
      ref,
      names: [`${org}/${team.slug}`],
      facts: factsOf({ privacy: team.privacy ?? undefined }),
    }
    const route = 'GET /orgs/{org}/teams/{slug}/members'
    for (const user of await api.list('listing a team', route, { org, slug: team.slug }, USER)) {
      yield userSeen(account, user)
      yield edge(
        refIn(account, 'user', user.id),
        ref,
        'member-of',
        `${user.login} is in the team ${team.slug}`,
      )
    }
  }
}

async function* secrets(account: Account, seen: OwnerSeen): AsyncGenerator<Observation> {
  const { api, owner } = account
  const org = owner.login
  for (const secret of await api.list(
    'listing secrets',
    'GET /orgs/{org}/actions/secrets',
    { org },
    SECRET,
  )) {
    const ref = refIn(account, 'actions-secret', secretPath({ name: secret.name }))
    yield* secretSeen(account, ref, `${org}/${secret.name}`, secret)
    const visibility = secret.visibility ?? 'unknown'
    const repositories = new Set<number>()
    if (visibility === 'selected') {
      const route = 'GET /orgs/{org}/actions/secrets/{name}/repositories'
      const selected = { org, name: secret.name }
      const listed = await api.list(
        'listing who gets a secret',
        route,
        selected,
        z.object({ id: z.number() }),
      )
      for (const { id } of listed) repositories.add(id)
    }
    seen.secrets.push({ ref, visibility, repositories })
  }
}

/** A secret or a variable by its name. What was found in this version of it, or written, still stands. */
export function* secretSeen(
  account: Account,
  ref: Ref,
  name: string,
  secret: z.infer<typeof SECRET>,
): Generator<Observation> {
  const facts = factsOf({
    created: secret.created_at,
    lastRotated: secret.updated_at,
    visibility: secret.visibility,
    approved: isApproved(account, name),
  })
  yield { see: 'resource', ref, names: [name], facts }
  yield { see: 'occurrence', document: versionOf(ref, secret.updated_at), path: pathOf(name), atHead: true }
}

async function* variables(account: Account): AsyncGenerator<Observation> {
  const org = account.owner.login
  const route = 'GET /orgs/{org}/actions/variables'
  for (const variable of await account.api.list('listing variables', route, { org }, SECRET)) {
    const ref = refIn(account, 'actions-variable', `variables/${variable.name}`)
    yield* secretSeen(account, ref, `${org}/${variable.name}`, variable)
  }
}

async function* installations(account: Account, seen: OwnerSeen): AsyncGenerator<Observation> {
  const org = account.owner.login
  const listed = await account.api.list(
    'listing apps',
    'GET /orgs/{org}/installations',
    { org },
    INSTALLATION,
  )
  for (const app of listed) {
    const ref = refIn(account, 'app-installation', app.id)
    yield {
      see: 'identity',
      ref,
      names: [app.app_slug, `${app.app_slug}[bot]`],
      facts: factsOf({
        appId: app.app_id,
        permissions: app.permissions,
        events: app.events,
        repositories: app.repository_selection,
        created: app.created_at,
        suspended: app.suspended_at != null,
      }),
    }
    if (app.suspended_at == null)
      seen.installations.push({
        ref,
        slug: app.app_slug,
        all: app.repository_selection === 'all',
        permissions: app.permissions,
      })
    const { organization_administration } = app.permissions
    const whole = refIn(account, 'owner', account.owner.id)
    if (organization_administration === 'write')
      yield edge(ref, whole, 'administers', `the app ${app.app_slug} may administer the organisation`)
  }
}

/** Only an app is shown them: https://docs.github.com/en/rest/orgs/personal-access-tokens */
async function* fineGrainedTokens(account: Account): AsyncGenerator<Observation> {
  const org = account.owner.login
  const route = 'GET /orgs/{org}/personal-access-tokens'
  for (const token of await account.api.list('listing fine-grained tokens', route, { org }, FINE_GRAINED)) {
    yield userSeen(account, token.owner)
    yield {
      see: 'credential',
      ref: {
        ...refIn(account, 'fine-grained-token', token.id),
        identity: refIn(account, 'user', token.owner.id),
      },
      facts: factsOf({
        name: token.token_name,
        permissions: token.permissions,
        repositories: token.repository_selection,
        granted: token.access_granted_at ?? undefined,
        expired: token.token_expired,
        expires: token.token_expires_at ?? 'never',
        lastUsed: token.token_last_used_at ?? undefined,
      }),
    }
  }
}

async function* hooks(account: Account): AsyncGenerator<Observation> {
  const org = account.owner.login
  for (const hook of await account.api.list('listing webhooks', 'GET /orgs/{org}/hooks', { org }, HOOK))
    yield hookSeen(refIn(account, 'webhook', `hooks/${hook.id}`), hook)
}

/** Where it sends to, without what may be a secret in the address. */
export function hookSeen(ref: Ref, hook: z.infer<typeof HOOK>): Observation {
  const { url = '', secret, insecure_ssl } = hook.config ?? {}
  const to = URL.canParse(url) ? new URL(url) : undefined
  const facts = factsOf({
    active: hook.active,
    events: hook.events,
    sendsTo: to && `${to.protocol}//${to.host}`,
    hasSecret: secret !== undefined && secret !== '',
    checksCertificate: insecure_ssl === undefined ? undefined : String(insecure_ssl) === '0',
  })
  return { see: 'resource', ref, names: to ? [`webhook ${to.host}`] : [], facts }
}

async function* runners(account: Account, seen: OwnerSeen): AsyncGenerator<Observation> {
  const org = account.owner.login
  const whole = refIn(account, 'owner', account.owner.id)
  for (const runner of await account.api.list(
    'listing runners',
    'GET /orgs/{org}/actions/runners',
    { org },
    RUNNER,
  )) {
    const ref = refIn(account, 'runner', `runners/${runner.id}`)
    yield* runnerSeen(ref, whole, runner)
    seen.runners.push({ ref, name: runner.name })
  }
}

export function* runnerSeen(ref: Ref, of: Ref, runner: z.infer<typeof RUNNER>): Generator<Observation> {
  const labels = runner.labels.map(({ name }) => name)
  const facts = factsOf({ os: runner.os, status: runner.status, labels, ephemeral: runner.ephemeral })
  yield { see: 'resource', ref, names: [runner.name], facts }
  yield edge(of, ref, 'has-runner', `jobs run on the self-hosted runner ${runner.name}`)
}

async function* oidcSubject(account: Account): AsyncGenerator<Observation> {
  const org = account.owner.login
  const route = 'GET /orgs/{org}/actions/oidc/customization/sub'
  const found = await account.api.get('asking how OIDC subjects are made', route, { org }, OIDC_SUBJECT)
  const facts = factsOf({ oidcSubjectClaims: found.include_claim_keys })
  yield { see: 'resource', ref: refIn(account, 'owner', account.owner.id), names: [], facts }
}
