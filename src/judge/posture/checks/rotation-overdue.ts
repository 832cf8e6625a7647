import type { Ms } from '../../../core/contract/ref.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { firstSeen } from '../../requirements/first-seen.ts'
import { type CheckContext, defineCheck, type Judgement } from '../check.ts'
import { kindOf, profiled, requiring } from './required.ts'
import { credentialRows, DAY_MS, isUsable, since, those, timeOf, type Told } from './told.ts'

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
    const seen = await seenSince(context, population)
    return [...population.values()].flatMap(({ id, identityId, facts }): Judgement[] => {
      const identity = identities.get(identityId!)!
      const most = identity.required!.rotationDays!
      const made = timeOf(facts.get('created'))
      const at = made ?? seen.get(id)
      const isOld = at !== undefined && context.now - at > most * DAY_MS
      if (!isOld) {
        if (made !== undefined) return []
        return [{ entityId: id, outcome: 'unknown', why: 'its system does not tell when it was made' }]
      }
      const how = made === undefined ? 'its value has stood at least since' : 'it was made on'
      const why = `that of ${kindOf(identity)} is rotated every ${most} days, and ${how} ${since(at, context.now)}`
      return [{ entityId: id, outcome: 'fails', why }]
    })
  },
})

/** Of those of which no system tells when they were made: since when their value was seen. They are that old at least. */
async function seenSince(
  context: CheckContext,
  population: ReadonlyMap<string, Told>,
): Promise<ReadonlyMap<string, Ms>> {
  const untold = [...population.values()].filter(({ facts }) => timeOf(facts.get('created')) === undefined)
  if (untold.length === 0) return new Map()
  const roots = await loadRoots(context.db)
  const asked = new Set(untold.map(({ id }) => id))
  const values = (await credentialRows(context)).flatMap(({ id, fingerprint }) =>
    fingerprint !== undefined && asked.has(roots.of(id)) ? [{ id: roots.of(id), fingerprint }] : [],
  )
  const seen = await firstSeen(
    context.db,
    values.map(({ fingerprint }) => fingerprint),
  )
  const found = new Map<string, Ms>()
  for (const { id, fingerprint } of values) {
    const at = seen.get(fingerprint)
    if (at !== undefined) found.set(id, Math.min(at, found.get(id) ?? at))
  }
  return found
}
