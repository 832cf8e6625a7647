import type { Io } from '../../core/contract/io.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'

export type CredentialValue = Pick<Row<'credential'>, 'strength_bits' | 'preview' | 'confidence'> & {
  readonly fingerprint: string
}

/**
 * The value that a credential has now. What was merged into it because it had the value before stands by itself
 * again: a role keeps its password's id when the password changes, and the old value is another credential.
 */
export async function giveValue(
  tx: Tx,
  io: Pick<Io, 'now'>,
  credentialId: string,
  value: CredentialValue,
): Promise<void> {
  const former = await tx
    .selectFrom('merge')
    .innerJoin('credential', 'credential.entity_id', 'merge.from_id')
    .select(['merge.id', 'merge.from_id'])
    .where('merge.into_id', '=', credentialId)
    .where('merge.undone_at', 'is', null)
    .where('credential.fingerprint', '<>', value.fingerprint)
    .execute()
  for (const { id, from_id } of former) {
    await tx.updateTable('merge').set({ undone_at: io.now().getTime() }).where('id', '=', id).execute()
    await tx.updateTable('entity').set({ merged_into: null }).where('id', '=', from_id).execute()
  }
  await tx.updateTable('credential').set(value).where('entity_id', '=', credentialId).execute()
}
