import { type CredentialView, listCredentials } from '../../../know/inventory/queries.ts'
import { isAllowedStore } from '../../requirements/allowed-stores.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { kindOf, profiled, requiring } from './required.ts'

const MOST_SHOWN = 3

export const storeNotAllowed = defineCheck<CredentialView>({
  id: 'store-not-allowed',
  title: 'A credential stands in a store that its kind may not be in',
  why: 'Where it stands decides who can read it, and whether anybody hears of that.',
  fix: 'Move it to a store that the requirements name, and rotate it: whoever could read the old place has it.',
  severity: 'high',
  frameworks: ['NHI2:2025'],
  async population(context) {
    const identities = await requiring(context, ({ stores }) => stores !== undefined)
    if (identities.size === 0) return new Map()
    const views = (await listCredentials(context.db, context.keys)).filter(
      ({ identity, state }) => state !== 'dead' && identities.has(identity?.id ?? ''),
    )
    return new Map(views.map(view => [view.id, view]))
  },
  async find(context, population) {
    if (population.size === 0) return []
    const identities = await profiled(context)
    const sources = new Map(
      (await context.db.selectFrom('source').select(['id', 'system', 'label']).execute()).map(one => [
        one.id,
        one,
      ]),
    )
    return [...population.values()].flatMap((view): Judgement[] => {
      const identity = identities.get(view.identity!.id)!
      const stores = identity.required!.stores!
      const wrong = new Set<string>()
      for (const { goneAt, reportOf, sourceId, place } of view.copies) {
        if (goneAt !== undefined || reportOf !== undefined) continue
        const { system, label } = sources.get(sourceId)!
        if (!isAllowedStore({ system, label, path: place.path }, stores))
          wrong.add(`${system}:${label}/${place.path}`)
      }
      if (wrong.size === 0) return []
      const more = wrong.size - MOST_SHOWN
      const shown = `${[...wrong].sort().slice(0, MOST_SHOWN).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
      return [
        { entityId: view.id, outcome: 'fails', why: `that of ${kindOf(identity)} may not stand in ${shown}` },
      ]
    })
  },
})
