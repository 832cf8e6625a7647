import type { Io } from '../../core/contract/io.ts'
import type { Tx } from '../../core/store/store.ts'
import { foundKeys, listedKeys } from './keys.ts'
import { relink } from './link.ts'
import { giveValue } from './value.ts'

/**
 * A private key that was found is the credential that a system lists by its public half: a deploy key. It gets the value, and so
 * the copies. What a document lists, an authorized_keys, is no credential that anything could be done to: the graph tells
 * what the key opens there. Of several texts of one key the first by its fingerprint stands, so that the order in which they came says nothing.
 */
export async function linkKeys(tx: Tx, io: Pick<Io, 'now' | 'random'>): Promise<void> {
  const listed = (await listedKeys(tx)).filter(({ document }) => document === '')
  if (listed.length === 0) return
  const found = Map.groupBy(await foundKeys(tx), ({ sshFingerprint }) => sshFingerprint)
  const changed = new Set<string>()
  for (const { entityId, sshFingerprint } of listed) {
    const [first] = (found.get(sshFingerprint) ?? []).map(({ fingerprint }) => fingerprint).sort()
    if (first === undefined) continue
    const own = await tx
      .selectFrom('credential')
      .select(['fingerprint', 'state', 'issued_by'])
      .where('entity_id', '=', entityId)
      .executeTakeFirst()
    if (!own || own.fingerprint === first) continue
    const isSettled = own.state !== 'unknown' || own.issued_by !== null
    if (own.fingerprint !== null && (isSettled || own.fingerprint < first)) continue
    const value = await tx
      .selectFrom('credential')
      .select(['strength_bits', 'preview', 'confidence'])
      .where('fingerprint', '=', first)
      .orderBy('entity_id')
      .executeTakeFirst()
    if (!value) continue
    await giveValue(tx, io, entityId, { fingerprint: first, ...value })
    changed.add(first)
    if (own.fingerprint !== null) changed.add(own.fingerprint)
  }
  await relink(tx, io, changed)
}
