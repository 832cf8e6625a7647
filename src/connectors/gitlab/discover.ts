import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import type { Document } from '../../core/contract/document.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import { gap, part } from '../../core/contract/part.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Account, type Project, refIn } from './account.ts'
import { deployKeys } from './deploy-keys.ts'
import { ACCESS_TOKEN, DEPLOY_TOKEN, tokenRef } from './tokens.ts'
import {
  assignment,
  isApproved,
  VARIABLE,
  type Variable,
  variablePath,
  variableRef,
  versionOf,
} from './variables.ts'

/** What documents() saw: the versions that stand, and what could not be read. */
export interface Reading {
  standing: { readonly document: string; readonly path: string }[]
  gaps: Observation[]
}

const MEMBER = z.object({
  id: z.number(),
  username: z.string(),
  access_level: z.number(),
  state: z.string().optional(),
})
const RUNNER = z.object({
  id: z.number(),
  description: z.string().nullish(),
  runner_type: z.string().optional(),
  status: z.string().optional(),
  paused: z.boolean().optional(),
})
/** https://docs.gitlab.com/api/access_requests/#valid-access-levels */
const LEVEL = { reporter: 20, developer: 30, maintainer: 40 }

/** A group or a project: its id in references, the beginning of its calls, and how it is called. */
interface Owner {
  readonly id: string
  readonly ref: Ref
  readonly calls: string
  readonly name: string
  /** Below the group; undefined for the group itself. */
  readonly path: string | undefined
}

function groupOwner(account: Account): Owner {
  const { id, path } = account.group
  const ref = refIn(account, 'group', id)
  return { id: `groups/${id}`, ref, calls: `/groups/${id}`, name: path, path: undefined }
}

function projectOwner(account: Account, { id, path_with_namespace: name }: Project): Owner {
  const path = name.slice(account.group.path.length + 1)
  return { id: String(id), ref: refIn(account, 'project', id), calls: `/projects/${id}`, name, path }
}

const EVERYTHING = ['project', 'user', 'access-token', 'deploy-token', 'deploy-key', 'ci-variable', 'runner']

/** Members and their roles, tokens, variables and runners of the group and of each project. */
export async function* discover(account: Account, reading: Reading): AsyncGenerator<Observation> {
  const group = groupOwner(account)
  yield {
    see: 'resource',
    ref: group.ref,
    names: [group.name],
    facts: factsOf({ endpoint: account.config.endpoint }),
  }
  const ofGroup: Variable[] = []
  yield* ownersParts(account, group, ofGroup)
  let projects: Project[] = []
  try {
    projects = await account.projects()
    yield {
      see: 'covered',
      scope: `gitlab:${group.name}: ${countText(projects.length, 'project')}`,
      complete: true,
    }
  } catch (error) {
    yield gap(`gitlab:${group.name}/projects`, EVERYTHING, error)
  }
  for (const project of projects) {
    const owner = projectOwner(account, project)
    const names = [project.web_url, project.http_url_to_repo, project.ssh_url_to_repo]
    yield {
      see: 'resource',
      ref: owner.ref,
      names: [owner.name, ...names.filter(name => name !== undefined)],
      facts: factsOf({
        visibility: project.visibility,
        defaultBranch: project.default_branch ?? undefined,
        archived: project.archived,
      }),
    }
    yield edge(group.ref, owner.ref, 'owns', `${owner.name} is in the group ${group.name}`)
    yield* ownersParts(account, owner, [])
    yield* part(`gitlab:${owner.name}/deploy keys`, ['deploy-key'], () => deployKeys(account, owner))
    for (const variable of ofGroup) {
      const why = `pipelines of ${owner.name} get the variable ${variable.key} of the group`
      yield edge(owner.ref, variableRef(account, group.id, variable), 'has-secret', why)
    }
    yield* part(`gitlab:${owner.name}/runners`, ['runner'], () => runners(account, owner))
  }
  for (const { document, path } of reading.standing) yield { see: 'occurrence', document, path, atHead: true }
  yield* reading.gaps
}

