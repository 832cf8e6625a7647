import { defineCheck, type Judgement } from '../check.ts'
import { type Standing, standing } from './standing.ts'

export const environmentsMixed = defineCheck<Standing>({
  id: 'environments-mixed',
  title: 'One credential is used in production and elsewhere',
  why: 'What is looser guarded, where people try things out, opens production.',
  fix: 'Give each environment an identity of its own, and let the other one lose its right to production.',
  severity: 'high',
  frameworks: ['NHI8:2025'],
  async population(context) {
    const all = [...(await standing(context))]
    return new Map(all.filter(([, one]) => one.isIn('production') || one.isIn('other')))
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, one]): Judgement[] => {
      const [production, other] = [one.placeOf('production'), one.placeOf('other')]
      if (production === undefined || other === undefined) {
        // What names no environment may be of the other one.
        const unnamed = one.placeOf('unnamed')
        if (unnamed === undefined) return []
        const why = `it stands in ${production ?? other}, and of which environment ${unnamed} is, nobody tells`
        return [{ entityId, outcome: 'unknown', why }]
      }
      return [{ entityId, outcome: 'fails', why: `it stands in ${production} and in ${other}` }]
    })
  },
})
