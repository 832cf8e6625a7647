import { FirebreakError } from '../../core/contract/errors.ts'
import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import { membersOf, rootOf } from './merge.ts'

/**
 * Nothing new is issued to what is held. One run holds a thing once, and two runs never hold the same: raises CONFLICT,
 * so that of two that begin at once for one credential only the first goes on.
 */
export async function setHold(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  entityId: string,
  runId: string | undefined,
  why: string,
): Promise<void> {
  const entity = await rootOf(tx, entityId)
  const held = await heldBy(tx, entity)
  if (held.some(hold => hold.run_id === (runId ?? null))) return
  const other = held.find(hold => hold.run_id !== null)?.run_id
  if (runId !== undefined && other)
    throw new FirebreakError(
      'CONFLICT',
      `it is being contained already, by run ${other}`,
      `wait for that run to end, or go on with it: firebreak contain --resume ${other}`,
    )
  await tx
    .insertInto('hold')
    .values({
      id: newId(io),
      entity_id: entity,
      run_id: runId ?? null,
      why,
      at: io.now().getTime(),
      lifted_at: null,
    })
    .execute()
}

export async function liftHold(tx: Tx, io: Pick<Io, 'now'>, holdId: string): Promise<void> {
  await tx
    .updateTable('hold')
    .set({ lifted_at: io.now().getTime() })
    .where('id', '=', holdId)
    .where('lifted_at', 'is', null)
    .execute()
}

/** All that a run holds. */
export async function liftHolds(tx: Tx, io: Pick<Io, 'now'>, runId: string): Promise<void> {
  await tx
    .updateTable('hold')
    .set({ lifted_at: io.now().getTime() })
    .where('run_id', '=', runId)
    .where('lifted_at', 'is', null)
    .execute()
}

/** Why nothing may be given to it; undefined where nothing holds it. */
export async function whyHeld(db: Db, entityId: string): Promise<string | undefined> {
  const [hold] = await heldBy(db, entityId)
  return hold && `it is held: ${hold.why}${hold.run_id === null ? '' : `, run ${hold.run_id}`}`
}

/** The holds that stand on the entity, or on anything merged into it. */
export async function heldBy(db: Db, entityId: string): Promise<Row<'hold'>[]> {
  return await db
    .selectFrom('hold')
    .selectAll()
    .where('entity_id', 'in', await membersOf(db, [await rootOf(db, entityId)]))
    .where('lifted_at', 'is', null)
    .orderBy('id')
    .execute()
}
