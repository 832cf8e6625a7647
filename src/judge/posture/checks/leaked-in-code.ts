import { defineCheck, type Judgement } from '../check.ts'
import { type Standing, standing } from './standing.ts'

export const leakedInCode = defineCheck<Standing>({
  id: 'leaked-in-code',
  title: 'A credential stands in code',
  why: 'Everyone who may read the code has it, so has every clone, and taking it out of the newest version takes it from nobody.',
  fix: 'Contain it: firebreak contain CREDENTIAL. Then let the program read it from a store, and stop the next one before it is pushed: firebreak scan --staged.',
  severity: 'high',
  frameworks: ['NHI2:2025'],
  population: standing,
  async find(_, population) {
    return [...population].flatMap(([entityId, { sorts }]): Judgement[] =>
      sorts.code === undefined ? [] : [{ entityId, outcome: 'fails', why: `it stands in ${sorts.code}` }],
    )
  },
})
