import type { Ownership } from '../../ownership/weigh.ts'
import { type CheckContext, defineCheck, type Judgement } from '../check.ts'
import { because, owned, suspensionNote } from './owned.ts'

export const ownerDeparted = defineCheck<Ownership>({
  id: 'owner-departed',
  title: 'Whoever owned an identity has left',
  why: 'Who left may still know its secret, and nobody who is there answers for it.',
  fix: 'Hand all of theirs over at once: firebreak owner handover WHO TO; rotate what they knew, and remove what nobody needs.',
  severity: 'high',
  frameworks: ['NHI1:2025'],
  population: owned,
  async find(context, population) {
    const noteOf = await suspensionNote(context)
    const isTold = await whoLeftIsTold(context)
    return [...population].flatMap(([entityId, { state, answers, candidates }]): Judgement[] => {
      if (!isTold && answers)
        return [{ entityId, outcome: 'unknown', why: 'no list of people tells who left' }]
      if (state !== 'departed' || !answers) return []
      const signs = candidates.find(({ party }) => party.key === answers.key)?.signs ?? []
      const why = `it was ${answers.name}’s, who left: ${because(signs)}${noteOf(entityId)}`
      return [{ entityId, outcome: 'fails' as const, why }]
    })
  },
})

/** Whether any list tells of a person, there or gone. */
async function whoLeftIsTold({ db }: CheckContext): Promise<boolean> {
  const person = await db
    .selectFrom('entity')
    .select('id')
    .where('system', '=', 'people')
    .where('kind', '=', 'person')
    .limit(1)
    .executeTakeFirst()
  return person !== undefined
}
