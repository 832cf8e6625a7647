import type { PlaceRef, Slot } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'

/** Where in one document the value of some copies stands now, and the copies that tell of it. */
export interface PlaceNow {
  readonly place: PlaceRef
  readonly copyIds: readonly string[]
}

/**
 * The document at the place's path as it was last read: all slots in it that hold what these copies hold for the same
 * identities. Undefined where none stands there any more.
 */
export async function placeNow(
  db: Db,
  copyIds: readonly string[],
  place: PlaceRef,
): Promise<PlaceNow | undefined> {
  const known = await db.selectFrom('copy').selectAll().where('id', 'in', copyIds).orderBy('id').execute()
  const [first] = known
  if (!first) return undefined
  const standing = await db
    .selectFrom('copy')
    .selectAll()
    .where('source_id', '=', first.source_id)
    .where('path', '=', place.path)
    .where('member', '=', place.member ?? '')
    .where('fingerprint', '=', first.fingerprint)
    .where('gone_at', 'is', null)
    .orderBy('last_seen', 'desc')
    .orderBy('id')
    .execute()
  const claims = new Set(known.map(copy => copy.claim_id))
  const latest = standing.find(copy => claims.has(copy.claim_id))
  if (!latest) return undefined
  const copies = standing.filter(copy => copy.version === latest.version && claims.has(copy.claim_id))
  const slots = copies.flatMap(copy => JSON.parse(copy.slots) as Slot[])
  const unique = new Map(slots.map(slot => [`${slot.part} ${slot.at}`, slot]))
  return {
    place: {
      in: place.in,
      path: place.path,
      ...(place.member !== undefined && { member: place.member }),
      ...(latest.version !== null && { version: latest.version }),
      slots: [...unique.values()].sort((a, b) => Number.parseInt(a.at, 10) - Number.parseInt(b.at, 10)),
    },
    copyIds: copies.map(copy => copy.id),
  }
}
