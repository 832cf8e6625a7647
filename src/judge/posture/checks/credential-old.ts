import { defineCheck, type Judgement } from '../check.ts'
import { agesOf, usableThere } from './age.ts'
import { DAY_MS, since, type Told } from './told.ts'

const MOST_DAYS = 365

export const credentialOld = defineCheck<Told>({
  id: 'credential-old',
  title: 'A credential has not been rotated for a year',
  why: 'Whoever got hold of it in all that time can still use it: a former colleague, an old backup, a laptop that was sold.',
  fix: 'Rotate it, the users first: firebreak contain CREDENTIAL --graceful, or replace it by one that expires by itself.',
  severity: 'medium',
  frameworks: ['NHI7:2025'],
  async population(context) {
    return new Map((await usableThere(context)).map(one => [one.id, one]))
  },
  async find(context, population) {
    const { now } = context
    const ageOf = await agesOf(context, population.values())
    return [...population.values()].flatMap((one): Judgement[] => {
      const { since: at, isTold } = ageOf(one)
      if (at === undefined || now - at <= MOST_DAYS * DAY_MS) {
        if (isTold) return []
        return [{ entityId: one.id, outcome: 'unknown', why: 'its system does not tell when it was made' }]
      }
      const how = isTold ? 'it was made on' : 'its value has stood at least since'
      return [{ entityId: one.id, outcome: 'fails', why: `${how} ${since(at, now)}` }]
    })
  },
})
