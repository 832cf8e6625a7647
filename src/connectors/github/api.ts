import type { request as octokitRequest } from '@octokit/request'
import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { GithubConfig } from './config.ts'
import { appToken } from './app-token.ts'
import { answerOf, limitSeconds, toFailure } from './failure.ts'

/** One call: `GET /repos/{owner}/{repo}/keys`, with what stands for the names and the rest as query or body. */
export type Params = Readonly<Record<string, unknown>>

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | undefined>>
  readonly data: unknown
}

/** Whoever a call is made as: our own credential, somebody else's that is tried, the app itself, or nobody. */
export type As = 'own' | 'app' | 'nobody' | { readonly token: string }

/** GitHub as our own credential sees it. */
export interface Api {
  /** `github.com`, or the server's own name with its port. */
  readonly host: string
  /** What there is to say of the call in an error comes first. Where the server asks for patience, it is tried again. */
  get<T>(doing: string, route: string, params: Params, as: z.ZodType<T>): Promise<T>
  /** All pages. Where the list changed while it was read, it is read again. */
  list<T>(doing: string, route: string, params: Params, as: z.ZodType<T>): Promise<T[]>
  /** What is downloaded, maybe from a store that the server leads to. */
  download(doing: string, route: string, params: Params): AsyncIterable<Uint8Array>
  /** Once, as whoever it is. Gives the answer's body. */
  send(doing: string, route: string, params: Params, as?: As): Promise<unknown>
  /** The status of the answer, or why there was none. */
  ask(route: string, params: Params, as: As): Promise<Asked | { readonly failed: FirebreakError }>
}

interface Asked {
  readonly status: number
  readonly data: unknown
  /** What the server's clock says of a refusal. */
  readonly date?: number
  /** Those of a token of the classic kind; others have none, and do not say what they may do. */
  readonly scopes?: readonly string[]
}

const MOST_ATTEMPTS = 5
const MOST_READINGS = 3
const FIRST_PAUSE_MS = 250
/** Who is asked to wait longer says so and ends: the next run goes on. */
const LONGEST_WAIT_SECONDS = 120
const VERSION = '2022-11-28'
/** A token is good for an hour: a new one is taken before it ends. */
const RENEW_BEFORE_MS = 5 * 60_000

/** The driver is loaded when a connection is opened. */
export async function openApi(config: GithubConfig, io: Io): Promise<Api> {
  const { request } = await import('@octokit/request')
  return new GithubApi(config, io, request)
}

class GithubApi implements Api {
  readonly host: string
  readonly #config: GithubConfig
  readonly #io: Io
  readonly #request: typeof octokitRequest
  readonly #origin: string
  #installation: { token: string; endsAt: number } | undefined

