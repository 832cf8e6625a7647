import { type ConnectorErrorCode, FirebreakError, isFirebreakError } from './errors.ts'

/** What statuses of HTTP mean at a system, each with what happened and what to do about it. */
export type Statuses = Readonly<Record<number, readonly [ConnectorErrorCode, string, string?]>>

/** An answer that is no success, as one of ours. Its words are dropped: they may hold what was sent. */
export function refusedBy(statuses: Statuses, status: number, doing: string): FirebreakError {
  const [code, what, advice] = statuses[status] ?? ['UNREACHABLE', 'the server failed']
  return new FirebreakError(code, `${doing}: ${what} (${status})`, advice)
}

/** Undefined where what is asked for is not there (NOT_FOUND). */
export async function unlessAbsent<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isFirebreakError(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
