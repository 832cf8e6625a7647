import { defineCheck, type Judgement } from '../check.ts'
import { those, type Told } from './told.ts'

export const weakPasswordHash = defineCheck<Told>({
  id: 'weak-password-hash',
  title: 'A database keeps a password so that it can be guessed, or replayed',
  why: 'An MD5 verifier of PostgreSQL is as good as the password to who reads it, and billions of guesses a second are tried against it.',
  fix: 'Set password_encryption to scram-sha-256, and set the password anew; then let pg_hba.conf ask for scram-sha-256.',
  severity: 'high',
  frameworks: ['NHI4:2025'],
  population: context =>
    those(
      context,
      ({ type, system, facts }) => type === 'identity' && system === 'postgres' && facts.has('passwordKind'),
    ),
  async find(_, population) {
    return [...population.values()].flatMap(({ id, facts }): Judgement[] => {
      const kind = facts.get('passwordKind')
      if (kind === 'unknown')
        return [{ entityId: id, outcome: 'unknown', why: 'we may not see how passwords are kept' }]
      return kind === 'md5'
        ? [{ entityId: id, outcome: 'fails', why: 'the server keeps its password as MD5' }]
        : []
    })
  },
})
