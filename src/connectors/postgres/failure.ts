import { type ConnectorErrorCode, FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'

/** What PostgreSQL said, without what it may have echoed. */
export interface ServerComplaint {
  readonly sqlState: string
  readonly routine: string
  readonly message: string
}

const CODES: Readonly<Record<string, readonly [ConnectorErrorCode, string, string?]>> = {
  '28P01': [
    'DENIED',
    'the password of our own role was refused',
    'Set the right password for this connection.',
  ],
  '28000': [
    'DENIED',
    'our own role may not log in from here',
    'Look at its LOGIN attribute and at pg_hba.conf.',
  ],
  '3D000': ['INVALID_CONFIG', 'there is no such database', 'Set `database` to one that exists.'],
  '42501': [
    'DENIED',
    'our own role lacks a right',
    'See the roles in the connector’s README: containing needs CREATEROLE with ADMIN OPTION on the role, or SUPERUSER.',
  ],
  '42704': ['NOT_FOUND', 'an object went away while it was worked on', 'Look again and retry.'],
  '42710': ['CONFLICT', 'a role of that name is there already'],
  '2BP01': ['CONFLICT', 'objects still depend on it', 'Resolve the dependency that the server’s log names.'],
  '25006': ['CONFLICT', 'the server is read-only', 'Point the connection at the primary, not at a standby.'],
  '0A000': ['UNSUPPORTED', 'the server does not support it'],
  '55000': ['CONFLICT', 'an object is in a state that forbids it'],
}

const RETRYABLE: Readonly<Record<string, readonly [ConnectorErrorCode, string]>> = {
  '40001': ['RATE_LIMITED', 'another transaction was in the way'],
  '40P01': ['RATE_LIMITED', 'another transaction was in the way'],
  '55P03': ['RATE_LIMITED', 'a lock was held too long by another transaction'],
  '57014': ['UNREACHABLE', 'the statement took too long'],
}

/** The server's complaint, where the error came from the server at all. Of drivers' own errors nothing is kept. */
export function complaintOf(error: unknown): ServerComplaint | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, routine, severity, message } = error as Record<string, unknown>
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || typeof severity !== 'string')
    return undefined
  return {
    sqlState: code,
    routine: typeof routine === 'string' ? routine : '',
    message: String(message ?? ''),
  }
}

/**
 * A driver's error as one of ours. The driver's words are dropped: a syntax error echoes the statement. The
 * server's own are passed on only for codes whose messages name objects and nothing else.
 */
export function toFailure(error: unknown, doing: string): FirebreakError {
  if (isFirebreakError(error)) return error
  const complaint = complaintOf(error)
  if (!complaint)
    return new FirebreakError('UNREACHABLE', `${doing}: ${networkReason(error)}`, NETWORK_ADVICE)
  const { sqlState } = complaint
  const known = CODES[sqlState] ?? RETRYABLE[sqlState] ?? byClass(complaint)
  const words = NAMES_OBJECTS_ONLY.has(sqlState) ? ` (${complaint.message})` : ''
  return new FirebreakError(known[0], `${doing}: ${known[1]}, SQLSTATE ${sqlState}${words}`, known[2])
}

const NETWORK_ADVICE = 'Look at host, port, TLS setting and firewall, and whether the server runs.'
const NAMES_OBJECTS_ONLY = new Set(['42501', '2BP01', '3D000', '25006', '42710', '55000'])

function byClass({ sqlState, message }: ServerComplaint): readonly [ConnectorErrorCode, string, string?] {
  // Two ALTER ROLE of one role at once: the server calls this an internal error, yet a second try goes through.
  if (sqlState === 'XX000' && message.startsWith('tuple concurrently')) {
    return ['RATE_LIMITED', 'another transaction was in the way']
  }
  if (sqlState.startsWith('53')) return ['RATE_LIMITED', 'the server is out of connections or room']
  if (sqlState.startsWith('57') || sqlState.startsWith('08')) {
    return ['UNREACHABLE', 'the server ended the connection or is starting or stopping']
  }
  if (sqlState.startsWith('28')) return ['DENIED', 'the server refused our login']
  return ['UNSUPPORTED', 'the server refused the statement']
}

/** One word for why the network failed; never the driver's text. */
export function networkReason(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  if (/^E[A-Z_]+$/.test(code)) return code
  if (/^(ERR_TLS|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)[A-Z_]*$/.test(code)) return `TLS failed (${code})`
  const message = error instanceof Error ? error.message : ''
  if (/timeout/i.test(message)) return 'no answer in time'
  if (message.startsWith('The server does not support SSL')) return 'the server offers no TLS'
  if (message.startsWith('SASL')) return 'the server does not speak the authentication that it offers'
  return 'the connection broke off'
}
