import { loadRoots } from '../../../know/inventory/roots.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { type Told, usable } from './told.ts'

interface Subject {
  readonly told: Told
  /** Why somebody becomes the identity without a key. */
  readonly federation: string
}

export const staticKeyBesideFederation = defineCheck<Subject>({
  id: 'static-key-beside-federation',
  title: 'A static key is live where its workload already logs in without one',
  why: 'The federation was set up so that no key need be kept; as long as the old one is live, whoever has a copy of it gets around all that the federation asks for.',
  fix: 'Look whether anything uses the key still (firebreak show), move that over, and revoke it: firebreak contain CREDENTIAL.',
  severity: 'medium',
  frameworks: ['NHI4:2025', 'NHI7:2025'],
  async population(context) {
    const federations = await federationsOf(context.db)
    return new Map(
      [...(await usable(context))].flatMap(([id, told]) => {
        const federation = federations.get(told.identityId ?? '')
        return federation === undefined ? [] : [[id, { told, federation }] as const]
      }),
    )
  },
  async find(_, population) {
    return [...population].map(
      ([entityId, { told, federation }]): Judgement =>
        told.isListed || told.state === 'live'
          ? { entityId, outcome: 'fails', why: `its identity is used without a key already: ${federation}` }
          : { entityId, outcome: 'unknown', why: 'only a text tells of it; whether it is live is not known' },
    )
  },
})

/** By the identity that tokens of elsewhere become; one of those that do. */
async function federationsOf(db: Parameters<typeof loadRoots>[0]): Promise<ReadonlyMap<string, string>> {
  const roots = await loadRoots(db)
  const edges = await db
    .selectFrom('edge')
    .innerJoin('entity as user', 'user.id', 'edge.from_id')
    .innerJoin('entity as identity', 'identity.id', 'edge.to_id')
    .select(['edge.to_id', 'edge.why'])
    .where('edge.crossing', '=', 'federates-into')
    .where('edge.gone_at', 'is', null)
    .where('user.gone_at', 'is', null)
    .where('identity.type', '=', 'identity')
    .orderBy('edge.why')
    .execute()
  const found = new Map<string, string>()
  for (const { to_id, why } of edges) {
    const id = roots.of(to_id)
    if (!found.has(id)) found.set(id, why)
  }
  return found
}
