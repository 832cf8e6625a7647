import { countText } from '../../../core/contract/count-text.ts'
import { DAY_MS } from '../../../core/contract/ref.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { isUsable, those, timeOf, type Told } from './told.ts'

/** Longer is as good as for ever. */
const MOST_DAYS = 730

export const credentialNeverExpires = defineCheck<Told>({
  id: 'credential-never-expires',
  title: 'A credential that could expire never does',
  why: 'Its system would end it by itself, and was told not to: once lost, it is live until somebody finds out.',
  fix: 'Give it an end, a year away at most, and rotate it before; where the workload can prove who it is, use short-lived credentials.',
  severity: 'medium',
  frameworks: ['NHI7:2025'],
  // Of what has no end by its kind, nothing is to be said.
  population: context =>
    those(context, one => isUsable(one, context.now) && (one.facts.get('expires') ?? null) !== null),
  async find(_, population) {
    return [...population.values()].flatMap(({ id, facts }): Judgement[] => {
      const expires = facts.get('expires')
      if (expires === 'never') return [{ entityId: id, outcome: 'fails', why: 'it was made to expire never' }]
      const [from, to] = [timeOf(facts.get('created')), timeOf(expires)]
      if (from === undefined || to === undefined)
        return [{ entityId: id, outcome: 'unknown', why: 'how long it lives in all is not told' }]
      const days = Math.round((to - from) / DAY_MS)
      if (days <= MOST_DAYS) return []
      return [{ entityId: id, outcome: 'fails', why: `it lives for ${countText(days, 'day')} in all` }]
    })
  },
})
