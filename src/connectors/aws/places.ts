import { FirebreakError } from '../../core/contract/errors.ts'
import type { PlaceRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { partsOf } from '../../core/contract/secret-parts.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { fillSlots, findWritten } from '../../core/contract/slot-writing.ts'
import type { Account } from './account.ts'
import { bytesOf, readStored, writeStored } from './stored-values.ts'

/** What stands at a place; CONFLICT where its value is another than when its slots were found. */
export async function read(account: Account, place: PlaceRef): Promise<Secret> {
  const stored = await readStored(account, place)
  if (stored.version !== place.version) throw changed(place)
  return secretIn(bytesOf(stored), place)
}

/** The secret in its slots, as a new version; the one before is kept by AWS. */
export async function write(account: Account, place: PlaceRef, secret: Secret): Promise<PlaceRef> {
  const name = place.in.kind === 'function' ? place.path.replace(/\.env$/, '') : place.path
  if (!isApproved(account, name))
    throw new FirebreakError(
      'DENIED',
      `${place.path} is not approved for writing`,
      'Add it to the connection’s "approved" names, or change it by hand.',
    )
  const valueOf = partsOf(secret, place)
  const stored = await readStored(account, place)
  if (stored.version !== place.version) {
    // An earlier attempt may have gone through.
    const slots = findWritten(bytesOf(stored), place.slots, valueOf)
    if (slots) return { ...place, version: stored.version, slots }
    throw changed(place)
  }
  const { content, slots } = fillSlots(bytesOf(stored), place.slots, valueOf)
  return { ...place, version: await writeStored(account, place, content, stored), slots }
}

/** Whether Firebreak may write what bears the name. */
export function isApproved({ config }: Account, name: string): boolean {
  return config.approved.some(pattern => namePattern(pattern).test(name))
}

function changed(place: PlaceRef): FirebreakError {
  return new FirebreakError(
    'CONFLICT',
    `${place.path} has changed since it was read`,
    'Observe it again, then decide on what stands there now.',
  )
}
