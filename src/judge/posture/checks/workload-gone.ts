import { loadRoots } from '../../../know/inventory/roots.ts'
import { workflowUses } from '../../requirements/workflow-uses.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { profiled } from './required.ts'
import { isUsable, told } from './told.ts'

export const workloadGone = defineCheck<readonly string[]>({
  id: 'workload-gone',
  title: 'Whatever used an identity is gone, and its credential is not',
  why: 'Nobody would notice its being used by somebody else, and nobody needs it any more.',
  fix: 'Remove it: firebreak offboard IDENTITY.',
  severity: 'high',
  frameworks: ['NHI1:2025'],
  async population(context) {
    const identities = await profiled(context)
    const usable = (await told(context)).filter(one => isUsable(one, context.now))
    const byIdentity = Map.groupBy(usable, ({ identityId }) => identityId ?? '')
    return new Map(
      [...byIdentity]
        .filter(([id]) => identities.has(id))
        .map(([id, own]) => [id, own.map(credential => credential.id)]),
    )
  },
  async find({ db }, population) {
    const uses = await workflowUses(db, await loadRoots(db), [...population.keys()])
    return [...population].flatMap(([id, credentials]): Judgement[] => {
      const known = uses.get(id) ?? []
      if (known.length === 0 || known.some(({ isGone }) => !isGone)) return []
      const who = known.map(({ name }) => name).sort()
      const why = `${who.slice(0, 3).join(', ')} used it and ${who.length === 1 ? 'is' : 'are'} gone; ${credentials.length} ${credentials.length === 1 ? 'credential stands' : 'credentials stand'}`
      return [{ entityId: id, outcome: 'fails', why }]
    })
  },
})
