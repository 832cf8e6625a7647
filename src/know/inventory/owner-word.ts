import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import { membersOf, rootOf } from './merge.ts'

export interface OwnerWord {
  readonly entityId: string
  readonly owner: string
  /** Who says so. */
  readonly by: string
  readonly why?: string | undefined
  /** Who answered for it before, where that was another one. */
  readonly from?: string | undefined
}

/** A person's word for whose a thing is: it outranks what texts say, and replaces what was said before. */
export async function sayOwner(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  { entityId, owner, by, why, from }: OwnerWord,
): Promise<void> {
  const entity_id = await rootOf(tx, entityId)
  const at = io.now().getTime()
  await endWords(tx, entity_id, at)
  await tx
    .insertInto('confirmation')
    .values({
      id: newId(io),
      entity_id,
      owner,
      said_by: by,
      why: why ?? null,
      handed_from: from ?? null,
      at,
      ended_at: null,
    })
    .execute()
  const body = { owner, by, ...(why !== undefined && { why }), ...(from !== undefined && { from }) }
  await record(tx, io, { kind: 'owner.confirmed', subject: entity_id, body })
}

/** What persons say of things that stand for one, the latest first. */
export async function wordsOn(
  db: Db,
  entityIds: readonly string[],
): Promise<{ owner: string; source: string }[]> {
  const words = await db
    .selectFrom('confirmation')
    .select(['owner', 'said_by'])
    .where('entity_id', 'in', entityIds)
    .where('ended_at', 'is', null)
    .orderBy('at', 'desc')
    .execute()
  return words.map(({ owner, said_by }) => ({ owner, source: confirmedBy(said_by) }))
}

export function confirmedBy(person: string): string {
  return `confirmed by ${person}`
}

/** What was said holds no more: texts are asked again. Gives whether anything had been said. */
export async function takeBackOwner(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  entityId: string,
  by: string,
): Promise<boolean> {
  const entity_id = await rootOf(tx, entityId)
  const ended = await endWords(tx, entity_id, io.now().getTime())
  if (ended) await record(tx, io, { kind: 'owner.taken-back', subject: entity_id, body: { by } })
  return ended
}

async function endWords(tx: Tx, entityId: string, at: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('confirmation')
    .set({ ended_at: at })
    .where('entity_id', 'in', await membersOf(tx, [entityId]))
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}
