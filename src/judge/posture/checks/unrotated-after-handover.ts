import { loadRoots } from '../../../know/inventory/roots.ts'
import { defineCheck, type CheckContext, type Judgement } from '../check.ts'
import { agesOf } from './age.ts'
import { isUsable, since, those, type Told } from './told.ts'

interface Handover {
  readonly from: string
  readonly to: string
  readonly at: number
}

interface Subject {
  readonly told: Told
  readonly handover: Handover
}

/** Whoever answered for an identity could read its secrets, and who answers for it now cannot see what became of them. */
export const unrotatedAfterHandover = defineCheck<Subject>({
  id: 'unrotated-after-handover',
  title: 'A credential is the same as before its owner changed',
  why: 'Whoever owned it before may still have it, and no longer answers for what is done with it.',
  fix: 'Replace it, its users first: firebreak contain CREDENTIAL.',
  severity: 'medium',
  frameworks: ['NHI1:2025', 'NHI7:2025'],
  async population(context) {
    const handovers = await latestHandovers(context)
    const held = await those(
      context,
      one => isUsable(one, context.now) && handovers.has(one.identityId ?? one.id),
    )
    return new Map(
      [...held].map(([id, told]) => [id, { told, handover: handovers.get(told.identityId ?? id)! }]),
    )
  },
  async find(context, population) {
    const ageOf = await agesOf(
      context,
      [...population.values()].map(({ told }) => told),
    )
    return [...population].flatMap(([entityId, { told, handover }]): Judgement[] => {
      const { from, to, at } = handover
      const { since: standsSince, isTold } = ageOf(told)
      if (isTold && standsSince! > at) return []
      const why = `it went from ${from} to ${to} on ${since(at, context.now)}`
      if (isTold) return [{ entityId, outcome: 'fails', why: `${why}, and was made before` }]
      return standsSince !== undefined && standsSince < at
        ? [{ entityId, outcome: 'fails', why: `${why}, and its value was seen before` }]
        : [{ entityId, outcome: 'unknown', why: `${why}; its system does not tell when it was made` }]
    })
  },
})

/** Of each thing that a person gave to another one, the last time; where that word was taken back, nothing was given. */
async function latestHandovers({ db }: CheckContext): Promise<ReadonlyMap<string, Handover>> {
  const said = await db
    .selectFrom('confirmation')
    .select(['entity_id', 'owner', 'handed_from', 'at', 'ended_at'])
    .orderBy('at')
    .orderBy('id')
    .execute()
  const roots = await loadRoots(db)
  const handovers = new Map<string, Handover>()
  for (const [id, words] of Map.groupBy(said, ({ entity_id }) => roots.of(entity_id))) {
    if (words.at(-1)!.ended_at !== null) continue
    const last = words.findLast(({ handed_from }) => handed_from !== null)
    if (last) handovers.set(id, { from: last.handed_from!, to: last.owner, at: last.at })
  }
  return handovers
}
