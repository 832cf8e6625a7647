import { FirebreakError } from '../../core/contract/errors.ts'
import { refusedBy, type Statuses } from '../../core/contract/refused.ts'

const README = 'The connector’s README has the roles that it needs.'

const STATUSES: Statuses = {
  400: ['UNSUPPORTED', 'the call was not taken'],
  401: ['DENIED', 'our own token was refused', 'Give the connection another key.'],
  403: ['DENIED', 'our own account lacks a right, or the API is not switched on', README],
  404: ['NOT_FOUND', 'it is not there'],
  409: ['CONFLICT', 'it is another one than was expected'],
  412: ['CONFLICT', 'it is another one than was expected'],
  429: ['RATE_LIMITED', 'the project’s limit of calls is reached'],
  501: ['UNSUPPORTED', 'the server does not know this call'],
}

/** An answer that is no success, as one of ours. Its words are dropped: they may hold what was sent. */
export function refused(status: number, doing: string): FirebreakError {
  return refusedBy(STATUSES, status, doing)
}

/** There was no answer. */
export function unreachable(error: unknown, doing: string): FirebreakError {
  return new FirebreakError(
    'UNREACHABLE',
    `${doing}: ${networkReason(error)}`,
    'Look at whether this machine gets to googleapis.com.',
  )
}

/** The code of what broke; a message may hold what was sent. */
export function networkReason(error: unknown): string {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (each.name === 'TimeoutError' || each.name === 'AbortError') return 'no answer in time'
    if ('code' in each && typeof each.code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(each.code))
      return each.code
  }
  return 'the connection broke off'
}
