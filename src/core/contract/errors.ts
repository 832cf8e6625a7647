/**
 * Every operating failure, in one table. A bug is not in it: a bug fails an assertion.
 * `http` is the status over HTTP, `exit` the exit code of the command, `retryable` whether the same call may go
 * through later, `says` what a person reads before the particulars. docs/errors.md is tested against this table.
 */
export const ERRORS = {
  UNREACHABLE: { http: 503, exit: 2, retryable: true, says: 'The system could not be reached' },
  DENIED: { http: 403, exit: 2, retryable: false, says: 'The system refused the credential or the right' },
  CONFLICT: { http: 409, exit: 2, retryable: false, says: 'What stands there is not what was expected' },
  NOT_FOUND: { http: 404, exit: 2, retryable: false, says: 'There is no such thing' },
  UNSUPPORTED: { http: 501, exit: 2, retryable: false, says: 'This cannot be done there' },
  INVALID_CONFIG: { http: 400, exit: 2, retryable: false, says: 'The configuration is not usable' },
  RATE_LIMITED: { http: 429, exit: 2, retryable: true, says: 'The system asks to slow down' },
  INVALID_INPUT: { http: 400, exit: 2, retryable: false, says: 'The input is not usable' },
  AMBIGUOUS: { http: 409, exit: 2, retryable: false, says: 'More than one thing fits' },
  STORE_BUSY: { http: 503, exit: 2, retryable: true, says: 'Another process holds the database' },
  STORE_FULL: { http: 507, exit: 2, retryable: false, says: 'The database cannot grow' },
  STORE_BROKEN: { http: 500, exit: 2, retryable: false, says: 'The database cannot be used' },
  STORE_UNREACHABLE: { http: 503, exit: 2, retryable: true, says: 'The database could not be reached' },
  KEY_UNUSABLE: { http: 500, exit: 2, retryable: false, says: 'The root key cannot be used' },
  EVIDENCE_BROKEN: { http: 500, exit: 1, retryable: false, says: 'The evidence does not hold' },
  STUCK: { http: 500, exit: 1, retryable: true, says: 'A step could not be finished' },
} as const

export type ErrorCode = keyof typeof ERRORS

/** The only codes that a connector may raise. */
export type ConnectorErrorCode =
  | 'UNREACHABLE'
  | 'DENIED'
  | 'CONFLICT'
  | 'NOT_FOUND'
  | 'UNSUPPORTED'
  | 'INVALID_CONFIG'
  | 'RATE_LIMITED'

/**
 * `detail` says what happened, `advice` what to do about it. Neither may hold a secret: pass drivers' messages
 * through only where they are known not to echo the input.
 */
export class FirebreakError extends Error {
  readonly code: ErrorCode
  readonly advice: string | undefined

  constructor(code: ErrorCode, detail: string, advice?: string) {
    super(`${ERRORS[code].says}: ${detail}`)
    this.name = 'FirebreakError'
    this.code = code
    this.advice = advice
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  /** What happened, and what to do about it. */
  get messageAndAdvice(): string {
    return this.advice === undefined ? this.message : `${this.message}. ${this.advice}`
  }
}

/** A failure as it is sent to another thread. */
export interface PlainError {
  readonly code: ErrorCode
  readonly detail: string
  readonly advice: string | undefined
}

export function plainError({ code, message, advice }: FirebreakError): PlainError {
  return { code, detail: message.slice(`${ERRORS[code].says}: `.length), advice }
}

export function errorOf({ code, detail, advice }: PlainError): FirebreakError {
  return new FirebreakError(code, detail, advice)
}

/** For what ends a thing: that it is not there is as it should be. */
export async function orGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!isFirebreakError(error, 'NOT_FOUND')) throw error
  }
}

export function isFirebreakError(error: unknown, ...codes: ErrorCode[]): error is FirebreakError {
  return error instanceof FirebreakError && (codes.length === 0 || codes.includes(error.code))
}

/** What the system says of a failure (`ENOENT`); undefined where it says nothing. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
