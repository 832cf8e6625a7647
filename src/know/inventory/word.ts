import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import { membersOf, rootOf } from './merge.ts'
import type { Roots } from './roots.ts'

/** What a person may say of an identity; whose it is has a word of its own. */
export const WORD_NAMES = [
  'class',
  'purpose',
  'environment',
  'expiry',
  'vendor',
  'vendor-contact',
  'data-class',
] as const
export type WordName = (typeof WORD_NAMES)[number]

export interface Word {
  readonly entityId: string
  readonly name: WordName
  readonly value: string
  readonly by: string
  readonly why?: string | undefined
}

export interface SaidWord {
  readonly name: WordName
  readonly value: string
  readonly by: string
  readonly why: string | null
  readonly at: Ms
}

/** It outranks what systems and texts tell, and replaces what was said before. */
export async function say(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  { entityId, name, value, by, why }: Word,
): Promise<void> {
  const entity_id = await rootOf(tx, entityId)
  const at = io.now().getTime()
  await endWords(tx, entity_id, name, at)
  await tx
    .insertInto('word')
    .values({ id: newId(io), entity_id, name, value, said_by: by, why: why ?? null, at, ended_at: null })
    .execute()
  const body = { name, value, by, ...(why !== undefined && { why }) }
  await record(tx, io, { kind: 'word.said', subject: entity_id, body })
}

/** Gives whether anything had been said. */
export async function takeBack(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  { entityId, name, by }: Pick<Word, 'entityId' | 'name' | 'by'>,
): Promise<boolean> {
  const entity_id = await rootOf(tx, entityId)
  const ended = await endWords(tx, entity_id, name, io.now().getTime())
  if (ended) await record(tx, io, { kind: 'word.taken-back', subject: entity_id, body: { name, by } })
  return ended
}

async function endWords(tx: Tx, entityId: string, name: WordName, at: Ms): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('word')
    .set({ ended_at: at })
    .where('entity_id', 'in', await membersOf(tx, [entityId]))
    .where('name', '=', name)
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** What stands, by the thing's id. */
export async function wordsById(db: Db, roots: Roots): Promise<ReadonlyMap<string, readonly SaidWord[]>> {
  const rows = await db.selectFrom('word').selectAll().where('ended_at', 'is', null).orderBy('at').execute()
  const words = rows.flatMap(({ entity_id, name, value, said_by, why, at }) => {
    const known = WORD_NAMES.find(one => one === name)
    return known === undefined ? [] : [{ id: roots.of(entity_id), name: known, value, by: said_by, why, at }]
  })
  return Map.groupBy(words, ({ id }) => id)
}
