import type { Ownership } from '../../ownership/weigh.ts'
import { defineCheck } from '../check.ts'
import { because, owned, suspensionNote } from './owned.ts'

export const ownerConflict = defineCheck<Ownership>({
  id: 'owner-conflict',
  title: 'Two owners are nearly as likely',
  why: 'Each takes the other for who answers, and in an emergency nobody does. Often it moved to another team, and not all texts did.',
  fix: 'Ask both, and say who it is: firebreak owner set IDENTITY OWNER. Then correct the text that is wrong.',
  severity: 'low',
  frameworks: ['NHI1:2025'],
  takesNothing: true,
  population: owned,
  async find(context, population) {
    const noteOf = await suspensionNote(context)
    return [...population].flatMap(([entityId, { state, candidates }]) => {
      if (state !== 'conflict') return []
      const [first, ...others] = candidates.filter(({ party }) => !party.hasLeft)
      const second = others.find(
        ({ party }) => !party.teams.includes(first!.party.key) && !first!.party.teams.includes(party.key),
      )
      if (!first || !second) return []
      const why = [first, second].map(({ party, signs }) => `${party.name} (${because(signs)})`).join(', or ')
      return [{ entityId, outcome: 'fails' as const, why: `it is ${why}${noteOf(entityId)}` }]
    })
  },
})
