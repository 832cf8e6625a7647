import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import { inChunks } from './in-chunks.ts'

/** Follows merges to the entity that stands for this one. */
export async function rootOf(db: Db, entityId: string): Promise<string> {
  for (let id = entityId; ; ) {
    const row = await db.selectFrom('entity').select('merged_into').where('id', '=', id).executeTakeFirst()
    if (!row?.merged_into) return id
    id = row.merged_into
  }
}

/**
 * Records that two entities are one thing. A pair that a person has taken apart stays apart, unless `again`. Gives
 * whether anything was done.
 */
export async function merge(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  fromId: string,
  intoId: string,
  reason: string,
  again = false,
): Promise<boolean> {
  const from = await rootOf(tx, fromId)
  const into = await rootOf(tx, intoId)
  if (from === into) return false
  const undone = await tx
    .selectFrom('merge')
    .select('id')
    .where('from_id', '=', from)
    .where('into_id', 'in', await membersOf(tx, [into]))
    .where('undone_at', 'is not', null)
    .executeTakeFirst()
  if (undone && !again) return false
  await tx
    .insertInto('merge')
    .values({ id: newId(io), from_id: from, into_id: into, reason, at: io.now().getTime(), undone_at: null })
    .execute()
  await tx.updateTable('entity').set({ merged_into: into }).where('id', '=', from).execute()
  return true
}

/** The entities and all that were merged into them. */
export async function membersOf(db: Db, entityIds: readonly string[]): Promise<string[]> {
  const members = new Set(entityIds)
  for (let next = [...members]; next.length > 0; ) {
    const rows = await inChunks(next, chunk =>
      db.selectFrom('entity').select('id').where('merged_into', 'in', chunk).execute(),
    )
    next = rows.map(row => row.id).filter(id => !members.has(id))
    for (const id of next) members.add(id)
  }
  return [...members]
}

/** The values that copies or credentials attribute to these identities. */
export async function fingerprintsOf(db: Db, identityIds: readonly string[]): Promise<Set<string>> {
  const members = await membersOf(db, identityIds)
  const copies = await inChunks(members, chunk =>
    db.selectFrom('copy').select('fingerprint').distinct().where('claim_id', 'in', chunk).execute(),
  )
  const credentials = await inChunks(members, chunk =>
    db.selectFrom('credential').select('fingerprint').distinct().where('identity_id', 'in', chunk).execute(),
  )
  const found = new Set(copies.map(row => row.fingerprint))
  for (const { fingerprint } of credentials) if (fingerprint !== null) found.add(fingerprint)
  return found
}
