import pc from 'picocolors'
import { ERRORS, type FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import { storeError } from '../../core/store/store-error.ts'

/** EX_SOFTWARE of sysexits.h: Firebreak itself is at fault. */
export const BUG_EXIT = 70
/** What a shell reports for a command that SIGINT ended: 128 and the signal's number. */
export const INTERRUPTED_EXIT = 130

/** A failure as it is printed: `text` for a person, `json` with --json; `exit` is the command's exit code. */
export interface Failure {
  readonly text: string
  readonly json: { error: { code: string; message: string; advice: string | null } }
  readonly exit: number
}

export function failure(raised: unknown, environment: NodeJS.ProcessEnv): Failure {
  // A read outside of a transaction raises what the engine says.
  const error = storeError(raised)
  if (isFirebreakError(error)) return operatingFailure(error)
  if (isAbort(error))
    return shaped(
      'INTERRUPTED',
      'Interrupted',
      'what was committed is kept; the same command goes on from there',
      INTERRUPTED_EXIT,
    )
  // The message of an unforeseen error may hold anything, a secret too: only who asks for it sees it.
  const stack = environment['FIREBREAK_DEBUG'] === '1' && error instanceof Error ? `\n${error.stack}` : ''
  const what = error instanceof Error ? error.name : typeof error
  return shaped(
    'BUG',
    `Firebreak has a bug (${what})${stack}`,
    'run it again with FIREBREAK_DEBUG=1 and report what it prints, after looking for secrets in it',
    BUG_EXIT,
  )
}

function operatingFailure(error: FirebreakError): Failure {
  return shaped(error.code, error.message, error.advice, ERRORS[error.code].exit)
}

function shaped(code: string, message: string, advice: string | undefined, exit: number): Failure {
  const text = `${pc.red(code)}  ${message}\n${advice === undefined ? '' : `${pc.dim('→')} ${advice}\n`}`
  return { text, json: { error: { code, message, advice: advice ?? null } }, exit }
}

function isAbort(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'))
  )
}
