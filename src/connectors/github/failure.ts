import { networkReason } from '../../core/contract/network-reason.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'

/** What the driver's error tells that is safe to tell: its own words may hold what was sent. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | undefined>>
}

/** The server's answer in an error of the driver; undefined where none came. */
export function answerOf(error: unknown): Answered | undefined {
  const { response } = (error ?? {}) as { response?: Answered }
  return response === undefined ? undefined : response
}

/** How long the server asks to wait, in seconds; undefined where the answer is about no limit. */
export function limitSeconds({ status, headers }: Answered, nowMs: number): number | undefined {
  if (status !== 403 && status !== 429) return undefined
  const after = Number(headers['retry-after'])
  if (headers['retry-after'] !== undefined && Number.isFinite(after)) return after
  // https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
  if (String(headers['x-ratelimit-remaining']) === '0')
    return Math.max(0, Math.ceil(Number(headers['x-ratelimit-reset']) - nowMs / 1000))
  return status === 429 ? 60 : undefined
}

const ROLE = 'docs/github.md has the permissions that each part needs.'

/** An error of the driver as one of ours. */
export function toFailure(error: unknown, doing: string, nowMs: number): FirebreakError {
  if (isFirebreakError(error)) return error
  const answered = answerOf(error)
  if (!answered)
    return new FirebreakError(
      'UNREACHABLE',
      `${doing}: ${networkReason(error)}`,
      'Look at the endpoint, and whether this machine gets there.',
    )
  const { status, headers } = answered
  const limit = limitSeconds(answered, nowMs)
  if (limit !== undefined)
    return new FirebreakError(
      'RATE_LIMITED',
      `${doing}: the limit of calls is reached (${status})`,
      `Go on at ${new Date(nowMs + limit * 1000).toISOString()}; an app has a higher limit than a token.`,
    )
  if (status === 401)
    return new FirebreakError(
      'DENIED',
      `${doing}: our own credential is refused`,
      'Give the connection another one.',
    )
  if (status === 403 || status === 451)
    return new FirebreakError('DENIED', `${doing}: our own credential lacks a right`, needed(headers))
  if (status === 404)
    return new FirebreakError('NOT_FOUND', `${doing}: it is not there, or not shown to us`, needed(headers))
  if (status === 409 || status === 422)
    return new FirebreakError('CONFLICT', `${doing}: it was not taken as it stands there (${status})`)
  if (status >= 500 && status !== 501)
    return new FirebreakError('UNREACHABLE', `${doing}: the server failed (${status})`)
  return new FirebreakError('UNSUPPORTED', `${doing}: the server does not take this call (${status})`)
}

/** GitHub says which permission would do. */
function needed(headers: Answered['headers']): string {
  const asked = headers['x-accepted-github-permissions'] ?? headers['x-accepted-oauth-scopes']
  return typeof asked === 'string' && /^[\w:=,; ]{3,200}$/.test(asked) ? `It takes ${asked}. ${ROLE}` : ROLE
}
