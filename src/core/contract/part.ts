import { isFirebreakError } from './errors.ts'
import type { Observation } from './observation.ts'

/** A part of what a source tells, by itself: what is denied or breaks off is a gap, and the rest is read. */
export async function* part(
  scope: string,
  hides: readonly string[],
  read: () => AsyncIterable<Observation>,
): AsyncGenerator<Observation> {
  try {
    yield* read()
  } catch (error) {
    yield gap(scope, hides, error)
  }
}

/** Refused, or not there for us: that is how it is set up. Anything else was meant to be read; a bug is raised again. */
export function gap(
  scope: string,
  hides: readonly string[],
  error: unknown,
): Extract<Observation, { see: 'covered' }> {
  if (!isFirebreakError(error)) throw error
  const failed = !['DENIED', 'NOT_FOUND', 'UNSUPPORTED'].includes(error.code)
  return {
    see: 'covered',
    scope,
    complete: false,
    why: error.messageAndAdvice,
    ...(failed && { failed }),
    ...(hides.length > 0 && { hides }),
  }
}
