import type { Io } from '../../core/contract/io.ts'
import type { Tx } from '../../core/store/store.ts'
import { membersOf, rootOf } from './merge.ts'
import { sayOwner } from './owner-word.ts'
import { namesOf } from './queries.ts'
import { loadRoots } from './roots.ts'
import { say, wordsById } from './word.ts'

/**
 * What persons said of one identity holds for the one that takes its place: a sibling would be nobody's, and without a purpose,
 * although nothing changed but the name. What was said of that one itself stands.
 */
export async function carryWords(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  fromId: string,
  toId: string,
): Promise<void> {
  const [from, to] = [await rootOf(tx, fromId), await rootOf(tx, toId)]
  if (from === to) return
  const [name = from] = await namesOf(tx, from)
  const why = `it stands in the place of ${name}`
  const ownersOf = async (id: string) =>
    await tx
      .selectFrom('confirmation')
      .select(['owner', 'said_by'])
      .where('entity_id', 'in', await membersOf(tx, [id]))
      .where('ended_at', 'is', null)
      .orderBy('at', 'desc')
      .execute()
  const [owner] = await ownersOf(from)
  if (owner && (await ownersOf(to)).length === 0)
    await sayOwner(tx, io, { entityId: to, owner: owner.owner, by: owner.said_by, why })
  const words = await wordsById(tx, await loadRoots(tx))
  const own = new Set(words.get(to)?.map(word => word.name))
  for (const { name: word, value, by } of words.get(from) ?? [])
    if (!own.has(word)) await say(tx, io, { entityId: to, name: word, value, by, why })
}
