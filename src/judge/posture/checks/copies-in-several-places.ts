import { defineCheck, type Judgement } from '../check.ts'
import { type Standing, standing } from './standing.ts'

const MOST_PLACES = 2

export const copiesInSeveralPlaces = defineCheck<Standing>({
  id: 'copies-in-several-places',
  title: 'A credential stands in more than two places',
  why: 'Each copy is one more that leaks, and one more that a rotation forgets, after which something breaks.',
  fix: 'Keep it in one store, and let all others read it from there: firebreak trace CREDENTIAL lists the copies.',
  severity: 'medium',
  frameworks: ['NHI2:2025'],
  async population(context) {
    return new Map([...(await standing(context))].filter(([, { isGone }]) => !isGone))
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, one]): Judgement[] => {
      if (one.places <= MOST_PLACES) return []
      const why = `it stands in ${one.places} places, as in ${one.among.join(' and ')}`
      return [{ entityId, outcome: 'fails', why }]
    })
  },
})
