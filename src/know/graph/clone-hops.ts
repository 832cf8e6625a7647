import type { Db } from '../../core/store/store.ts'
import { sameRepositories } from '../inventory/same-repository.ts'
import type { Hop } from './graph.ts'

/** Who reads a repository at its host reads what stands in a clone of it, as far as that was pushed. A working tree was not. */
export async function cloneHops(db: Db): Promise<Hop[]> {
  const same = await sameRepositories(db)
  return same
    .filter(({ of }) => of.system === 'git')
    .map(({ of, is }) => ({
      from: is.id,
      to: of.id,
      crossing: 'cloned-as',
      certainty: 'conditional' as const,
      condition: 'what stands in the clone was pushed',
      why: 'a clone of it was read, by where it was cloned from',
    }))
}
