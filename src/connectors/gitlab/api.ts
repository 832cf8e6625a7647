import { networkReason } from '../../core/contract/network-reason.ts'
import type { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { GitlabConfig } from './config.ts'

/** GitLab as our own token sees it. Paths are below `/api/v4`. */
export interface Api {
  readonly host: string
  /** What there is to say of the call in an error comes first. Where the server asks for patience, it is tried again. */
  get<T>(doing: string, path: string, as: z.ZodType<T>): Promise<T>
  list<T>(doing: string, path: string, as: z.ZodType<T>): Promise<T[]>
  /** A file's text; undefined where there is none. */
  text(doing: string, path: string): Promise<string | undefined>
  /** Once. Gives the body; `absent` is what is given where it is not there. */
  send(doing: string, method: string, path: string, body?: object): Promise<unknown>
  /** The status of an answer to whoever has this token, or why there was none. */
  askAs(
    token: string,
    path: string,
  ): Promise<{ readonly status: number; readonly data: unknown } | { readonly failed: FirebreakError }>
}

const MOST_ATTEMPTS = 5
const FIRST_PAUSE_MS = 250
const LONGEST_WAIT_SECONDS = 120
const MOST_PAGES = 10_000

export function openApi(config: GitlabConfig, io: Io): Api {
  const base = `${config.endpoint.replace(/\/+$/, '')}/api/v4`
  const { host } = new URL(config.endpoint)
  const own = () => config.token.revealText().trim()

  async function once(
    doing: string,
    method: string,
    path: string,
    token: string,
    body?: object,
  ): Promise<Response> {
    try {
      return await io.fetch(`${base}${path}`, {
        method,
        // Nobody else gets the token, wherever the server would lead us.
        redirect: 'error',
        headers: {
          'private-token': token,
          'user-agent': 'firebreak',
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([io.signal, AbortSignal.timeout(config.requestTimeoutMs)]),
      })
    } catch (error) {
      if (io.signal.aborted) throw io.signal.reason
      throw new FirebreakError(
        'UNREACHABLE',
        `${doing}: ${networkReason(error)}`,
        'Look at the endpoint, and whether this machine gets there.',
      )
    }
  }

  async function patiently(doing: string, path: string): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const response = await once(doing, 'GET', path, own())
      if (response.ok) return response
      const wait = waitMs(response, attempt)
      if (wait === undefined || attempt === MOST_ATTEMPTS) throw failureOf(doing, response)
      await io.sleep(wait)
    }
  }

  return {
    host,
    get: async (doing, path, as) => understood(doing, as, await jsonOf(doing, await patiently(doing, path))),
    async list(doing, path, as) {
      const items: unknown[] = []
      // Keys instead of page numbers where the server has them: what is added or goes meanwhile moves nothing.
      const first = `${path}${path.includes('?') ? '&' : '?'}per_page=${config.pageSize}`
      for (let page: string | undefined = '1', count = 0; page && count < MOST_PAGES; count++) {
        const response = await patiently(doing, `${first}&page=${page}`)
        const data = await jsonOf(doing, response)
        if (!Array.isArray(data)) throw notUnderstood(doing)
        items.push(...data)
        page = response.headers.get('x-next-page') ?? undefined
      }
      return items.map(item => understood(doing, as, item))
    },
    async text(doing, path) {
      const response = await patiently(doing, path).catch(error => {
        if (error instanceof FirebreakError && error.code === 'NOT_FOUND') return undefined
        throw error
      })
      return await response?.text()
    },
    async send(doing, method, path, body) {
      const response = await once(doing, method, path, own(), body)
      if (!response.ok) throw failureOf(doing, response)
      return response.status === 204 ? undefined : await jsonOf(doing, response)
    },
    async askAs(token, path) {
      try {
        const response = await once('asking', 'GET', path, token)
        if (response.status >= 500 || response.status === 429)
          return { failed: failureOf('asking', response) }
        return { status: response.status, data: response.ok ? await jsonOf('asking', response) : undefined }
      } catch (error) {
        if (error instanceof FirebreakError) return { failed: error }
        throw error
      }
    },
  }
}

function waitMs({ status, headers }: Response, attempt: number): number | undefined {
  if (status === 429) {
    const seconds = Number(headers.get('retry-after') ?? 60)
    return seconds <= LONGEST_WAIT_SECONDS ? seconds * 1000 : undefined
  }
  return status >= 500 && status !== 501 ? FIRST_PAUSE_MS * 2 ** attempt : undefined
}

async function jsonOf(doing: string, response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    throw notUnderstood(doing)
  }
}

function understood<T>(doing: string, as: z.ZodType<T>, data: unknown): T {
  const parsed = as.safeParse(data)
  if (parsed.success) return parsed.data
  throw notUnderstood(doing, parsed.error.issues[0]?.path.join('.'))
}

function notUnderstood(doing: string, where?: string): FirebreakError {
  const at = where === undefined ? '' : ` (at ${where})`
  return new FirebreakError('UNSUPPORTED', `${doing}: the server’s answer is not understood${at}`)
}

const RIGHTS = 'docs/gitlab.md has the role that each part needs.'

/** The server's own words are dropped: they may hold what was sent. */
function failureOf(doing: string, { status, headers }: Response): FirebreakError {
  if (status === 401)
    return new FirebreakError(
      'DENIED',
      `${doing}: our own token is refused`,
      'Give the connection another one.',
    )
  if (status === 403) return new FirebreakError('DENIED', `${doing}: our own token lacks a right`, RIGHTS)
  if (status === 404)
    return new FirebreakError('NOT_FOUND', `${doing}: it is not there, or not shown to us`, RIGHTS)
  if (status === 429)
    return new FirebreakError(
      'RATE_LIMITED',
      `${doing}: the limit of calls is reached`,
      `Go on in ${headers.get('retry-after') ?? 60} seconds.`,
    )
  if (status === 400 || status === 409 || status === 422)
    return new FirebreakError('CONFLICT', `${doing}: it was not taken as it stands there (${status})`)
  if (status >= 500 && status !== 501)
    return new FirebreakError('UNREACHABLE', `${doing}: the server failed (${status})`)
  return new FirebreakError('UNSUPPORTED', `${doing}: the server does not take this call (${status})`)
}
