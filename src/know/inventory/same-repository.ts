import { repositoryKey } from '../../core/contract/repository-key.ts'
import type { Db } from '../../core/store/store.ts'

/** One thing of which several sources tell: a repository at its host, a clone of it, and the clone's working tree. */
export interface Repository {
  readonly id: string
  readonly system: string
  readonly instance: string
  readonly native: string
}

export interface SameRepository {
  readonly of: Repository
  /** What tells more surely which repository it is. */
  readonly is: Repository
}

/** The surest last: a tree knows only its path, a clone where it was cloned from, the host what it has. */
const SURER: readonly (readonly string[])[] = [['directory'], ['git'], ['github', 'gitlab']]
const SYSTEMS = SURER.flat()

/**
 * Which is which, by where it lies or was cloned from; of several that a name fits nothing is concluded, as of a clone that has
 * a fork and its origin for remotes.
 */
export async function sameRepositories(db: Db): Promise<SameRepository[]> {
  const rows = await db
    .selectFrom('entity')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select(['entity.id', 'entity.system', 'entity.instance', 'entity.native', 'name.name'])
    .where('entity.system', 'in', SYSTEMS)
    .where('entity.kind', 'in', ['repository', 'project', 'tree'])
    .where('entity.instance', 'not like', '?%')
    .where('entity.merged_into', 'is', null)
    .where('entity.gone_at', 'is', null)
    .orderBy('entity.id')
    .execute()
  const byKey = Map.groupBy(
    rows.flatMap(({ name, ...repository }) => {
      const key = repositoryKey(name)
      return key === undefined ? [] : [{ key, repository }]
    }),
    ({ key }) => key,
  )
  const found = new Map<string, Map<string, SameRepository>>()
  for (const bearers of byKey.values())
    for (const { repository: of } of bearers)
      for (const { repository: is } of bearers) {
        if (rankOf(is) !== rankOf(of) + 1) continue
        const known = found.get(of.id) ?? new Map<string, SameRepository>()
        found.set(of.id, known.set(is.id, { of, is }))
      }
  return [...found.values()].flatMap(fitting => (fitting.size === 1 ? [...fitting.values()] : []))
}

function rankOf({ system }: Repository): number {
  return SURER.findIndex(systems => systems.includes(system))
}
