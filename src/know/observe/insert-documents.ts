import { RowInsert } from '../../core/store/row-insert.ts'

/** What was read, by which readers, and what came of it; a later reading replaces an earlier one. */
export const insertDocuments = new RowInsert('document', insert =>
  insert.onConflict(conflict =>
    conflict
      .columns(['source_id', 'document'])
      .doUpdateSet(({ ref }) => ({
        reader: ref('excluded.reader'),
        read_at: ref('excluded.read_at'),
        gaps: ref('excluded.gaps'),
        tells: ref('excluded.tells'),
      }))
      // Of two runs at once the older one may be the last to write.
      .whereRef('document.read_at', '<=', 'excluded.read_at'),
  ),
)
