import { ownershipOf } from '../../ownership/ownership.ts'
import type { Ownership } from '../../ownership/weigh.ts'
import type { CheckContext } from '../check.ts'

/** Weighed once for all the checks of a run. */
const asked = new WeakMap<CheckContext['db'], Promise<ReadonlyMap<string, Ownership>>>()

/** Every identity that is no person's own account, and whose it is. */
export function owned({ db, now }: CheckContext): Promise<ReadonlyMap<string, Ownership>> {
  const known = asked.get(db) ?? ownershipOf(db, now).then(({ ownership }) => ownership)
  asked.set(db, known)
  return known
}

const MOST_SHOWN = 3

/** What speaks for someone, in a few words. */
export function because(signs: Ownership['candidates'][number]['signs']): string {
  const sources = [...new Set(signs.toSorted((a, b) => b.weight - a.weight).map(({ source }) => source))]
  const more = sources.length - MOST_SHOWN
  return `${sources.slice(0, MOST_SHOWN).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}
