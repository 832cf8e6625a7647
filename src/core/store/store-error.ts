import { FirebreakError } from '../contract/errors.ts'

const BUSY = 5
const LOCKED = 6

/** The engine's failure as ours; anything else as it came. Engine messages name tables and files, never values. */
export function storeError(error: unknown): unknown {
  const code = sqliteCode(error)
  if (code === undefined || !(error instanceof Error)) return error
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
  return error
}

/** Another connection has the lock: the same may go through a moment later. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === BUSY || code === LOCKED
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return Number(error.errcode) & 0xff
}
