import type { Io } from '../../core/contract/io.ts'
import { repositoryKey } from '../../core/contract/repository-key.ts'
import type { Tx } from '../../core/store/store.ts'
import { merge } from './merge.ts'

/**
 * A repository that a text named is the connected one that is called so, by its path, by where it was cloned from, or at its
 * host; nothing is concluded where several are.
 */
export async function linkRepositories(tx: Tx, io: Pick<Io, 'now' | 'random'>): Promise<void> {
  const named = await tx
    .selectFrom('entity')
    .select(['id', 'native'])
    .where('system', '=', 'git')
    .where('kind', '=', 'repository')
    .where('instance', 'like', '?%')
    .where('merged_into', 'is', null)
    .execute()
  if (named.length === 0) return
  const names = await tx
    .selectFrom('entity')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select(['entity.id', 'entity.system', 'name.name'])
    .where('entity.system', 'in', ['git', 'github', 'gitlab'])
    .where('entity.kind', 'in', ['repository', 'project'])
    .where('entity.instance', 'not like', '?%')
    .where('entity.merged_into', 'is', null)
    .execute()
  const bearers = Map.groupBy(names, ({ name }) => repositoryKey(name))
  for (const { id, native } of named) {
    const key = native.slice(1)
    // A clone has the content that is told of; the host itself is meant where there is none.
    const all = bearers.get(key) ?? []
    const clones = all.filter(({ system }) => system === 'git')
    const found = new Set((clones.length > 0 ? clones : all).map(bearer => bearer.id))
    const [into] = found
    if (into === undefined || found.size > 1) continue
    await merge(tx, io, id, into, `a report names the repository ${key}, and one of that name is connected`)
  }
}
