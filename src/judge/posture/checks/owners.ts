import type { Ms } from '../../../core/contract/ref.ts'
import type { Db } from '../../../core/store/store.ts'
import type { NonHuman } from '../../ownership/non-human.ts'
import { eachOwnership } from '../../ownership/ownership.ts'
import type { CopiedPlace } from '../../ownership/relations.ts'
import type { Ownership } from '../../ownership/weigh.ts'

/** Whose each identity is; of those that are sound no more than that is kept. */
export async function weighAll(
  db: Db,
  now: Ms,
  identities: readonly NonHuman[],
  copies: () => Promise<Iterable<CopiedPlace>>,
): Promise<Map<string, Ownership>> {
  const found = new Map<string, Ownership>()
  const take = (id: string, own: Ownership) => {
    const { state, answers } = own
    const isSound = state === 'confirmed' || state === 'confident' || state === 'likely'
    found.set(id, isSound ? { state, ...(answers && { answers }), candidates: [], unresolved: [] } : own)
  }
  await eachOwnership(db, now, take, { identities, copies })
  return found
}
