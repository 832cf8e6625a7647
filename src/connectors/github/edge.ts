import type { Observation } from '../../core/contract/observation.ts'
import type { Certainty, Ref } from '../../core/contract/ref.ts'

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