/** Adds the variables that are there to `found`. */
async function* ownersParts(account: Account, owner: Owner, found: Variable[]): AsyncGenerator<Observation> {
  const scope = `gitlab:${owner.name}`
  yield* part(`${scope}/members`, ['user'], () => members(account, owner))
  yield* part(`${scope}/tokens`, ['access-token'], () => accessTokens(account, owner))
  yield* part(`${scope}/deploy tokens`, ['deploy-token'], () => deployTokens(account, owner))
  yield* part(`${scope}/variables`, ['ci-variable'], () => variables(account, owner, found))
}

function edge(from: Ref, to: Ref, crossing: string, why: string): Observation {
  return { see: 'edge', from, to, crossing, certainty: 'proven', why }
}

function* rights(who: Ref, { ref, name }: Owner, called: string, level: number): Generator<Observation> {
  if (level >= LEVEL.maintainer) yield edge(who, ref, 'administers', `${called} is a maintainer of ${name}`)
  if (level >= LEVEL.developer)
    yield edge(who, ref, 'may-push', `${called} may push to branches of ${name} that are not protected`)
  else if (level >= LEVEL.reporter) yield edge(who, ref, 'may-read', `${called} may read ${name}`)
}

async function* members(account: Account, owner: Owner): AsyncGenerator<Observation> {
  for (const member of await account.api.list('listing members', `${owner.calls}/members/all`, MEMBER)) {
    const ref = refIn(account, 'user', member.id)
    yield { see: 'identity', ref, names: [member.username], facts: factsOf({ state: member.state }) }
    yield* rights(ref, owner, member.username, member.access_level)
  }
}

async function* accessTokens(account: Account, owner: Owner): AsyncGenerator<Observation> {
  const tokens = await account.api.list('listing access tokens', `${owner.calls}/access_tokens`, ACCESS_TOKEN)
  for (const token of tokens.filter(({ active }) => active)) {
    const ref = tokenRef(account, owner.id, token.user_id)
    yield {
      see: 'identity',
      ref: ref.identity,
      names: [`${owner.name} ${token.name}`],
      facts: factsOf({ type: 'bot' }),
    }
    yield {
      see: 'credential',
      ref,
      facts: factsOf({
        name: token.name,
        scopes: token.scopes,
        accessLevel: token.access_level,
        created: token.created_at,
        expires: token.expires_at ?? 'never',
        lastUsed: token.last_used_at ?? 'never',
      }),
    }
    const pushes = token.scopes.some(scope => scope === 'api' || scope === 'write_repository')
    const level = pushes ? token.access_level : Math.min(token.access_level, LEVEL.reporter)
    yield* rights(ref.identity, owner, `the token ${token.name}`, level)
  }
}

async function* deployTokens(account: Account, owner: Owner): AsyncGenerator<Observation> {
  for (const token of await account.api.list(
    'listing deploy tokens',
    `${owner.calls}/deploy_tokens`,
    DEPLOY_TOKEN,
  )) {
    if (token.revoked || token.expired) continue
    const identity = refIn(account, 'deploy-user', `${owner.id}/deploy-tokens/${token.id}`)
    yield {
      see: 'identity',
      ref: identity,
      names: [`${owner.name} ${token.name}`],
      facts: factsOf({ username: token.username }),
    }
    const facts = factsOf({ name: token.name, scopes: token.scopes, expires: token.expires_at ?? 'never' })
    yield { see: 'credential', ref: { ...identity, kind: 'deploy-token', identity }, facts }
    if (token.scopes.includes('read_repository'))
      yield edge(identity, owner.ref, 'may-read', `the deploy token ${token.name} may read ${owner.name}`)
  }
}

async function variablesOf({ api }: Account, owner: Owner): Promise<Variable[]> {
  return await api.list('listing variables', `${owner.calls}/variables`, VARIABLE)
}

