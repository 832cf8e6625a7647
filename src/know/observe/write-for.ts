import { FirebreakError } from '../../core/contract/errors.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'

/**
 * What whoever reads a source writes of it, in one transaction. Raises CONFLICT where the source was disconnected since it was
 * begun to be read, whether or not it was connected again: nobody would ever find that what is written then is gone.
 */
export async function writeFor(
  db: Db,
  source: Pick<Row<'source'>, 'id' | 'system' | 'label' | 'epoch'>,
  work: (tx: Tx) => Promise<void>,
): Promise<void> {
  await transaction(db, async tx => {
    const found = await tx
      .selectFrom('source')
      .select(['disconnected_at', 'epoch'])
      .where('id', '=', source.id)
      .executeTakeFirst()
    if (found?.disconnected_at !== null)
      throw new FirebreakError(
        'CONFLICT',
        `${source.system}:${source.label} was disconnected`,
        'firebreak connect, or firebreak scan PATH, makes it a source again',
      )
    if (found.epoch !== source.epoch)
      throw new FirebreakError(
        'CONFLICT',
        `${source.system}:${source.label} was disconnected while it was read, and connected again`,
        'read it again: firebreak observe, or firebreak scan PATH',
      )
    await work(tx)
  })
}
