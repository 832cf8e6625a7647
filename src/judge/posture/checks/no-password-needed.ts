import { defineCheck, type Judgement } from '../check.ts'
import { those, type Told } from './told.ts'

export const noPasswordNeeded = defineCheck<Told>({
  id: 'no-password-needed',
  title: 'A user may log in with any password',
  why: 'Whoever reaches the server has all that the user may, and no trace tells who it was.',
  fix: 'Give it a password (ACL SETUSER NAME resetpass >…), or switch it off where nothing uses it.',
  severity: 'critical',
  frameworks: ['NHI4:2025'],
  population: context => those(context, ({ type, facts }) => type === 'identity' && facts.has('anyPassword')),
  async find(_, population) {
    return [...population.values()].flatMap(({ id, facts }): Judgement[] =>
      facts.get('anyPassword') === true
        ? [{ entityId: id, outcome: 'fails', why: 'it is set to nopass' }]
        : [],
    )
  },
})
