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
  // The same few answer for very many: each is kept, and sent by a thread, once.
  const sound = new Map<string, Ownership>()
  const take = (id: string, own: Ownership) => {
    const { state, answers } = own
    if (state !== 'confirmed' && state !== 'confident' && state !== 'likely') return void found.set(id, own)
    const key = `${state} ${answers?.key}`
    const kept = sound.get(key) ?? { state, ...(answers && { answers }), candidates: [], unresolved: [] }
    sound.set(key, kept)
    found.set(id, kept)
  }
  await eachOwnership(db, now, take, { identities, copies })
  return found
}
