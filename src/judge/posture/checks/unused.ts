import { DAY_MS } from '../../../core/contract/ref.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { isUsable, since, those, timeOf, type Told } from './told.ts'

const MOST_DAYS = 90
const LEAST_AGE_DAYS = 30

/** A credential, or an identity that has no credential of its own and is used by becoming it. */
export const unused = defineCheck<Told>({
  id: 'unused',
  title: 'Nobody has used it for three months',
  why: 'What nobody needs is only of use to who steals it, and nobody would notice.',
  fix: 'Ask its owner; suspend it first, and remove it when nobody complained for a month.',
  severity: 'medium',
  frameworks: ['NHI1:2025'],
  population: context =>
    those(
      context,
      one =>
        (one.type === 'identity' && one.facts.has('lastUsed')) ||
        // Where a kind tells it of some, of the others it is not known.
        (isUsable(one, context.now) && one.facts.has('lastUsed')),
    ),
  async find({ now }, population) {
    return [...population.values()].flatMap(({ id, facts }): Judgement[] => {
      const said = facts.get('lastUsed')
      const at = timeOf(said)
      const created = timeOf(facts.get('created'))
      if (said === 'never' && created !== undefined && now - created > LEAST_AGE_DAYS * DAY_MS)
        return [{ entityId: id, outcome: 'fails', why: `it was never used since ${since(created, now)}` }]
      if (said === 'never' && created === undefined)
        return [
          { entityId: id, outcome: 'unknown', why: 'it was never used, and when it was made is not told' },
        ]
      if (said !== 'never' && at === undefined)
        return [{ entityId: id, outcome: 'unknown', why: 'when it was used last cannot be read' }]
      if (at === undefined || now - at <= MOST_DAYS * DAY_MS) return []
      return [{ entityId: id, outcome: 'fails', why: `it was used last on ${since(at, now)}` }]
    })
  },
})
