import { createHash } from 'node:crypto'
import { BreakableCalls, brokenFetch } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type GitlabConfig, gitlabConfig } from './config.ts'
import { gitlab } from './connector.ts'

interface MemoryToken {
  readonly id: number
  readonly user_id: number
  readonly name: string
  readonly scopes: string[]
  readonly access_level: number
  value: string
  active: boolean
}

export interface MemoryVariable {
  key: string
  value: string | null
  protected: boolean
  masked: boolean
  hidden: boolean
  environment_scope: string
}

/** A group or a project. */
export class MemoryOwner {
  readonly members: { id: number; username: string; access_level: number }[] = []
  readonly tokens: MemoryToken[] = []
  readonly deployTokens: {
    id: number
    name: string
    username: string
    scopes: string[]
    revoked: boolean
  }[] = []
  readonly deployKeys: { id: number; title: string; key: string; can_push: boolean }[] = []
  readonly variables: MemoryVariable[] = []
  readonly runners: object[] = []
  readonly files = new Map<string, string>()
  id: number
  readonly path: string

  constructor(id: number, path: string) {
    this.id = id
    this.path = path
  }

  addVariable(key: string, value: string | null, more: Partial<MemoryVariable> = {}): void {
    this.variables.push({
      key,
      value,
      protected: false,
      masked: true,
      hidden: value === null,
      environment_scope: '*',
      ...more,
    })
  }
}

/**
 * GitLab in memory, at the wire: it takes requests as `fetch` and answers as GitLab does, so that the connector is run whole. It
 * checks each token, gives pages, and fails when it is told to.
 */
export interface MemoryGitlab extends BreakableCalls {
  readonly connector: Connector<GitlabConfig>
  readonly group: MemoryOwner
  readonly projects: MemoryOwner[]
  readonly asked: string[]
  addProject(path: string): MemoryOwner
  addToken(owner: MemoryOwner, name: string): MemoryToken
  /** What it answers to requests whose `METHOD /path` begins so; `times` says how often, for ever without. */
  readonly refusals: Map<string, { status: number; headers?: Record<string, string>; times?: number }>
  /** All tokens that work, as text without their values; numbers come and go. */
  snapshot(): string
}

