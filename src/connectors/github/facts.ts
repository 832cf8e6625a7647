import type { Observation } from '../../core/contract/observation.ts'
import type { Certainty, Ref } from '../../core/contract/ref.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'

export function edge(
  from: Ref,
  to: Ref,
  crossing: string,
  why: string,
  when?: string,
): Extract<Observation, { see: 'edge' }> {
  const certainty: Certainty = when === undefined ? 'proven' : 'conditional'
  return { see: 'edge', from, to, crossing, certainty, ...(when !== undefined && { when }), why }
}

/** A part of what is looked at, by itself: what is denied or breaks off is a gap, and the rest is read. */
export async function* part(
  scope: string,
  hides: readonly string[],
  read: () => AsyncIterable<Observation>,
): AsyncGenerator<Observation> {
  try {
    yield* read()
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    yield gap(scope, hides, error)
  }
}

/** Refused, or not there for us: that is how it is set up. Anything else was meant to be read. */
export function gap(
  scope: string,
  hides: readonly string[],
  {
    code,
    message,
    advice,
  }: { readonly code: string; readonly message: string; readonly advice: string | undefined },
): Extract<Observation, { see: 'covered' }> {
  const failed = !['DENIED', 'NOT_FOUND', 'UNSUPPORTED'].includes(code)
  return {
    see: 'covered',
    scope,
    complete: false,
    why: advice === undefined ? message : `${message}. ${advice}`,
    ...(failed && { failed }),
    ...(hides.length > 0 && { hides }),
  }
}
