import { countText } from '../../../core/contract/count-text.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { machines } from './owned.ts'
import { used } from './required.ts'
import { usable } from './told.ts'

export const workloadGone = defineCheck<readonly string[]>({
  id: 'workload-gone',
  title: 'Whatever used an identity is gone, and its credential is not',
  why: 'Nobody would notice its being used by somebody else, and nobody needs it any more.',
  fix: 'Remove it: firebreak offboard IDENTITY.',
  severity: 'high',
  frameworks: ['NHI1:2025'],
  async population(context) {
    const identities = new Set((await machines(context)).map(({ id }) => id))
    const byIdentity = Map.groupBy((await usable(context)).values(), ({ identityId }) => identityId ?? '')
    return new Map(
      [...byIdentity]
        .filter(([id]) => identities.has(id))
        .map(([id, own]) => [id, own.map(credential => credential.id)]),
    )
  },
  async find(context, population) {
    const uses = await used(context)
    return [...population].flatMap(([id, credentials]): Judgement[] => {
      const known = uses.get(id) ?? []
      if (known.length === 0)
        return [{ entityId: id, outcome: 'unknown', why: 'nothing that was read tells what uses it' }]
      if (known.some(({ isGone }) => !isGone)) return []
      const unseen = known.find(({ isOutOfSight }) => isOutOfSight)
      if (unseen) {
        const why = `what told of ${unseen.name}, which used it, was disconnected`
        return [{ entityId: id, outcome: 'unknown', why }]
      }
      const who = known.map(({ name }) => name).sort()
      const why = `${who.slice(0, 3).join(', ')} used it and ${who.length === 1 ? 'is' : 'are'} gone; ${countText(credentials.length, 'credential stands', 'credentials stand')}`
      return [{ entityId: id, outcome: 'fails', why }]
    })
  },
})
