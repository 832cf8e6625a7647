import type { Verdict } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Tx } from '../../core/store/store.ts'
import { setCredentialState } from './issued.ts'
import { relink } from './link.ts'
import { merge, rootOf } from './merge.ts'
import { giveValue } from './value.ts'

/**
 * A system was asked about a value that copies told of. Only where it says `live` is the value known to be that of the
 * credential that its connection discovered: then the two are one, and so are the identities that they name.
 */
export async function confirmCredential(
  tx: Tx,
  io: Pick<Io, 'now' | 'random'>,
  copyCredentialId: string,
  discoveredCredentialId: string | undefined,
  verdict: Verdict,
): Promise<void> {
  await setCredentialState(tx, io, copyCredentialId, verdict)
  if (verdict.state !== 'live' || discoveredCredentialId === undefined) return
  const copyId = await rootOf(tx, copyCredentialId)
  const discoveredId = await rootOf(tx, discoveredCredentialId)
  if (copyId === discoveredId) return
  const rows = await tx
    .selectFrom('credential')
    .selectAll()
    .where('entity_id', 'in', [copyId, discoveredId])
    .execute()
  const copy = rows.find(row => row.entity_id === copyId)
  const discovered = rows.find(row => row.entity_id === discoveredId)
  if (!copy?.fingerprint || !discovered) return
  const { fingerprint, strength_bits, preview, confidence } = copy
  if (copy.identity_id !== null && discovered.identity_id !== null)
    await merge(
      tx,
      io,
      copy.identity_id,
      discovered.identity_id,
      `a login with the value said live: ${verdict.why}`,
    )
  await giveValue(tx, io, discoveredId, { fingerprint, strength_bits, preview, confidence })
  const reason = `the system accepted the value for this very identity: ${verdict.why}`
  await merge(tx, io, copyId, discoveredId, reason, true)
  await setCredentialState(tx, io, discoveredId, verdict)
  await relink(tx, io, [fingerprint])
}
