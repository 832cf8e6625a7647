import { defineCheck, type Judgement } from '../check.ts'
import { agesOf, olderThan, usableThere } from './age.ts'
import { kindOf, profiled, requiring } from './required.ts'
import type { Told } from './told.ts'

export const rotationOverdue = defineCheck<Told>({
  id: 'rotation-overdue',
  title: 'A credential was not rotated in the time that is required',
  why: 'Whoever got hold of it since can still use it; the rule that it breaks was made for that.',
  fix: 'Replace it, its users first: firebreak contain CREDENTIAL; or let it be done by itself: docs/ownership.md.',
  severity: 'medium',
  frameworks: ['NHI7:2025'],
  async population(context) {
    const identities = await requiring(context, ({ rotationDays }) => rotationDays !== undefined)
    if (identities.size === 0) return new Map()
    const own = (await usableThere(context)).filter(({ identityId }) => identities.has(identityId ?? ''))
    return new Map(own.map(one => [one.id, one]))
  },
  async find(context, population) {
    if (population.size === 0) return []
    const identities = await profiled(context)
    const ageOf = await agesOf(context, population.values())
    return [...population.values()].flatMap((one): Judgement[] => {
      const identity = identities.get(one.identityId!)!
      const most = identity.required!.rotationDays!
      const old = olderThan(ageOf(one), most, context.now)
      if (old?.outcome !== 'fails') return old ? [{ entityId: one.id, ...old }] : []
      const why = `that of ${kindOf(identity)} is rotated every ${most} days, and ${old.why}`
      return [{ entityId: one.id, outcome: 'fails', why }]
    })
  },
})
