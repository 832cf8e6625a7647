import { FirebreakError } from '../../core/contract/errors.ts'
import { refusedBy, type Statuses } from '../../core/contract/refused.ts'

const README = 'The connector’s README has the roles that it needs.'

const STATUSES: Statuses = {
  400: ['UNSUPPORTED', 'the server did not understand the call'],
  401: ['DENIED', 'our own token or certificate was refused', 'Give the connection another one.'],
  403: ['DENIED', 'our own account lacks the right', README],
  404: ['NOT_FOUND', 'it is not there'],
  405: ['UNSUPPORTED', 'the server does not know this call'],
  406: ['UNSUPPORTED', 'the server does not know this call'],
  409: ['CONFLICT', 'it is another one than was expected'],
  410: [
    'UNREACHABLE',
    'the list was changed faster than it could be read',
    'Try again, or take larger pages.',
  ],
  415: ['UNSUPPORTED', 'the server does not know this call'],
  422: ['UNSUPPORTED', 'the server does not accept it'],
  429: ['RATE_LIMITED', 'the server asks to slow down'],
}

/** An answer that is no success, as one of ours. Its words are dropped: they may hold what was sent. */
export function refused(status: number, doing: string): FirebreakError {
  if (status >= 300 && status < 400)
    return new FirebreakError(
      'UNSUPPORTED',
      `${doing}: the server points elsewhere (${status})`,
      'Give its own address.',
    )
  return refusedBy(STATUSES, status, doing)
}

/** There was no answer. */
export function unreachable(error: unknown, doing: string): FirebreakError {
  return new FirebreakError(
    'UNREACHABLE',
    `${doing}: ${networkReason(error)}`,
    'Look at server, certificate authority and firewall, and whether the API server runs.',
  )
}

/** The code of what broke; a message may hold what was sent. */
export function networkReason(error: unknown): string {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (each.name === 'TimeoutError') return 'no answer in time'
    if ('code' in each && typeof each.code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(each.code))
      return /TLS|SSL|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO/.test(each.code)
        ? `TLS failed (${each.code})`
        : each.code
  }
  return 'the connection broke off'
}
