import { matchesGlob } from 'node:path'
import { type CredentialView, listCredentials } from '../../../know/inventory/queries.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { kindOf, profiled } from './required.ts'

const MOST_SHOWN = 3

export const storeNotAllowed = defineCheck<CredentialView>({
  id: 'store-not-allowed',
  title: 'A credential stands in a store that its kind may not be in',
  why: 'Where it stands decides who can read it, and whether anybody hears of that.',
  fix: 'Move it to a store that the requirements name, and rotate it: whoever could read the old place has it.',
  severity: 'high',
  frameworks: ['NHI2:2025'],
  async population(context) {
    const identities = await profiled(context)
    const required = [...identities.values()].some(one => one.required?.stores)
    if (!required) return new Map()
    const views = (await listCredentials(context.db, context.keys)).filter(
      ({ identity, state }) => state !== 'dead' && identities.get(identity?.id ?? '')?.required?.stores,
    )
    return new Map(views.map(view => [view.id, view]))
  },
  async find(context, population) {
    const identities = await profiled(context)
    const sources = new Map(
      (await context.db.selectFrom('source').select(['id', 'system', 'label']).execute()).map(
        ({ id, system, label }) => [id, `${system}:${label}`],
      ),
    )
    return [...population.values()].flatMap((view): Judgement[] => {
      const identity = identities.get(view.identity!.id)!
      const stores = identity.required!.stores!
      const places = view.copies
        .filter(copy => copy.goneAt === undefined && copy.reportOf === undefined)
        .map(copy => `${sources.get(copy.sourceId)}/${copy.place.path}`)
      const wrong = [...new Set(places)]
        .filter(place => !stores.some(glob => matchesGlob(place, glob)))
        .sort()
      if (wrong.length === 0) return []
      const more = wrong.length - MOST_SHOWN
      const shown = `${wrong.slice(0, MOST_SHOWN).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
      return [
        { entityId: view.id, outcome: 'fails', why: `that of ${kindOf(identity)} may not stand in ${shown}` },
      ]
    })
  },
})
