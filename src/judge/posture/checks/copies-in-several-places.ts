import { join } from 'node:path'
import { z } from 'zod'
import { type Judgement, defineCheck, type CheckContext } from '../check.ts'

interface Stands {
  /** By container. */
  readonly places: readonly string[]
}

const MOST_PLACES = 2
const MOST_SHOWN = 4

export const copiesInSeveralPlaces = defineCheck<Stands>({
  id: 'copies-in-several-places',
  title: 'A credential stands in more than two places',
  why: 'Each copy is one more that leaks, and one more that a rotation forgets, after which something breaks.',
  fix: 'Keep it in one store, and let all others read it from there: firebreak trace CREDENTIAL lists the copies.',
  severity: 'medium',
  frameworks: ['NHI2:2025'],
  async population(context) {
    return await standing(context)
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, { places }]): Judgement[] => {
      if (places.length <= MOST_PLACES) return []
      const more = places.length - MOST_SHOWN
      const shown = `${places.slice(0, MOST_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
      return [{ entityId, outcome: 'fails', why: `it stands in ${places.length} places: ${shown}` }]
    })
  },
})

const rooted = z.looseObject({ path: z.string().optional().catch(undefined) })

/** Credentials that stand anywhere, each with the documents that hold it: counted by the store, and listed where there are many. */
async function standing({ db }: CheckContext): Promise<ReadonlyMap<string, Stands>> {
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .innerJoin('copy', 'copy.fingerprint', 'credential.fingerprint')
    .innerJoin('source', 'source.id', 'copy.source_id')
    .select([
      'credential.entity_id',
      'source.system',
      'source.label',
      'source.config',
      'copy.path',
      'copy.member',
    ])
    .distinct()
    .where('entity.gone_at', 'is', null)
    .where('entity.merged_into', 'is', null)
    .where('credential.state', '<>', 'dead')
    .where('copy.gone_at', 'is', null)
    .where('copy.confidence', '>=', 0.5)
    .where('source.system', '<>', 'report')
    .execute()
  const found = new Map<string, Set<string>>()
  for (const { entity_id, system, label, config, path, member } of rows) {
    const places = found.get(entity_id) ?? new Set<string>()
    // One file of this machine may be seen by several sources.
    const root = system === 'directory' ? rooted.parse(JSON.parse(config)).path : undefined
    const file = root === undefined ? `${system}:${label}/${path}` : join(root, path)
    const place = `${file}${member === '' ? '' : `!/${member}`}`
    found.set(entity_id, places.add(place))
  }
  return new Map([...found].map(([id, places]) => [id, { places: [...places].sort() }]))
}
