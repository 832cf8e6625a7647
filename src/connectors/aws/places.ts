import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import type { PlaceRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { partsOf, withoutValue } from '../../core/contract/secret-parts.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { changedPlace, rewritten } from '../../core/contract/slot-writing.ts'
import type { Account } from './account.ts'
import { bytesOf, deleteStored, forgetStored, readStored, writeStored } from './stored-values.ts'

/** What stands at a place; CONFLICT where its value is another than when its slots were found. */
export async function read(account: Account, place: PlaceRef): Promise<Secret> {
  const stored = await readStored(account, place)
  if (stored.version !== place.version) throw changedPlace(place)
  return secretIn(bytesOf(stored), place)
}

/** The secret in its slots, as a new version; the one before is kept by AWS. */
export async function write(account: Account, place: PlaceRef, secret: Secret): Promise<PlaceRef> {
  mustBeApproved(account, place)
  const valueOf = partsOf(secret, place)
  const stored = await readStored(account, place)
  const { content, slots } = rewritten(place, stored.version, bytesOf(stored), valueOf)
  const version = content ? await writeStored(account, place, content, stored) : stored.version
  return { ...place, version, slots }
}

/** Takes it out of what holds it. What holds nothing else goes, and what is not there is as it should be. */
export async function remove(account: Account, place: PlaceRef): Promise<void> {
  mustBeApproved(account, place)
  await orGone(takeOut(account, place))
}

async function takeOut(account: Account, place: PlaceRef): Promise<void> {
  const stored = await readStored(account, place)
  const { content } = rewritten(place, stored.version, bytesOf(stored), withoutValue)
  if (content?.length === 0) return await deleteStored(account, place)
  if (content) await writeStored(account, place, content, stored)
  await forgetStored(account, place)
}

function mustBeApproved(account: Account, place: PlaceRef): void {
  const name = place.in.kind === 'function' ? place.path.replace(/\.env$/, '') : place.path
  if (!isApproved(account, name))
    throw new FirebreakError(
      'DENIED',
      `${place.path} is not approved for writing`,
      'Add it to the connection’s "approved" names, or change it by hand.',
    )
}

/** Whether Firebreak may write what bears the name. */
export function isApproved({ config }: Account, name: string): boolean {
  return config.approved.some(pattern => namePattern(pattern).test(name))
}
