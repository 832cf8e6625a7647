import { eachOwnership } from '../../ownership/ownership.ts'
import type { Ownership } from '../../ownership/weigh.ts'
import { oncePerRun } from '../check.ts'

/** Every identity that is no person's own account, and whose it is; of those that are sound no more than that is kept. */
export const owned = oncePerRun(async ({ db, now }): Promise<ReadonlyMap<string, Ownership>> => {
  const found = new Map<string, Ownership>()
  await eachOwnership(db, now, (id, own) => {
    const { state, answers } = own
    const isSound = state === 'confirmed' || state === 'confident' || state === 'likely'
    found.set(id, isSound ? { state, ...(answers && { answers }), candidates: [], unresolved: [] } : own)
  })
  return found
})

const MOST_SHOWN = 3

/** What speaks for someone, in a few words. */
export function because(signs: Ownership['candidates'][number]['signs']): string {
  const sources = [...new Set(signs.toSorted((a, b) => b.weight - a.weight).map(({ source }) => source))]
  const more = sources.length - MOST_SHOWN
  return `${sources.slice(0, MOST_SHOWN).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}
