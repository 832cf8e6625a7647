import { DAY_MS } from '../../../core/contract/ref.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { since, those, timeOf, type Told } from './told.ts'

const LATELY_DAYS = 90

export const consolePasswordInUse = defineCheck<Told>({
  id: 'console-password-in-use',
  title: 'A person logs in to the console as what programs use',
  why: 'What a person did cannot be told from what the program does, and leaving takes nothing away from who knows the password.',
  fix: 'Give the person a login of their own with a second factor, and take the console password away from the account with keys.',
  severity: 'high',
  frameworks: ['NHI10:2025'],
  population: context =>
    those(context, ({ type, facts }) => type === 'identity' && Number(facts.get('accessKeys') ?? 0) > 0),
  async find({ now }, population) {
    return [...population.values()].flatMap(({ id, facts }): Judgement[] => {
      const has = facts.get('hasConsolePassword')
      if (has === undefined)
        return [{ entityId: id, outcome: 'unknown', why: 'whether it has a console password is not told' }]
      const at = timeOf(facts.get('passwordLastUsed'))
      if (has !== true || at === undefined || now - at > LATELY_DAYS * DAY_MS) return []
      const why = `it has access keys, and its console password was used on ${since(at, now)}`
      return [{ entityId: id, outcome: 'fails', why }]
    })
  },
})
