import { defineCheck, type Judgement } from '../check.ts'
import { kindOf, profiled, requiring } from './required.ts'
import { DAY_MS, isUsable, since, those, timeOf, type Told } from './told.ts'

export const rotationOverdue = defineCheck<Told>({
  id: 'rotation-overdue',
  title: 'A credential was not rotated in the time that is required',
  why: 'Whoever got hold of it since can still use it; the rule that it breaks was made for that.',
  fix: 'Replace it, its users first: firebreak contain CREDENTIAL; or let it be done by itself: docs/ownership.md.',
  severity: 'medium',
  frameworks: ['NHI7:2025'],
  async population(context) {
    const identities = await requiring(context, ({ rotationDays }) => rotationDays !== undefined)
    return await those(context, one => isUsable(one, context.now) && identities.has(one.identityId ?? ''))
  },
  async find(context, population) {
    if (population.size === 0) return []
    const identities = await profiled(context)
    return [...population.values()].flatMap(({ id, identityId, facts }): Judgement[] => {
      const identity = identities.get(identityId!)!
      const most = identity.required!.rotationDays!
      const made = timeOf(facts.get('created'))
      if (made === undefined)
        return [{ entityId: id, outcome: 'unknown', why: 'its system does not tell when it was made' }]
      if (context.now - made <= most * DAY_MS) return []
      const why = `that of ${kindOf(identity)} is rotated every ${most} days, and it was made on ${since(made, context.now)}`
      return [{ entityId: id, outcome: 'fails', why }]
    })
  },
})
