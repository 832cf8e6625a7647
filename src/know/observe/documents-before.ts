import type { Io } from '../../core/contract/io.ts'
import type { Db } from '../../core/store/store.ts'
import { IdSet } from './id-set.ts'

const PAGE_DOCUMENTS = 10_000

/** What of a source this reader has read before. */
export async function documentsRead(
  db: Db,
  sourceId: string,
  reader: string,
  io: Pick<Io, 'random'>,
): Promise<IdSet> {
  const read = new IdSet(io)
  for (let after = ''; ; ) {
    const rows = await db
      .selectFrom('document')
      .select('document')
      .where('source_id', '=', sourceId)
      .where('reader', '=', reader)
      .where('document', '>', after)
      .orderBy('document')
      .limit(PAGE_DOCUMENTS)
      .execute()
    for (const { document } of rows) read.add(document)
    if (rows.length < PAGE_DOCUMENTS) return read
    after = rows.at(-1)!.document
  }
}

/** What of a source holds copies. */
export async function documentsHolding(db: Db, sourceId: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('copy')
    .select('document')
    .distinct()
    .where('source_id', '=', sourceId)
    .execute()
  return new Set(rows.map(row => row.document))
}
