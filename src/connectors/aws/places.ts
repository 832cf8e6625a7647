import { FirebreakError } from '../../core/contract/errors.ts'
import type { PlaceRef, Slot } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { decodeSlot, replaceInPlace, secretIn } from '../../core/contract/slot.ts'
import type { Account } from './account.ts'
import { bytesOf, readStored, type StoredValue, writeStored } from './stored-values.ts'

/** What stands at a place; CONFLICT where its value is another than when its slots were found. */
export async function read(account: Account, place: PlaceRef): Promise<Secret> {
  const stored = await readStored(account, place)
  if (stored.version !== place.version) throw changed(place)
  return secretIn(bytesOf(stored), place)
}

/** The secret in its slots, as a new version; the one before is kept by AWS. */
export async function write(account: Account, place: PlaceRef, secret: Secret): Promise<PlaceRef> {
  const approved = account.config.approved.some(name => fits(name, place.path))
  if (!approved)
    throw new FirebreakError(
      'DENIED',
      `${place.path} is not approved for writing`,
      'Add it to the connection’s "approved" names, or change it by hand.',
    )
  const stored = await readStored(account, place)
  if (stored.version !== place.version) {
    const there = standing(stored, place, secret)
    if (there) return there
    throw changed(place)
  }
  let document = bytesOf(stored)
  let slots: readonly Slot[] = place.slots
  for (let index = 0; index < slots.length; index++) {
    const value = valueFor(slots[index]!, secret)
    if (value) ({ document, slots } = replaceInPlace(document, slots, slots[index]!, value))
  }
  const version = await writeStored(account, place, document, stored)
  return { ...place, version, slots }
}

/** An earlier attempt may have gone through: then the place holds the secret at the same beginnings. */
function standing(stored: StoredValue, place: PlaceRef, secret: Secret): PlaceRef | undefined {
  const document = bytesOf(stored)
  const slots: Slot[] = []
  for (const slot of place.slots) {
    const value = valueFor(slot, secret)
    const start = Number(slot.at.split('-')[0])
    const found = [value?.length ?? 0, Number(slot.at.split('-')[1]) - start].find(length => {
      const at = { ...slot, at: `${start}-${start + length}` }
      try {
        return value !== undefined && Buffer.from(decodeSlot(document, at)).equals(Buffer.from(value))
      } catch {
        return false
      }
    })
    if (found === undefined) return undefined
    slots.push({ ...slot, at: `${start}-${start + found}` })
  }
  return { ...place, version: stored.version, slots }
}

function valueFor(slot: Slot, secret: Secret): Uint8Array | undefined {
  return slot.part === 'id' ? (secret.id === undefined ? undefined : Buffer.from(secret.id)) : secret.reveal()
}

function changed(place: PlaceRef): FirebreakError {
  return new FirebreakError(
    'CONFLICT',
    `${place.path} has changed since it was read`,
    'Observe it again, then decide on what stands there now.',
  )
}

/** `*` is any text. */
export function fits(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name)
}
