import { type ConnectorErrorCode, FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'

/** What AWS calls an error: its code, without the message, which can echo what was sent. */
export function awsCode(error: unknown): string | undefined {
  // The SDK puts metadata on every error; only an answer has a status.
  if (statusOf(error) === undefined) return undefined
  const { name, Code } = error as { name?: unknown; Code?: unknown }
  const code = String(Code ?? name)
  return /^[A-Za-z][A-Za-z0-9.]{1,80}$/.test(code) ? code : 'UnknownError'
}

/** The HTTP status of an answer, where there was one. */
export function statusOf(error: unknown): number | undefined {
  const metadata = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata
  return metadata?.httpStatusCode
}

/** The server answered that it is too much or that it failed: the same call may go through a moment later. */
export function asksForPatience(error: unknown): boolean {
  const code = awsCode(error)
  const status = statusOf(error)
  if (code === undefined) return false
  return (
    (status !== undefined && status >= 500 && status !== NOT_IMPLEMENTED) ||
    status === 429 ||
    /throttl|toomanyrequests|rateexceeded|slowdown/i.test(code)
  )
}

/** The server has no such call, and will not have it a moment later. */
const NOT_IMPLEMENTED = 501

const CLOCK: readonly [ConnectorErrorCode, string, string] = [
  'INVALID_CONFIG',
  'the clock of this machine is off',
  'Set it, by NTP for instance.',
]

const CODES: Readonly<Record<string, readonly [ConnectorErrorCode, string, string?]>> = {
  InvalidClientTokenId: [
    'DENIED',
    'our own access key is not known there',
    'Give the connection another key.',
  ],
  UnrecognizedClientException: [
    'DENIED',
    'our own access key is not known there',
    'Give the connection another key.',
  ],
  SignatureDoesNotMatch: ['DENIED', 'the secret of our own access key is wrong', 'Give the right one.'],
  ExpiredToken: ['DENIED', 'our own session has expired', 'Give the connection a new session token.'],
  ExpiredTokenException: [
    'DENIED',
    'our own session has expired',
    'Give the connection a new session token.',
  ],
  AccessDenied: [
    'DENIED',
    'our own key lacks a right',
    'The connector’s README has the policies that it needs.',
  ],
  AccessDeniedException: [
    'DENIED',
    'our own key lacks a right',
    'The connector’s README has the policies that it needs.',
  ],
  AuthorizationError: [
    'DENIED',
    'our own key lacks a right',
    'The connector’s README has the policies that it needs.',
  ],
  UnauthorizedOperation: [
    'DENIED',
    'our own key lacks a right',
    'The connector’s README has the policies that it needs.',
  ],
  NoSuchEntity: ['NOT_FOUND', 'it is not there'],
  NoSuchEntityException: ['NOT_FOUND', 'it is not there'],
  ResourceNotFoundException: ['NOT_FOUND', 'it is not there'],
  ParameterNotFound: ['NOT_FOUND', 'it is not there'],
  NoSuchBucket: ['NOT_FOUND', 'it is not there'],
  NotFoundException: ['NOT_FOUND', 'it is not there'],
  NotFound: ['NOT_FOUND', 'it is not there'],
  QueueDoesNotExist: ['NOT_FOUND', 'it is not there'],
  LimitExceeded: ['CONFLICT', 'there is no room for one more', 'Delete what is no longer used, then retry.'],
  LimitExceededException: [
    'CONFLICT',
    'there is no room for one more',
    'Delete what is no longer used, then retry.',
  ],
  EntityAlreadyExists: ['CONFLICT', 'it is there already'],
  EntityTemporarilyUnmodifiable: ['RATE_LIMITED', 'it is being changed by another'],
  ResourceConflictException: ['RATE_LIMITED', 'it is being changed by another'],
  ConcurrentModification: ['RATE_LIMITED', 'it is being changed by another'],
  InvalidAction: ['UNSUPPORTED', 'the server does not know this call'],
  UnknownOperationException: ['UNSUPPORTED', 'the server does not know this call'],
  PolicyTypeNotEnabledException: ['UNSUPPORTED', 'the organization has no policies of that kind'],
  UnknownAction: ['UNSUPPORTED', 'the server does not know this call'],
  NotImplemented: ['UNSUPPORTED', 'the server does not know this call'],
  AWSOrganizationsNotInUseException: ['UNSUPPORTED', 'the account is in no organization'],
}

/** An SDK's error as one of ours. Its words are dropped: they may hold what was sent. */
export function toFailure(error: unknown, doing: string): FirebreakError {
  if (isFirebreakError(error)) return error
  const code = awsCode(error)
  if (code === undefined)
    return new FirebreakError('UNREACHABLE', `${doing}: ${networkReason(error)}`, NETWORK_ADVICE)
  const known = isClockSkew(error) ? CLOCK : (CODES[code] ?? bySort(code, statusOf(error)))
  return new FirebreakError(known[0], `${doing}: ${known[1]} (${code})`, known[2])
}

/** The code is that of a wrong secret too; only the words tell. A signature is good for five minutes. */
export function isClockSkew(error: unknown): boolean {
  const code = awsCode(error)
  if (code === 'RequestExpired' || code === 'RequestTimeTooSkewed') return true
  return (
    (code === 'SignatureDoesNotMatch' || code === 'InvalidSignatureException') &&
    error instanceof Error &&
    /signature expired|not yet current/i.test(error.message)
  )
}

const NETWORK_ADVICE = 'Look at the endpoint, the region, and whether this machine gets there.'

function bySort(code: string, status: number | undefined): readonly [ConnectorErrorCode, string, string?] {
  if (/throttl|toomanyrequests|rateexceeded|slowdown/i.test(code) || status === 429)
    return ['RATE_LIMITED', 'the account’s limit of calls is reached']
  if (status === NOT_IMPLEMENTED) return ['UNSUPPORTED', 'the server does not know this call']
  if (status !== undefined && status >= 500) return ['UNREACHABLE', 'the server failed']
  if (status === 404) return ['UNSUPPORTED', 'the server does not know this call']
  if (status === 401 || status === 403) return ['DENIED', 'the call was refused']
  return ['UNSUPPORTED', 'the call was not taken']
}

/** One word for why the network failed; never the driver's text. */
export function networkReason(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return code
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time'
  return 'the connection broke off'
}
