import { ownershipOf } from '../../ownership/ownership.ts'
import type { Ownership } from '../../ownership/weigh.ts'
import { oncePerRun } from '../check.ts'

/** Every identity that is no person's own account, and whose it is. */
export const owned = oncePerRun<ReadonlyMap<string, Ownership>>(
  async ({ db, now }) => (await ownershipOf(db, now)).ownership,
)

const MOST_SHOWN = 3

/** What speaks for someone, in a few words. */
export function because(signs: Ownership['candidates'][number]['signs']): string {
  const sources = [...new Set(signs.toSorted((a, b) => b.weight - a.weight).map(({ source }) => source))]
  const more = sources.length - MOST_SHOWN
  return `${sources.slice(0, MOST_SHOWN).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}
