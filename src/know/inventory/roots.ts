import type { Db } from '../../core/store/store.ts'

/** Which entity stands for which, held in memory: for answers about many. */
export interface Roots {
  of(entityId: string): string
  /** What was merged into the entity, directly or not. */
  membersOf(rootId: string): readonly string[]
  /** All that were merged into something. */
  readonly merged: readonly string[]
}

export async function loadRoots(db: Db): Promise<Roots> {
  // An index leads to what is greater than nothing, and to what is not null none does.
  const rows = await db
    .selectFrom('entity')
    .select(['id', 'merged_into'])
    .where('merged_into', '>', '')
    .execute()
  const into = new Map(rows.map(row => [row.id, row.merged_into]))
  const of = (entityId: string) => {
    let id = entityId
    for (let next = into.get(id); next; next = into.get(id)) id = next
    return id
  }
  const members = Map.groupBy(into.keys(), of)
  return { of, membersOf: rootId => members.get(rootId) ?? [], merged: [...into.keys()] }
}
