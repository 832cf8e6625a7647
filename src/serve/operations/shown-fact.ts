import type { Ms } from '../../core/contract/ref.ts'
import type { CredentialView } from '../../know/inventory/queries.ts'
import { isoTime } from './standing.ts'

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

/** `account 609629065308, expires 2024-03-01T00:00:00.000Z (past)` */
export function factsLine(facts: readonly ShownFact[]): string {
  return facts.map(fact => `${fact.name} ${factText(fact)}`).join(', ')
}

export function factText({ value, past }: Pick<ShownFact, 'value' | 'past'>): string {
  return `${typeof value === 'string' ? value : JSON.stringify(value)}${past ? ' (past)' : ''}`
}
