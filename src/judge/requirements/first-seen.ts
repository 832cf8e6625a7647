import type { Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { inChunks } from '../../know/inventory/in-chunks.ts'

/** When each value was first seen anywhere: whatever has it is that old at least. Of what was never seen nothing is given. */
export async function firstSeen(db: Db, fingerprints: readonly string[]): Promise<ReadonlyMap<string, Ms>> {
  const rows = await inChunks(fingerprints, chunk =>
    db
      .selectFrom('copy')
      .select('fingerprint')
      .select(({ fn }) => fn.min('first_seen').as('at'))
      .where('fingerprint', 'in', chunk)
      .groupBy('fingerprint')
      .execute(),
  )
  return new Map(rows.map(({ fingerprint, at }) => [fingerprint, Number(at)]))
}
