import { defineCheck, type Judgement } from '../check.ts'
import { agesOf, olderThan, usableThere } from './age.ts'
import type { Told } from './told.ts'

const MOST_DAYS = 365

export const credentialOld = defineCheck<Told>({
  id: 'credential-old',
  title: 'A credential has not been rotated for a year',
  why: 'Whoever got hold of it in all that time can still use it: a former colleague, an old backup, a laptop that was sold.',
  fix: 'Rotate it, the users first: firebreak contain CREDENTIAL, or replace it by one that expires by itself.',
  severity: 'medium',
  frameworks: ['NHI7:2025'],
  async population(context) {
    return new Map((await usableThere(context)).map(one => [one.id, one]))
  },
  async find(context, population) {
    const ageOf = await agesOf(context, population.values())
    return [...population.values()].flatMap((one): Judgement[] => {
      const old = olderThan(ageOf(one), MOST_DAYS, context.now)
      return old ? [{ entityId: one.id, ...old }] : []
    })
  },
})
