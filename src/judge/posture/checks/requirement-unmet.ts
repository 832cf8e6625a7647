import { countText } from '../../../core/contract/count-text.ts'
import { DAY_MS } from '../../../core/contract/ref.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { owned } from './owned.ts'
import { kindOf, type Profiled, requiring } from './required.ts'
import { timeOf, usable } from './told.ts'

const OWNED = ['confirmed', 'confident', 'likely']

export const requirementUnmet = defineCheck<Profiled>({
  id: 'requirement-unmet',
  title: 'An identity lacks what is required of its kind',
  why: 'Nobody can tell whether it is still needed, or ask whoever would know: it stays for ever.',
  fix: 'Say it: firebreak set IDENTITY purpose TEXT, firebreak owner set IDENTITY OWNER; or give its credentials an end.',
  severity: 'medium',
  frameworks: ['NHI1:2025', 'NHI7:2025'],
  takesNothing: true,
  population: context =>
    requiring(
      context,
      ({ owner, purpose, vendorContact, expiryDays }) =>
        owner || purpose || vendorContact || expiryDays !== undefined,
    ),
  async find(context, population) {
    if (population.size === 0) return []
    const ownership = await owned(context)
    const credentials = Map.groupBy(
      [...(await usable(context)).values()].filter(one => one.identityId !== undefined),
      ({ identityId }) => identityId!,
    )
    return [...population].flatMap(([id, one]): Judgement[] => {
      const { owner, purpose, vendorContact, expiryDays } = one.required!
      const missing: string[] = []
      if (owner && !OWNED.includes(ownership.get(id)?.state ?? '')) missing.push('an owner')
      if (purpose && !one.profile.purpose) missing.push('a purpose')
      if (vendorContact && !one.profile.vendorContact) missing.push('a vendor contact')
      if (expiryDays !== undefined) {
        const most = context.now + expiryDays * DAY_MS
        const said = timeOf(one.profile.expiry?.value)
        const late = (credentials.get(id) ?? []).filter(({ facts }) => {
          const end = timeOf(facts.get('expires')) ?? said
          return end === undefined || end > most
        })
        const count = countText(late.length, 'credential')
        const never = one.profile.expiry?.value === 'never' ? `, not never (${one.profile.expiry.why})` : ''
        if (late.length > 0)
          missing.push(`an end within ${countText(expiryDays, 'day')} for ${count}${never}`)
      }
      if (missing.length === 0) return []
      return [{ entityId: id, outcome: 'fails', why: `${kindOf(one)} needs ${missing.join(', ')}` }]
    })
  },
})
