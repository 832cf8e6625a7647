import { nonHumans } from '../../ownership/non-human.ts'
import type { Ownership } from '../../ownership/weigh.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { suspensionsOf, suspensionText } from '../../requirements/suspensions.ts'
import { oncePerRun } from '../check.ts'
import { readHere } from './copied.ts'
import { placesInCode } from './copies-in-code.ts'
import { weighAll } from './owners.ts'
import { reading, turnToRead } from './reading.ts'

/** Every identity that is no person's own account, and whose it is. */
export const owned = oncePerRun(async (context): Promise<ReadonlyMap<string, Ownership>> => {
  const thread = await reading(context)
  if (thread) return await thread.owners()
  return await weighAll(context.db, context.now, await machines(context), async () =>
    placesInCode((await readHere(context)).inCode),
  )
})

/** That it is to be suspended for it, or is: told after why a check fails; nothing where policy does not say so. */
export const suspensionNote = oncePerRun(async ({ db }): Promise<(entityId: string) => string> => {
  const found = await suspensionsOf(db, await loadRoots(db))
  return id => {
    const suspension = found.get(id)
    return suspension ? `; ${suspensionText(suspension)}` : ''
  }
})

export const machines = oncePerRun(async context => {
  await turnToRead(context)
  return (await (await reading(context))?.machines()) ?? (await nonHumans(context.db))
})

const MOST_SHOWN = 3

/** What speaks for someone, in a few words. */
export function because(signs: Ownership['candidates'][number]['signs']): string {
  const sources = [...new Set(signs.toSorted((a, b) => b.weight - a.weight).map(({ source }) => source))]
  const more = sources.length - MOST_SHOWN
  return `${sources.slice(0, MOST_SHOWN).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}
