import { loadRoots } from '../../../know/inventory/roots.ts'
import { defineCheck, type Judgement } from '../check.ts'

/** The workloads that run as it, by what people call them. */
type Workloads = readonly string[]

const MOST_SHOWN = 4

export const workloadsShareIdentity = defineCheck<Workloads>({
  id: 'workloads-share-identity',
  title: 'Several workloads run as one identity',
  why: 'Each has what any of them needs; which of them did something cannot be told, and cutting off one cuts off all.',
  fix: 'Give each workload an identity of its own with what it needs, and let the shared one go when nothing runs as it.',
  severity: 'medium',
  frameworks: ['NHI9:2025'],
  async population({ db }) {
    const roots = await loadRoots(db)
    const rows = await db
      .selectFrom('edge')
      .innerJoin('entity as workload', 'workload.id', 'edge.from_id')
      .innerJoin('entity as identity', 'identity.id', 'edge.to_id')
      .select(['edge.to_id', 'workload.id', 'workload.native'])
      .where('edge.crossing', '=', 'runs-as')
      .where('edge.gone_at', 'is', null)
      .where('workload.type', '=', 'workload')
      // A pod belongs to what started it, which is told too.
      .where('workload.kind', '<>', 'pod')
      .where('workload.gone_at', 'is', null)
      .where('identity.type', '=', 'identity')
      .where('identity.gone_at', 'is', null)
      .orderBy('workload.native')
      .execute()
    const found = new Map<string, Map<string, string>>()
    for (const { to_id, id, native } of rows) {
      const own = found.get(roots.of(to_id)) ?? new Map<string, string>()
      // A mark of what only a text names is no part of what people call it.
      found.set(roots.of(to_id), own.set(roots.of(id), native.replace(/^\?/, '')))
    }
    return new Map([...found].map(([id, own]) => [id, [...own.values()]]))
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, workloads]): Judgement[] => {
      if (workloads.length < 2) return []
      const more = workloads.length - MOST_SHOWN
      const shown = `${workloads.slice(0, MOST_SHOWN).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
      return [{ entityId, outcome: 'fails', why: `${workloads.length} workloads run as it: ${shown}` }]
    })
  },
})
