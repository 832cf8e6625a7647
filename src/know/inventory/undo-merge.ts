import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { relink } from './link.ts'
import { fingerprintsOf, membersOf, merge, rootOf } from './merge.ts'

/** A person says that two identities are one. */
export async function mergeIdentities(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  fromId: string,
  intoId: string,
  reason: string,
): Promise<void> {
  await merge(tx, io, fromId, intoId, reason, true)
  await relink(tx, io, await fingerprintsOf(tx, [fromId, intoId]))
}

/**
 * Takes a merge back, and with it the merges of credentials that followed from it. Nothing merges the pair again by
 * itself. Raises NOT_FOUND.
 */
export async function undoMerge(tx: Tx, io: Pick<Io, 'now' | 'random'>, mergeId: string): Promise<void> {
  const row = await tx
    .selectFrom('merge')
    .selectAll()
    .where('id', '=', mergeId)
    .where('undone_at', 'is', null)
    .executeTakeFirst()
  if (!row) throw new FirebreakError('NOT_FOUND', `no merge ${mergeId} stands`, 'see firebreak show')
  await detach(tx, row)
  await tx.updateTable('merge').set({ undone_at: io.now().getTime() }).where('id', '=', mergeId).execute()
  await separateCredentials(tx, [row.from_id, row.into_id])
  await relink(tx, io, await fingerprintsOf(tx, [row.from_id, row.into_id]))
}

async function detach(tx: Tx, row: Row<'merge'>): Promise<void> {
  await tx.updateTable('entity').set({ merged_into: null }).where('id', '=', row.from_id).execute()
  const from = await tx
    .selectFrom('credential')
    .selectAll()
    .where('entity_id', '=', row.from_id)
    .executeTakeFirst()
  if (!from?.fingerprint) return
  const into = await tx
    .selectFrom('entity')
    .selectAll()
    .where('id', '=', row.into_id)
    .executeTakeFirstOrThrow()
  // What a discovered credential learnt from its copies goes with them.
  if (!into.native.startsWith('fp:'))
    await tx
      .updateTable('credential')
      .set({ fingerprint: null, strength_bits: null, preview: null, confidence: null })
      .where('entity_id', '=', row.into_id)
      .where('fingerprint', '=', from.fingerprint)
      .where('issued_by', 'is', null)
      .execute()
}

/** Credentials that were one because their identities were, and no longer are. */
async function separateCredentials(tx: Tx, identityIds: readonly string[]): Promise<void> {
  const roots = await Promise.all(identityIds.map(id => rootOf(tx, id)))
  const members = await membersOf(tx, roots)
  const merges = await tx
    .selectFrom('merge')
    .innerJoin('credential as from', 'from.entity_id', 'merge.from_id')
    .innerJoin('credential as into', 'into.entity_id', 'merge.into_id')
    .where('merge.undone_at', 'is', null)
    .where(({ or, eb }) => or([eb('from.identity_id', 'in', members), eb('into.identity_id', 'in', members)]))
    .selectAll('merge')
    .select(['from.identity_id as from_identity', 'into.identity_id as into_identity'])
    .execute()
  for (const { from_identity, into_identity, ...row } of merges) {
    if (!from_identity || !into_identity) continue
    if ((await rootOf(tx, from_identity)) === (await rootOf(tx, into_identity))) continue
    await detach(tx, row)
    // It followed from the identities: it lives and dies with that.
    await tx.deleteFrom('merge').where('id', '=', row.id).execute()
  }
}