export function memoryGitlab(overrides: Partial<GitlabConfig> = {}): MemoryGitlab {
  let count = 100
  const next = () => ++count
  const admin = value(next())
  const config = gitlabConfig.parse({
    group: 'acme',
    token: new Secret(admin),
    settleSeconds: 0,
    ...overrides,
  })
  const twin: MemoryGitlab = Object.assign(new BreakableCalls(brokenFetch), {
    group: new MemoryOwner(9, 'acme'),
    projects: [],
    asked: [],
    refusals: new Map(),
    connector: {
      system: 'gitlab',
      summary: 'GitLab in memory',
      config: gitlabConfig,
      open: (given, io) => gitlab.open({ ...config, ...given }, { ...io, fetch: respond }),
    },
    addProject(path) {
      const project = new MemoryOwner(next(), `acme/${path}`)
      this.projects.push(project)
      return project
    },
    addToken(owner, name) {
      const id = next()
      const token = {
        id,
        user_id: next(),
        name,
        scopes: ['api'],
        access_level: 40,
        value: value(id),
        active: true,
      }
      owner.tokens.push(token)
      return token
    },
    snapshot() {
      const all = [twin.group, ...twin.projects].map(({ path, tokens, deployTokens }) => [
        path,
        tokens
          .filter(({ active }) => active)
          .map(({ name, scopes, access_level }) => `${name} ${scopes} ${access_level}`)
          .sort(),
        deployTokens
          .filter(({ revoked }) => !revoked)
          .map(({ name }) => name)
          .sort(),
      ])
      return JSON.stringify(all)
    },
  } satisfies Omit<MemoryGitlab, keyof BreakableCalls>)

  async function respond(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    return twin.run(() => {
      const url = new URL(String(input))
      const request = `${init.method} ${url.pathname.slice('/api/v4'.length)}`
      twin.asked.push(`${request}${url.search}`)
      return refused(twin, request) ?? answer(request, url, init)
    })
  }

  function answer(request: string, url: URL, init: RequestInit): Response {
    const given = new Headers(init.headers).get('private-token') ?? ''
    const owners = [twin.group, ...twin.projects]
    const self = owners.flatMap(({ tokens }) => tokens).find(token => token.active && token.value === given)
    if (given !== admin && !self) return json(401, { message: '401 Unauthorized' })
    if (request === 'GET /personal_access_tokens/self')
      return self ? json(200, shown(self)) : json(200, { id: 1, name: 'admin', user_id: 1, active: true })
    if (request === `GET /groups/${encodeURIComponent(config.group)}`)
      return json(200, { id: twin.group.id, full_path: twin.group.path })
    if (request === `GET /groups/${twin.group.id}/projects`) return page(url, twin.projects.map(projectBody))
    const [, method, kind, id, rest = ''] = /^(\w+) \/(groups|projects)\/(\d+)\/(.*)$/.exec(request) ?? []
    const owner = kind === 'groups' ? twin.group : twin.projects.find(project => String(project.id) === id)
    if (!owner || String(owner.id) !== id) return json(404, { message: '404 Not Found' })
    const body = typeof init.body === 'string' ? (JSON.parse(init.body) as Record<string, unknown>) : {}
    return within(owner, `${method} ${rest}`, url, body)
  }

  function within(owner: MemoryOwner, request: string, url: URL, body: Record<string, unknown>): Response {
    const { tokens, deployTokens, variables, files } = owner
    if (request === 'GET members/all') return page(url, owner.members)
    if (request === 'GET access_tokens') return page(url, tokens.map(shown))
    if (request === 'GET deploy_tokens')
      return page(
        url,
        deployTokens.map(token => ({ ...token, expired: false })),
      )
    if (request === 'GET deploy_keys') return page(url, owner.deployKeys)
    if (request === 'GET variables') return page(url, variables)
    if (request === 'GET runners') return page(url, owner.runners)
    if (request === 'POST access_tokens') {
      const made = {
        id: next(),
        user_id: next(),
        name: String(body['name']),
        scopes: body['scopes'] as string[],
      }
      const token = {
        ...made,
        access_level: Number(body['access_level']),
        value: value(made.id),
        active: true,
      }
      tokens.push(token)
      return json(201, { ...shown(token), token: token.value })
    }
    const [, number, rotating] = /^(?:DELETE|POST) access_tokens\/(\d+)(\/rotate)?$/.exec(request) ?? []
    const token = tokens.find(({ id, active }) => String(id) === number && active)
    if (number !== undefined && !token) return json(404, { message: '404 Token Not Found' })
    if (token && request.startsWith('DELETE')) {
      token.active = false
      return new Response(null, { status: 204 })
    }
    if (token && rotating) {
      token.active = false
      const id = next()
      const fresh = { ...token, id, value: value(id), active: true }
      tokens.push(fresh)
      return json(200, { ...shown(fresh), token: fresh.value })
    }
    if (request === 'POST deploy_keys') {
      const { title, key, can_push } = body as { title: string; key: string; can_push: boolean }
      owner.deployKeys.push({ id: next(), title, key, can_push })
      return json(201, owner.deployKeys.at(-1))
    }
    const keyAt = owner.deployKeys.findIndex(({ id }) => request === `DELETE deploy_keys/${id}`)
    if (keyAt >= 0) {
      owner.deployKeys.splice(keyAt, 1)
      return new Response(null, { status: 204 })
    }
    const deployId = /^DELETE deploy_tokens\/(\d+)$/.exec(request)?.[1]
    const deploy = deployTokens.find(({ id, revoked }) => String(id) === deployId && !revoked)
    if (deploy) {
      deploy.revoked = true
      return new Response(null, { status: 204 })
    }
    const [, method, key] = /^(GET|PUT|DELETE) variables\/([^/]+)$/.exec(request) ?? []
    const scope = url.searchParams.get('filter[environment_scope]')
    const variable = variables.find(one => one.key === key && one.environment_scope === scope)
    if (variable && method === 'DELETE') {
      variables.splice(variables.indexOf(variable), 1)
      return new Response(null, { status: 204 })
    }
    if (variable) {
      if (method === 'PUT') variable.value = String(body['value'])
      return json(200, variable)
    }
    const [, path = '', raw] = /^GET repository\/files\/([^/]+)(\/raw)?$/.exec(request) ?? []
    const text = files.get(decodeURIComponent(path))
    if (text === undefined) return json(404, { message: '404 Not Found' })
    return raw ? new Response(text) : json(200, { blob_id: createHash('sha1').update(text).digest('hex') })
  }

  return twin
}

/** Made anew for each number, so that no two are alike. */
function value(id: number): string {
  return `glpat-${createHash('sha256').update(`token ${id}`).digest('base64url').slice(0, 20)}`
}

function shown({ value: _, ...token }: MemoryToken) {
  return { ...token, revoked: !token.active, expires_at: '2099-01-01' }
}

function projectBody({ id, path }: MemoryOwner) {
  return {
    id,
    path_with_namespace: path,
    visibility: 'private',
    default_branch: 'main',
    web_url: `https://gitlab.com/${path}`,
    http_url_to_repo: `https://gitlab.com/${path}.git`,
    ssh_url_to_repo: `git@gitlab.com:${path}.git`,
  }
}

function refused({ refusals }: MemoryGitlab, request: string): Response | undefined {
  for (const [beginning, refusal] of refusals) {
    if (!request.startsWith(beginning)) continue
    if (refusal.times !== undefined && refusal.times-- <= 0) continue
    return json(refusal.status, { message: 'refused' }, refusal.headers)
  }
  return undefined
}

function page(url: URL, all: readonly unknown[]): Response {
  const size = Number(url.searchParams.get('per_page') ?? 20)
  const number = Number(url.searchParams.get('page') ?? 1)
  const next = number * size < all.length ? String(number + 1) : ''
  return json(200, all.slice((number - 1) * size, number * size), { 'x-next-page': next })
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}
