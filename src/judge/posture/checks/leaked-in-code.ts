import { defineCheck, type Judgement } from '../check.ts'
import { copied } from './copied.ts'
import { CODE } from './copied-values.ts'
import { type Standing, standing } from './standing.ts'

export const leakedInCode = defineCheck<Standing>({
  id: 'leaked-in-code',
  title: 'A credential stands in code',
  why: 'Everyone who may read the code has it, so has every clone, and taking it out of the newest version takes it from nobody.',
  fix: 'Contain it: firebreak contain CREDENTIAL. Then let the program read it from a store, and stop the next one before it is pushed: firebreak scan --staged.',
  severity: 'high',
  frameworks: ['NHI2:2025'],
  population: standing,
  async find(context, population) {
    const isRead = (await copied(context)).places.has(CODE)
    return [...population].flatMap(([entityId, one]): Judgement[] => {
      if (!isRead) return [{ entityId, outcome: 'unknown', why: 'no repository and no image was read' }]
      const place = one.placeOf('code')
      return place === undefined ? [] : [{ entityId, outcome: 'fails', why: `it stands in ${place}` }]
    })
  },
})
