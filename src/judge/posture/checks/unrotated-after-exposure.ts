import { DAY_MS } from '../../../core/contract/ref.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { exposed } from './exposed.ts'
import { since, timeOf, type Told, usable } from './told.ts'

interface Subject {
  readonly told: Told
  readonly firstSeen: number
}

/** What was taken out of the code again is as well known as what stands there. */
export const unrotatedAfterExposure = defineCheck<Subject>({
  id: 'unrotated-after-exposure',
  title: 'A credential was seen where others read it, and is still the same',
  why: 'Whoever read that place has had it since; most leaked credentials are tried within minutes.',
  fix: 'Contain it: firebreak contain CREDENTIAL puts another in its place, revokes it, and proves that it is dead.',
  severity: 'critical',
  frameworks: ['NHI2:2025', 'NHI7:2025'],
  async population(context) {
    const told = await usable(context)
    return new Map(
      (await exposed(context)).flatMap(({ id, firstSeen }) => {
        const own = told.get(id)
        return own ? [[id, { told: own, firstSeen }] as const] : []
      }),
    )
  },
  async find({ now }, population) {
    return [...population].flatMap(([entityId, { told, firstSeen }]): Judgement[] => {
      const created = timeOf(told.facts.get('created'))
      const at = since(firstSeen, now)
      if (created !== undefined && created > firstSeen) return []
      // One that is a day old may be in somebody’s hands.
      if (now - firstSeen <= DAY_MS) return []
      return told.state === 'live' || created !== undefined
        ? [{ entityId, outcome: 'fails', why: `it was seen first on ${at}, and nothing has replaced it` }]
        : [
            {
              entityId,
              outcome: 'unknown',
              why: `it was seen first on ${at}; whether it is still accepted is not known`,
            },
          ]
    })
  },
})
