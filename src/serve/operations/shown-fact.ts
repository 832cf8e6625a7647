import type { Ms } from '../../core/contract/ref.ts'
import type { CredentialView } from '../../know/inventory/queries.ts'
import { isoTime } from './standing.ts'
import { wrap } from './wrap.ts'

/** One thing that is known of a credential or identity, with where and when it was learnt. */
export interface ShownFact {
  readonly name: string
  readonly value: unknown
  readonly source: string
  /** When it was true at its source, or else when it was learnt; ISO 8601. */
  readonly at: string
  /** `expires` names a time that has come. */
  readonly past: boolean
}

/** What a credential says of itself: the source is the source and path of the copy that says it. */
export function saidFacts(
  { facts }: Pick<CredentialView, 'facts'>,
  names: ReadonlyMap<string, string>,
  now: Ms,
): ShownFact[] {
  return facts.map(({ name, value, at, copy }) =>
    shownFact(name, value, `${names.get(copy.sourceId) ?? copy.sourceId} ${copy.place.path}`, at, now),
  )
}

export function shownFact(name: string, value: unknown, source: string, at: Ms, now: Ms): ShownFact {
  const past = name === 'expires' && typeof value === 'string' && Date.parse(value) < now
  return { name, value, source, at: isoTime(at), past }
}

/** `it says of itself: account 609629065308, expires 2024-03-01T00:00:00.000Z (past)`; a scanner's word is no word of its own. */
export function factLines(facts: readonly ShownFact[], width: number): string[] {
  const [reported, own] = [true, false].map(byReport =>
    facts.filter(({ source }) => source.startsWith('report:') === byReport),
  )
  const line = (who: string, said: readonly ShownFact[] = []) =>
    said.length === 0
      ? []
      : [wrap(`${who}: ${said.map(fact => `${fact.name} ${factText(fact)}`).join(', ')}`, width, '', '')]
  return [...line('it says of itself', own), ...line('reports say of it', reported)]
}

export function factText({ value, past }: Pick<ShownFact, 'value' | 'past'>): string {
  return `${typeof value === 'string' ? value : JSON.stringify(value)}${past ? ' (past)' : ''}`
}
