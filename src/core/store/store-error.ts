import { FirebreakError } from '../contract/errors.ts'

/** What the engine is made to say when somebody writes into a store whose content was moved. */
export const MOVED_AWAY = 'firebreak: this store was moved'

/** SQLite's result codes. */
const BUSY = 5
const LOCKED = 6

/** SQLSTATEs (PostgreSQL manual, appendix A) after which the same goes through a moment later. */
const BUSY_STATES = new Set(['40001', '40P01', '55P03', '57P03', '53300'])

/** What went wrong, and what to do, of a server whose address was given by that. */
const STATES: Readonly<Record<string, readonly [string, (givenBy: string) => string]>> = {
  '28P01': [
    'the login was refused',
    by => `look at the user and the password that ${by} or PGPASSWORD gives`,
  ],
  '28000': ['the login was refused', by => `look at the user that ${by} names, and at pg_hba.conf`],
  '3D000': ['there is no such database', by => `create it, or look at the name in ${by}`],
  '42501': [
    'a right is missing',
    () => 'the role has to own the database or schema, or have all rights on it',
  ],
  '25006': ['it is read-only', by => `point ${by} at the primary, not at a standby`],
}

/**
 * The engine's failure as ours; anything else as it came. No word of a driver is passed on that may echo what it was given. `givenBy`
 * is what gave the store's address, which advice is about.
 */
export function storeError(error: unknown, givenBy = 'DATABASE_URL'): unknown {
  if (!(error instanceof Error) || error instanceof FirebreakError) return error
  if (error.message.includes(MOVED_AWAY))
    return new FirebreakError(
      'CONFLICT',
      'everything was moved to another database while this was at work',
      'any command says where it is now; run it again there',
    )
  return sqliteError(error) ?? postgresError(error, givenBy) ?? error
}

/** Another process has the lock: the same may go through a moment later. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === BUSY || code === LOCKED || BUSY_STATES.has(sqlState(error) ?? '')
}

/** The connection to the server broke, so that what was not committed is undone. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof FirebreakError) return false
  const state = sqlState(error)
  if (state !== undefined) return /^(08|57P0[12])/.test(state) || state === '25P03'
  const code = 'code' in error ? String(error.code) : ''
  return (
    /^E(CONN|PIPE|TIMEDOUT|HOST|NET)/.test(code) ||
    /^(Connection terminated|Client (has encountered a connection error|was closed))/.test(error.message) ||
    error.message === 'timeout exceeded when trying to connect'
  )
}

function sqliteError(error: Error): FirebreakError | undefined {
  const code = sqliteCode(error)
  if (code === undefined) return undefined
  if (isBusy(error))
    return new FirebreakError(
      'STORE_BUSY',
      error.message,
      'wait for the other command to end, then try again',
    )
  // 13 FULL; 10 IOERR and 9 INTERRUPT come from a file that may not grow.
  if (code === 13 || code === 10)
    return new FirebreakError(
      'STORE_FULL',
      error.message,
      'make room on the disk, or set FIREBREAK_HOME to a place that has it; what was committed is kept',
    )
  if ([8, 11, 14, 26].includes(code))
    return new FirebreakError(
      'STORE_BROKEN',
      error.message,
      'check the file and its rights, or restore a backup',
    )
  return undefined
}

function postgresError(error: Error, givenBy: string): FirebreakError | undefined {
  const state = sqlState(error)
  const told = state === undefined ? '' : ` (SQLSTATE ${state})`
  if (state !== undefined && BUSY_STATES.has(state))
    return new FirebreakError(
      'STORE_BUSY',
      `PostgreSQL had other writers to serve first${told}`,
      'wait for the other commands to end, then try again',
    )
  if (state === '53100' || state === '53200')
    return new FirebreakError(
      'STORE_FULL',
      `PostgreSQL has no room left${told}`,
      'make room at the server; what was committed is kept',
    )
  const known = state === undefined ? undefined : STATES[state]
  if (known) return new FirebreakError('STORE_BROKEN', `${known[0]}${told}`, known[1](givenBy))
  // The driver's own word for a password that it does not have.
  if (error.message.startsWith('SASL'))
    return new FirebreakError(
      'STORE_BROKEN',
      'the server asks for a password, and there is none',
      'set PGPASSWORD, or add a line to ~/.pgpass',
    )
  if (state === '57014')
    return new FirebreakError('STORE_BUSY', `a statement took too long${told}`, 'look at the server’s load')
  const network = networkReason(error)
  if (!isLost(error) && network === undefined) return undefined
  return new FirebreakError(
    'STORE_UNREACHABLE',
    network ?? `the connection broke off${told}`,
    `look at the host, port and sslmode that ${givenBy} gives, and whether the server runs; what was committed is kept`,
  )
}

/** What the network or TLS said, by its code alone. */
function networkReason(error: Error): string | undefined {
  if (error.message.startsWith('The server does not support SSL')) return 'the server offers no TLS'
  if (error.message === 'timeout exceeded when trying to connect') return 'no answer in time'
  const code = 'code' in error ? String(error.code) : ''
  if (/^E(CONN|PIPE|TIMEDOUT|HOST|NET|NOTFOUND|AI_)/.test(code)) return code
  if (/^(ERR_TLS|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) return `TLS failed (${code})`
  return undefined
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return Number(error.errcode) & 0xff
}

/** Errors that the server itself raised carry a severity. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}
