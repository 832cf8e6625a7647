import { z } from 'zod'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { type CheckContext, defineCheck, type Judgement } from '../check.ts'

/** Of a job, the repositories of the actions that it uses. */
type Used = readonly string[]

export const archivedAction = defineCheck<Used>({
  id: 'archived-action',
  title: 'A job uses an action whose repository is archived',
  why: 'What is found wrong with it stays wrong, in a job that holds credentials.',
  fix: 'Take the successor that its page names, or a few lines of script.',
  severity: 'low',
  frameworks: ['NHI3:2025'],
  async population({ db }) {
    const rows = await db
      .selectFrom('fact')
      .innerJoin('entity', 'entity.id', 'fact.entity_id')
      .select(['entity.id', 'fact.value'])
      .where('entity.kind', '=', 'job')
      .where('entity.gone_at', 'is', null)
      .where('fact.name', '=', 'uses')
      .where('fact.gone_at', 'is', null)
      .orderBy('entity.id')
      .execute()
    const roots = await loadRoots(db)
    const byJob = Map.groupBy(rows, ({ id }) => roots.of(id))
    return new Map(
      [...byJob].flatMap(([id, told]) => {
        const uses = told.flatMap(({ value }) => written.parse(JSON.parse(value)))
        const used = uses.flatMap(one => repositoryOf(one) ?? [])
        return used.length > 0 ? [[id, [...new Set(used)]] as const] : []
      }),
    )
  },
  async find(context, population) {
    const archived = await archivedByName(context)
    return [...population].flatMap(([entityId, used]): Judgement[] => {
      const gone = used.filter(name => archived.get(name) === true)
      if (gone.length > 0) return [{ entityId, outcome: 'fails', why: `archived: ${gone.join(', ')}` }]
      const unasked = used.filter(name => !archived.has(name))
      if (unasked.length === 0) return []
      return [{ entityId, outcome: 'unknown', why: `GitHub was not asked about ${unasked.join(', ')}` }]
    })
  },
})

const written = z.array(z.string()).catch([])

/** `owner/repository` of what is neither of the repository itself nor an image. */
function repositoryOf(uses: string): string | undefined {
  return /^([\w.-]+\/[\w.-]+)(?:\/[^@]*)?@/.exec(uses)?.[1]?.toLowerCase()
}

/** What GitHub told of actions' repositories, and of those that are connected themselves. */
async function archivedByName({ db }: CheckContext): Promise<ReadonlyMap<string, boolean>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select(['name.name', 'fact.value'])
    .where('entity.system', '=', 'github')
    .where('entity.kind', 'in', ['action', 'repository'])
    .where('entity.gone_at', 'is', null)
    .where('fact.name', '=', 'archived')
    .where('fact.gone_at', 'is', null)
    .orderBy('fact.learnt_at')
    .execute()
  return new Map(rows.map(({ name, value }) => [name.toLowerCase(), value === 'true']))
}