  constructor(config: GithubConfig, io: Io, request: typeof octokitRequest) {
    const url = new URL(config.endpoint)
    this.#config = config
    this.#io = io
    this.#origin = url.origin
    this.host = url.host.replace(/^api\.(?=github\.com$|[\w-]+\.ghe\.com$)/, '')
    this.#request = request.defaults({
      baseUrl: config.endpoint.replace(/\/+$/, ''),
      headers: { 'x-github-api-version': VERSION, 'user-agent': 'firebreak' },
    })
  }

  async get<T>(doing: string, route: string, params: Params, as: z.ZodType<T>): Promise<T> {
    return understood(doing, as, (await this.#patiently(doing, route, params)).data)
  }

  async list<T>(doing: string, route: string, params: Params, as: z.ZodType<T>): Promise<T[]> {
    for (let reading = 1; ; reading++) {
      const { items, pages } = await this.#pages(doing, route, params)
      if (!(await this.#changed(doing, pages))) return items.map(item => understood(doing, as, item))
      if (reading === MOST_READINGS)
        throw new FirebreakError(
          'UNREACHABLE',
          `${doing}: it changed each time while it was read`,
          'Observe it again when less is changed there.',
        )
    }
  }

  async #pages(doing: string, route: string, params: Params) {
    const items: unknown[] = []
    const pages: { url: string; etag: string }[] = []
    const first = { per_page: this.#config.pageSize, ...params }
    let { url } = this.#request.endpoint(route, first)
    let answer = await this.#patiently(doing, route, first)
    for (;;) {
      items.push(...itemsOf(doing, answer.data))
      const next = this.#nextOf(doing, answer)
      if (next === undefined) return { items, pages }
      const { etag } = answer.headers
      if (typeof etag === 'string') pages.push({ url, etag })
      url = next
      answer = await this.#patiently(doing, `GET ${next}`, {})
    }
  }

  /** Whether a page before the last is another than when it was read: then something may have slipped to a page that was read before. */
  async #changed(doing: string, pages: readonly { url: string; etag: string }[]): Promise<boolean> {
    for (const { url, etag } of pages) {
      const { status } = await this.#patiently(doing, `GET ${url}`, { headers: { 'if-none-match': etag } })
      if (status !== 304) return true
    }
    return false
  }

  /** Our token goes along to it, so that it must be where we are. */
  #nextOf(doing: string, { headers }: Answer): string | undefined {
    const next = /<([^>]+)>;\s*rel="next"/.exec(String(headers['link'] ?? ''))?.[1]
    if (next === undefined) return undefined
    if (URL.canParse(next) && new URL(next).origin === this.#origin) return next
    throw new FirebreakError('UNSUPPORTED', `${doing}: the next page is said to be at another server`)
  }

  async *download(doing: string, route: string, params: Params): AsyncGenerator<Uint8Array> {
    // The driver would gather all of it.
    const { data } = await this.#patiently(doing, route, {
      ...params,
      request: { parseSuccessResponseBody: false },
    })
    try {
      for await (const chunk of (data ?? []) as AsyncIterable<Uint8Array>) yield chunk
    } catch (error) {
      if (this.#io.signal.aborted) throw this.#io.signal.reason
      throw toFailure(error, doing, this.#io.now().getTime())
    }
  }

  async send(doing: string, route: string, params: Params, as: As = 'own'): Promise<unknown> {
    try {
      return (await this.#once(route, params, as)).data
    } catch (error) {
      if (this.#io.signal.aborted) throw this.#io.signal.reason
      throw toFailure(error, doing, this.#io.now().getTime())
    }
  }

  async ask(route: string, params: Params, as: As) {
    try {
      const { status, data, headers } = await this.#once(route, params, as)
      const scopes = headers['x-oauth-scopes']
      if (typeof scopes !== 'string') return { status, data }
      return { status, data, scopes: scopes.split(/\s*,\s*/).filter(scope => scope !== '') }
    } catch (error) {
      if (this.#io.signal.aborted) throw this.#io.signal.reason
      const answered = answerOf(error)
      const now = this.#io.now().getTime()
      if (!answered || limitSeconds(answered, now) !== undefined || answered.status >= 500)
        return { failed: toFailure(error, 'asking', now) }
      const date = Date.parse(String(answered.headers['date']))
      return { status: answered.status, data: undefined, ...(!Number.isNaN(date) && { date }) }
    }
  }

  async #patiently(doing: string, route: string, params: Params): Promise<Answer> {
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#once(route, params, 'own')
      } catch (error) {
        if (this.#io.signal.aborted) throw this.#io.signal.reason
        const answered = answerOf(error)
        if (answered?.status === 304) return { ...answered, data: undefined }
        const wait = answered && this.#waitMs(answered, attempt)
        if (wait === undefined || attempt === MOST_ATTEMPTS)
          throw toFailure(error, doing, this.#io.now().getTime())
        await this.#io.sleep(wait)
      }
  }

  /** Undefined where waiting does not help, or would be too long. */
  #waitMs(answered: NonNullable<ReturnType<typeof answerOf>>, attempt: number): number | undefined {
    const limit = limitSeconds(answered, this.#io.now().getTime())
    if (limit !== undefined) return limit <= LONGEST_WAIT_SECONDS ? limit * 1000 : undefined
    return answered.status >= 500 && answered.status !== 501 ? FIRST_PAUSE_MS * 2 ** attempt : undefined
  }

  async #once(route: string, { headers, request, ...params }: Params, as: As): Promise<Answer> {
    const authorization = await this.#authorization(as)
    const { fetch, signal } = this.#io
    return await this.#request(route, {
      ...params,
      headers: { ...(headers as object), ...(authorization !== undefined && { authorization }) },
      request: {
        ...(request as object),
        fetch,
        log: SILENT,
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#config.requestTimeoutMs)]),
      },
    })
  }

  async #authorization(as: As): Promise<string | undefined> {
    if (as === 'nobody') return undefined
    if (typeof as === 'object') return `Bearer ${as.token}`
    if (as === 'app') return `Bearer ${this.#appToken()}`
    const { token } = this.#config
    return `Bearer ${token ? token.revealText().trim() : await this.#installationToken()}`
  }

  #appToken(): string {
    const { appId, privateKey } = this.#config
    if (appId === undefined || !privateKey)
      throw new FirebreakError(
        'UNSUPPORTED',
        'only a GitHub App can do this to its own installation',
        'Connect with its appId and privateKey.',
      )
    try {
      return appToken(appId, privateKey, this.#io.now())
    } catch {
      throw new FirebreakError('INVALID_CONFIG', 'the private key of the app is none', 'Give its PEM file.')
    }
  }

  async #installationToken(): Promise<string> {
    const now = this.#io.now().getTime()
    if (this.#installation && this.#installation.endsAt - now > RENEW_BEFORE_MS)
      return this.#installation.token
    const found = await installationOf(this, this.#config.owner)
    const given = await this.#once(
      'POST /app/installations/{installation_id}/access_tokens',
      { installation_id: found.id },
      'app',
    )
    const { token, expires_at } = understood('taking a token of the app', TOKEN, given.data)
    this.#installation = { token, endsAt: Date.parse(expires_at) }
    return token
  }
}

const TOKEN = z.object({ token: z.string(), expires_at: z.string() })
const INSTALLATION = z.object({ id: z.number(), suspended_at: z.string().nullish() })

/** The app's installation at the owner. NOT_FOUND where it is not installed there. */
export async function installationOf(api: Pick<Api, 'ask'>, owner: string) {
  for (const route of ['GET /orgs/{owner}/installation', 'GET /users/{owner}/installation']) {
    const answer = await api.ask(route, { owner }, 'app')
    if ('failed' in answer) throw answer.failed
    if (answer.status === 200) return understood('looking for the installation', INSTALLATION, answer.data)
    if (answer.status !== 404)
      throw new FirebreakError(
        'DENIED',
        'GitHub does not take the app’s own key',
        'Give its appId and privateKey.',
      )
  }
  throw new FirebreakError('NOT_FOUND', `the app is not installed at ${owner}`, 'Install it there first.')
}

const nothing = () => {}
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Some lists come bare, and some as the one list of an object beside its count. */
function itemsOf(doing: string, data: unknown): readonly unknown[] {
  if (Array.isArray(data)) return data
  const lists = Object.values(data ?? {}).filter(value => Array.isArray(value))
  if (lists.length === 1) return lists[0] as unknown[]
  throw new FirebreakError('UNSUPPORTED', `${doing}: the server’s answer is no list`)
}

function understood<T>(doing: string, as: z.ZodType<T>, data: unknown): T {
  const parsed = as.safeParse(data)
  if (parsed.success) return parsed.data
  const where = parsed.error.issues[0]?.path.join('.') ?? ''
  throw new FirebreakError('UNSUPPORTED', `${doing}: the server’s answer is not understood (at ${where})`)
}
