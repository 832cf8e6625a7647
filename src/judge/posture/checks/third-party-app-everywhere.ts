import { z } from 'zod'
import { defineCheck, type Judgement } from '../check.ts'
import { those, type Told } from './told.ts'

const permissions = z.record(z.string(), z.string()).catch({})
/** Who may write these takes the repository over. */
const GRAVE = [
  'administration',
  'workflows',
  'secrets',
  'organization_administration',
  'organization_secrets',
  'members',
]

export const thirdPartyAppEverywhere = defineCheck<Told>({
  id: 'third-party-app-everywhere',
  title: 'An app may change settings, secrets or workflows of every repository',
  why: 'Whoever breaks into its vendor, or gets one of its tokens, has every repository, and what their jobs hold.',
  fix: 'Install it for the repositories that it serves, and take away what it does not need; else remove it.',
  severity: 'high',
  frameworks: ['NHI3:2025', 'NHI5:2025'],
  population: context =>
    those(context, ({ kind, facts }) => kind === 'app-installation' && facts.get('suspended') !== true),
  async find(_, population) {
    return [...population.values()].flatMap(({ id, facts }): Judgement[] => {
      const [repositories, given] = [facts.get('repositories'), facts.get('permissions')]
      if (repositories !== undefined && repositories !== 'all') return []
      // Whoever may not see the installation is not told of it.
      if (repositories === undefined || given === undefined)
        return [{ entityId: id, outcome: 'unknown', why: 'what it may do, and where, is not told' }]
      const may = Object.entries(permissions.parse(given))
      const grave = may
        .filter(([name, level]) => level === 'write' && GRAVE.includes(name))
        .map(([name]) => name)
      if (grave.length === 0) return []
      return [{ entityId: id, outcome: 'fails', why: `it may write ${grave.join(', ')} of all repositories` }]
    })
  },
})
