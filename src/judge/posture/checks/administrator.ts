import { defineCheck, type Judgement } from '../check.ts'
import { everythingGranted, type Granted } from './everything-granted.ts'
import { machines } from './owned.ts'

/** What says that each has everything. */
export const administrator = defineCheck<readonly Granted[]>({
  id: 'administrator',
  title: 'An identity of a machine may do everything there',
  why: 'Whoever has its credential has the whole account, server or organisation. Few programs need more than a part.',
  fix: 'See what it does (firebreak show, last use, logs), give it a role of its own for that, and keep administration for people with a second factor.',
  severity: 'high',
  frameworks: ['NHI5:2025'],
  async population(context) {
    const granted = await everythingGranted(context)
    return new Map((await machines(context)).map(({ id }) => [id, granted.get(id) ?? []]))
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, granted]): Judgement[] => {
      if (granted.length === 0) return []
      const always = granted.filter(({ when }) => when === undefined)
      if (always.length > 0) return [{ entityId, outcome: 'fails', why: told(always.map(({ why }) => why)) }]
      return [
        { entityId, outcome: 'unknown', why: told(granted.map(({ why, when }) => `${why}, if ${when}`)) },
      ]
    })
  },
})

function told(whys: readonly string[]): string {
  return [...new Set(whys)].sort().join('; ')
}