async function* variables(account: Account, owner: Owner, found: Variable[]): AsyncGenerator<Observation> {
  for (const variable of await variablesOf(account, owner)) {
    found.push(variable)
    const ref = variableRef(account, owner.id, variable)
    const path = variablePath(owner.path, variable)
    yield {
      see: 'resource',
      ref,
      names: [`${owner.name}/${variable.key}`],
      facts: factsOf({
        protected: variable.protected,
        masked: variable.masked,
        hidden: variable.hidden,
        environments: variable.environment_scope,
        approved: isApproved(account, path),
      }),
    }
    yield edge(owner.ref, ref, 'has-secret', `pipelines of ${owner.name} get the variable ${variable.key}`)
    if (variable.value != null) {
      const document = versionOf(account, ref, variable.value)
      yield { see: 'occurrence', document, path, atHead: true }
    }
  }
}

async function* runners(account: Account, owner: Owner): AsyncGenerator<Observation> {
  for (const runner of await account.api.list('listing runners', `${owner.calls}/runners`, RUNNER)) {
    // Those of the server itself are everybody's.
    if (runner.runner_type === 'instance_type') continue
    const ref = refIn(account, 'runner', `runners/${runner.id}`)
    const facts = factsOf({ status: runner.status, type: runner.runner_type, paused: runner.paused })
    yield { see: 'resource', ref, names: [runner.description || `runner ${runner.id}`], facts }
    yield edge(owner.ref, ref, 'has-runner', `pipelines of ${owner.name} run on it`)
  }
}

/** Variables with what they hold, which maintainers are shown, and each project's pipeline. */
export async function* documents(account: Account, reading: Reading): AsyncGenerator<Document> {
  Object.assign(reading, { standing: [], gaps: [] })
  yield* assigned(account, groupOwner(account), reading)
  let projects: Project[]
  try {
    projects = await account.projects()
  } catch (error) {
    // That they could not be listed, discover() says.
    if (isFirebreakError(error)) return
    throw error
  }
  for (const project of projects) {
    const owner = projectOwner(account, project)
    yield* assigned(account, owner, reading)
    yield* pipeline(account, owner, project, reading)
  }
}

async function* assigned(account: Account, owner: Owner, reading: Reading): AsyncGenerator<Document> {
  let variables: Variable[]
  try {
    variables = await variablesOf(account, owner)
  } catch (error) {
    reading.gaps.push(gap(`gitlab:${owner.name}/variables`, ['ci-variable'], error))
    return
  }
  for (const variable of variables) {
    const { key, value } = variable
    if (value == null) continue
    const ref = variableRef(account, owner.id, variable)
    yield {
      id: versionOf(account, ref, value),
      in: ref,
      path: variablePath(owner.path, variable),
      cursor: '',
      async *bytes() {
        yield Buffer.from(assignment(key, value))
      },
    }
  }
}

const BLOB = z.object({ blob_id: z.string() })

async function* pipeline(
  account: Account,
  owner: Owner,
  project: Project,
  reading: Reading,
): AsyncGenerator<Document> {
  const path = project.ci_config_path || '.gitlab-ci.yml'
  // One that lies in another project, or at an address.
  if (!project.default_branch || /[@:]/.test(path)) return
  const file = `${owner.calls}/repository/files/${encodeURIComponent(path)}`
  const at = `ref=${encodeURIComponent(project.default_branch)}`
  try {
    const { blob_id } = await account.api.get('looking for the pipeline', `${file}?${at}`, BLOB)
    const id = `${owner.id}/${path}@${blob_id}`
    reading.standing.push({ document: id, path })
    yield {
      id,
      in: owner.ref,
      path,
      cursor: '',
      async *bytes() {
        yield Buffer.from((await account.api.text('reading the pipeline', `${file}/raw?${at}`)) ?? '')
      },
    }
  } catch (error) {
    if (!isFirebreakError(error, 'NOT_FOUND'))
      reading.gaps.push(gap(`gitlab:${owner.name}/${path}`, [], error))
  }
}
