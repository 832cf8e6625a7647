import { createHash, createVerify } from 'node:crypto'
import { BreakableCalls, brokenFetch } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type GithubConfig, githubConfig } from './config.ts'
import { github } from './connector.ts'
import { type Answer, type Asked, REPOSITORY_ROUTES, ROUTES } from './memory-routes.ts'
import { MemoryServer } from './memory-server.ts'

/**
 * GitHub in memory, at the wire: it takes requests as `fetch` and answers as GitHub does, so that the connector is run whole.
 * It checks each token and the app's signature, gives pages with their ETags, opens sealed boxes, and fails when it is told to.
 */
export interface MemoryGithub extends BreakableCalls {
  readonly connector: Connector<GithubConfig>
  readonly server: MemoryServer
  readonly fetch: typeof fetch
  /** What it answers to requests whose `METHOD /path` begins so; `times` says how often, for ever without. */
  readonly refusals: Map<
    string,
    { status: number; headers?: Record<string, string>; body?: unknown; times?: number }
  >
  /** Called before each request is answered, with `METHOD /path?query`. */
  before: (request: string) => void
  /** All that was asked, as `METHOD /path?query`. */
  readonly asked: string[]
}

const APP_ID = 'Iv1.firebreak'

/** With `asApp`, the connection is the app of the first installation. */
export function memoryGithub(
  overrides: Partial<GithubConfig> = {},
  { asApp = false }: { readonly asApp?: boolean } = {},
): MemoryGithub {
  const server = new MemoryServer()
  const own = asApp
    ? { appId: APP_ID, privateKey: new Secret(server.appKey.pem) }
    : { token: new Secret(server.admin) }
  const config = githubConfig.parse({ owner: server.owner.login, settleSeconds: 0, ...own, ...overrides })
  const respond = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
    await twin.run(async () => {
      const url = new URL(String(input))
      const request = `${init.method} ${url.pathname}${url.search}`
      twin.asked.push(request)
      twin.before(request)
      return refused(twin, request) ?? (await answer(server, url, init))
    })
  const twin: MemoryGithub = Object.assign(new BreakableCalls(brokenFetch), {
    server,
    fetch: respond,
    refusals: new Map(),
    before: () => {},
    asked: [],
    connector: {
      system: 'github',
      summary: 'GitHub in memory',
      config: githubConfig,
      open: (given, io) => github.open({ ...config, ...given }, { ...io, fetch: respond }),
    },
  } satisfies Omit<MemoryGithub, keyof BreakableCalls>)
  return twin
}

function refused({ refusals }: MemoryGithub, request: string): Response | undefined {
  for (const [beginning, refusal] of refusals) {
    if (!request.startsWith(beginning)) continue
    if (refusal.times !== undefined && refusal.times-- <= 0) continue
    return json(refusal.status, refusal.body ?? { message: 'refused' }, refusal.headers)
  }
  return undefined
}

async function answer(server: MemoryServer, url: URL, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  const token = headers.get('authorization')?.replace(/^Bearer /, '') ?? ''
  const as = token.includes('.') ? appOf(server, token) : server.tokens.get(token)
  const method = init.method ?? 'GET'
  const open = url.pathname === '/credentials/revoke'
  if (open && token !== '') return json(403, { message: 'Forbidden' })
  if (
    !open &&
    (as === undefined ||
      (typeof as === 'object' && (as.revoked || (as.until ?? Number.POSITIVE_INFINITY) <= Date.now())))
  )
    return json(401, { message: 'Bad credentials' })
  const input = {
    ...Object.fromEntries(url.searchParams),
    ...(typeof init.body === 'string' && init.body !== '' && (JSON.parse(init.body) as object)),
  }
  const found = await routed(server, method, url.pathname, { input, as, token })
  const response = found ? write(found, url, headers) : json(404, { message: 'Not Found' })
  if (typeof as === 'object' && as.scopes) response.headers.set('x-oauth-scopes', as.scopes.join(', '))
  return response
}

async function routed(
  server: MemoryServer,
  method: string,
  path: string,
  rest: Pick<Asked, 'input' | 'as' | 'token'>,
): Promise<Answer | undefined> {
  for (const [route, handle] of Object.entries(ROUTES)) {
    const params = matched(route, `${method} ${path}`)
    if (params) return await handle({ server, params, ...rest })
  }
  const [, owner, repo, within] = /^\/repos\/([^/]+)\/([^/]+)(.*)$/.exec(path) ?? []
  const other = server.others.get(`${owner}/${repo}`)
  if (other && method === 'GET' && within === '') return { status: 200, body: other }
  const repository = server.repositories.find(({ name }) => name === repo)
  if (owner !== server.owner.login || !repository) return undefined
  for (const [route, handle] of Object.entries(REPOSITORY_ROUTES)) {
    const params = matched(route, `${method} ${within}`)
    if (params)
      return await handle(
        { server, params: { ...params, owner, repo: repository.name }, ...rest },
        repository,
      )
  }
  return undefined
}

function matched(route: string, request: string): Record<string, string> | undefined {
  const names: string[] = []
  const pattern = route.replace(/[.]/g, '\\.').replace(/:(\w+)/g, (_, name: string) => {
    names.push(name)
    return '([^/]+)'
  })
  const found = new RegExp(`^${pattern}$`).exec(request)
  return found
    ? Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(found[index + 1]!)]))
    : undefined
}

function appOf({ appKey }: MemoryServer, token: string): 'app' | undefined {
  const [head = '', body = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as {
    iss: string
    exp: number
    iat: number
  }
  const signed = createVerify('RSA-SHA256')
    .update(`${head}.${body}`)
    .verify(appKey.publicKey, Buffer.from(signature, 'base64url'))
  // Ten minutes at most: what is good for longer is refused.
  return signed && claims.iss === APP_ID && claims.exp - claims.iat <= 660 ? 'app' : undefined
}

function write(answer: Answer, url: URL, headers: Headers): Response {
  if ('bytes' in answer)
    return new Response(new Uint8Array(answer.bytes), { headers: { 'content-type': 'application/zip' } })
  if ('status' in answer)
    return answer.status === 204
      ? new Response(null, { status: 204 })
      : json(answer.status, answer.body ?? {})
  const size = Number(url.searchParams.get('per_page') ?? 30)
  const page = Number(url.searchParams.get('page') ?? 1)
  const items = answer.list.slice((page - 1) * size, page * size)
  const body = answer.named === undefined ? items : { total_count: answer.list.length, [answer.named]: items }
  const etag = `W/"${createHash('sha256').update(JSON.stringify(body)).digest('hex')}"`
  if (headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers: { etag } })
  const next = new URL(url)
  next.searchParams.set('page', String(page + 1))
  const more = page * size < answer.list.length
  return json(200, body, { etag, ...(more && { link: `<${next}>; rel="next"` }) })
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      date: new Date().toUTCString(),
      ...headers,
    },
  })
}
