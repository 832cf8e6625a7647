import { defineCheck, type Judgement } from '../check.ts'
import { type Standing, standing } from './standing.ts'

export const credentialInPersonalFile = defineCheck<Standing>({
  id: 'credential-in-personal-file',
  title: 'A person uses the credential of a program',
  why: 'It stands where a person’s own shell and tools keep what was typed: what that person did cannot be told from what the program does.',
  fix: 'Give the person a login of their own with a second factor, take the file’s line away, and rotate the credential.',
  severity: 'medium',
  frameworks: ['NHI10:2025'],
  population: standing,
  async find(_, population) {
    return [...population].flatMap(([entityId, one]): Judgement[] => {
      const place = one.placeOf('personal')
      return place === undefined ? [] : [{ entityId, outcome: 'fails', why: `it stands in ${place}` }]
    })
  },
})
