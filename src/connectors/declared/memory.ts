import { createHash } from 'node:crypto'
import { BreakableCalls, brokenFetch } from '../../core/contract/breakable-calls.ts'

/** Vendors in memory, at the wire: their answers are written from their documentation, not from the rules. */
export interface MemoryVendors extends BreakableCalls {
  readonly fetch: typeof fetch
  /** Tokens by value. */
  readonly tokens: Map<string, MemoryToken>
  /** Of each request the method and the address, without what is secret. */
  readonly log: readonly string[]
}

export interface MemoryToken {
  readonly login: string
  readonly scopes: readonly string[]
  revoked: boolean
}

interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: string
}

export function memoryVendors(): MemoryVendors {
  const tokens = new Map<string, MemoryToken>()
  const log: string[] = []
  const twin: MemoryVendors = Object.assign(new BreakableCalls(brokenFetch), {
    tokens,
    log,
    async fetch(input, init) {
      init?.signal?.throwIfAborted()
      return await twin.run(async () => {
        const request = new Request(input, init)
        const asked = {
          method: request.method,
          url: new URL(request.url),
          headers: request.headers,
          body: await request.text(),
        }
        log.push(`${asked.method} ${asked.url.host}`)
        return answer(tokens, asked)
      })
    },
  } satisfies Omit<MemoryVendors, keyof BreakableCalls>)
  return twin
}

function answer(tokens: ReadonlyMap<string, MemoryToken>, asked: Asked): Response {
  switch (asked.url.host) {
    case 'api.github.com':
      return github(tokens, asked)
    case 'slack.com':
      return slack(tokens, asked)
    case 'discord.com':
      return discord(tokens, asked)
    case 'api.linode.com':
      return linode(tokens, asked)
    default:
      return json(404, { message: 'nobody lives here' })
  }
}

/** https://docs.github.com/en/rest/users/users and https://docs.github.com/en/rest/credentials/revoke. */
function github(tokens: ReadonlyMap<string, MemoryToken>, { method, url, headers, body }: Asked): Response {
  if (method === 'GET' && url.pathname === '/user') {
    const token = bearer(tokens, headers)
    if (!token) return json(401, { message: 'Bad credentials', status: '401' })
    return json(200, { login: token.login, id: 1 }, { 'X-OAuth-Scopes': token.scopes.join(', ') })
  }
  if (method === 'POST' && url.pathname === '/credentials/revoke') {
    if (headers.has('authorization')) return json(403, { message: 'Forbidden' })
    const { credentials } = JSON.parse(body) as { credentials: string[] }
    if (credentials.length === 0 || credentials.length > 1000)
      return json(422, { message: 'Validation Failed' })
    // Of what is none it says the same.
    for (const value of credentials) end(tokens.get(value))
    return json(202, {})
  }
  return json(404, { message: 'Not Found' })
}

/** https://docs.slack.dev/reference/methods/auth.test and auth.revoke: whatever happens, the status is 200. */
function slack(tokens: ReadonlyMap<string, MemoryToken>, { method, url, headers }: Asked): Response {
  if (method !== 'POST') return json(200, { ok: false, error: 'unknown_method' })
  const value = headers.get('authorization')?.replace(/^Bearer /, '') ?? ''
  const token = tokens.get(value)
  if (!token) return json(200, { ok: false, error: 'invalid_auth' })
  if (token.revoked) return json(200, { ok: false, error: 'token_revoked' })
  if (url.pathname === '/api/auth.test') return json(200, { ok: true, team: 'Acme', user: token.login })
  if (url.pathname === '/api/auth.revoke') {
    end(token)
    return json(200, { ok: true, revoked: true })
  }
  return json(200, { ok: false, error: 'unknown_method' })
}

/** https://docs.discord.com/developers/resources/webhook: the address holds id and token. Tokens here are `id/token`. */
function discord(tokens: ReadonlyMap<string, MemoryToken>, { method, url }: Asked): Response {
  const [, pair = ''] = /^\/api\/v10\/webhooks\/([^/]+\/[^/]+)$/.exec(url.pathname) ?? []
  const [id = ''] = pair.split('/')
  const token = tokens.get(pair)
  const known = [...tokens].some(([other, { revoked }]) => other.startsWith(`${id}/`) && !revoked)
  if (!known) return json(404, { message: 'Unknown Webhook', code: 10_015 })
  if (!token) return json(401, { message: 'Invalid Webhook Token', code: 50_027 })
  if (method === 'GET') return json(200, { id, name: token.login })
  if (method !== 'DELETE') return json(405, { message: '405: Method Not Allowed' })
  end(token)
  return new Response(null, { status: 204 })
}

/**
 * https://techdocs.akamai.com/linode-api/reference/get-personal-access-tokens and delete-personal-access-token. Who may not use the
 * account is answered 401, as who is nobody is.
 */
function linode(tokens: ReadonlyMap<string, MemoryToken>, { method, url, headers }: Asked): Response {
  const token = bearer(tokens, headers)
  const failed = (status: number, reason: string) => json(status, { errors: [{ reason }] })
  if (!token) return failed(401, 'Invalid Token')
  const right = token.scopes.find(scope => scope.startsWith('account:'))
  if (right === undefined || (method !== 'GET' && right !== 'account:read_write'))
    return failed(401, 'Your OAuth token is not authorized to use this endpoint.')
  if (method === 'GET' && url.pathname === '/v4/profile') return json(200, { username: token.login })
  const all = [...tokens].map(([value, one], index) => ({ id: index + 1, token: value.slice(0, 16), one }))
  const listed = all.filter(({ one }) => !one.revoked)
  if (method === 'GET' && url.pathname === '/v4/profile/tokens') {
    const data = listed.map(({ one: { scopes }, ...rest }) => ({ ...rest, scopes: scopes.join(' ') }))
    return json(200, { data, page: 1, pages: 1, results: data.length })
  }
  const meant = listed.find(({ id }) => method === 'DELETE' && url.pathname === `/v4/profile/tokens/${id}`)
  if (!meant) return failed(404, 'Not found')
  end(meant.one)
  return json(200, {})
}

function bearer(tokens: ReadonlyMap<string, MemoryToken>, headers: Headers): MemoryToken | undefined {
  const token = tokens.get(headers.get('authorization')?.replace(/^Bearer /, '') ?? '')
  return token?.revoked ? undefined : token
}

function end(token: MemoryToken | undefined): void {
  if (token) token.revoked = true
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  })
}

/** Whatever stands, as text that holds no token. */
export function snapshotOf({ tokens }: Pick<MemoryVendors, 'tokens'>): string {
  const digest = (value: string) => createHash('sha256').update(value).digest('hex')
  return JSON.stringify([...tokens].map(([value, token]) => [digest(value), token]))
}
