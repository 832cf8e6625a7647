import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { type Listed, restate } from '../inventory/standing.ts'
import { documentsHolding } from './documents-before.ts'
import { writeFor } from './write-for.ts'

/** So many at once: nobody else writes meanwhile. */
const MOST = 256

/** The same content at several paths was read once; only now is it known what it holds. */
export async function restateDuplicates(
  db: Db,
  io: Pick<Io, 'now' | 'random'>,
  source: Pick<Row<'source'>, 'id' | 'system' | 'label' | 'epoch'>,
  listedTwice: readonly Listed[],
  at: Ms,
): Promise<void> {
  if (listedTwice.length === 0) return
  const holding = await documentsHolding(db, source.id)
  const listed = listedTwice.filter(({ document }) => holding.has(document))
  for (let start = 0; start < listed.length; start += MOST)
    await writeFor(db, source, tx => restate(tx, io, source.id, listed.slice(start, start + MOST), at))
}
