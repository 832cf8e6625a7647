import { defineCheck, type Judgement } from '../check.ts'
import { DAY_MS, since, timeOf, type Told, usable } from './told.ts'

const MOST_DAYS = 365

export const credentialOld = defineCheck<Told>({
  id: 'credential-old',
  title: 'A credential has not been rotated for a year',
  why: 'Whoever got hold of it in all that time can still use it: a former colleague, an old backup, a laptop that was sold.',
  fix: 'Rotate it, the users first: firebreak contain CREDENTIAL --graceful, or replace it by one that expires by itself.',
  severity: 'medium',
  frameworks: ['NHI7:2025'],
  population: usable,
  async find({ now }, population) {
    return [...population.values()].flatMap(({ id, facts }): Judgement[] => {
      const created = timeOf(facts.get('created'))
      if (created === undefined)
        return [{ entityId: id, outcome: 'unknown', why: 'its system does not tell when it was made' }]
      if (now - created <= MOST_DAYS * DAY_MS) return []
      return [{ entityId: id, outcome: 'fails', why: `it was made on ${since(created, now)}` }]
    })
  },
})
