import { FirebreakError } from '../../core/contract/errors.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import { refusedBy, type Statuses } from '../../core/contract/refused.ts'

const README = 'The connector’s README has the permissions and roles that it needs.'

const STATUSES: Statuses = {
  400: ['UNSUPPORTED', 'the call was not taken'],
  401: ['DENIED', 'our own token was refused', README],
  403: ['DENIED', 'our own application lacks a right, or a firewall keeps it out', README],
  404: ['NOT_FOUND', 'it is not there'],
  409: ['CONFLICT', 'it is another one than was expected'],
  412: ['CONFLICT', 'it is another one than was expected'],
  429: ['RATE_LIMITED', 'the tenant’s limit of calls is reached'],
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
    'Look at whether this machine gets to Microsoft’s servers.',
  )
}
