import { type ConnectorErrorCode, FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'

/** What Redis said: the word that a refusal begins with, and the rest, which may echo what was sent. */
export interface ServerComplaint {
  readonly word: string
  readonly message: string
}

/** The server's complaint, where the error came from the server at all. */
export function complaintOf(error: unknown): ServerComplaint | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  return { word: /^-?([A-Z][A-Z0-9]*)\b/.exec(error.message)?.[1] ?? 'ERR', message: error.message }
}

const CODES: Readonly<Record<string, readonly [ConnectorErrorCode, string, string?]>> = {
  WRONGPASS: [
    'DENIED',
    'the password of our own user was refused, or that user is off',
    'Set the right user and password for this connection.',
  ],
  NOAUTH: ['DENIED', 'the server wants a login first', 'Set user and password for this connection.'],
  NOPERM: [
    'DENIED',
    'our own user lacks the right to a command',
    'See the ACL in the connector’s README: looking needs +acl|list +acl|users +client|list +info, containing more.',
  ],
  DENIED: [
    'DENIED',
    'the server is in protected mode and talks to its own host only',
    'Set a password for its default user, or connect from that host.',
  ],
  LOADING: ['UNREACHABLE', 'the server is loading its data'],
  MASTERDOWN: ['UNREACHABLE', 'the server has lost its master'],
  BUSY: ['RATE_LIMITED', 'a script keeps the server busy'],
  TRYAGAIN: ['RATE_LIMITED', 'the server asks to try again'],
  OOM: ['RATE_LIMITED', 'the server is out of memory'],
  READONLY: ['CONFLICT', 'the server is a read-only replica'],
}

/**
 * A driver's error as one of ours. Neither the driver's words nor the server's are kept: the one attaches the command,
 * the other may quote it.
 */
export function toFailure(error: unknown, doing: string): FirebreakError {
  if (isFirebreakError(error)) return error
  const complaint = complaintOf(error)
  if (!complaint)
    return new FirebreakError('UNREACHABLE', `${doing}: ${networkReason(error)}`, NETWORK_ADVICE)
  const [code, what, advice] = CODES[complaint.word] ?? byMessage(complaint)
  return new FirebreakError(code, `${doing}: ${what} (${complaint.word})`, advice)
}

const NETWORK_ADVICE = 'Look at host, port, TLS setting and firewall, and whether the server runs.'

function byMessage({ message }: ServerComplaint): readonly [ConnectorErrorCode, string, string?] {
  if (/max number of clients/i.test(message)) return ['RATE_LIMITED', 'the server takes no more clients']
  if (/unknown command|unknown subcommand/i.test(message))
    return ['UNSUPPORTED', 'the server does not know a command', 'ACL users came with Redis 6.']
  return ['UNSUPPORTED', 'the server refused the command']
}

/** One word for why the network failed; never the driver's text. */
export function networkReason(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  if (/^E[A-Z_]+$/.test(code) && !code.startsWith('ERR_')) return code
  if (/^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)[A-Z0-9_]*$/.test(code))
    return `TLS failed (${code})`
  const message = error instanceof Error ? error.message : ''
  if (/timed ?out/i.test(message)) return 'no answer in time'
  if (/Protocol error|invalid/i.test(message)) return 'what answers does not speak Redis’s protocol'
  return 'the connection broke off'
}
