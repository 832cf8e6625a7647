import { FirebreakError } from './errors.ts'
import type { PlaceRef, Slot } from './ref.ts'
import type { Secret } from './secret.ts'

/** Whether it is the secret itself that stands in the slot, and no name of it. */
export function isValue({ part }: Slot): boolean {
  return part !== 'id' && part !== 'key-id'
}

/** For a place that the secret is taken out of: what names it stays. */
export function withoutValue(slot: Slot): Uint8Array | undefined {
  return isValue(slot) ? new Uint8Array() : undefined
}

/**
 * What of a secret goes into which slot of a place. UNSUPPORTED where the place names the key beside its value, and the secret does
 * not say its name: with a value that another name stands beside, whoever sends both is refused.
 */
export function partsOf(secret: Secret, { path, slots }: PlaceRef): (slot: Slot) => Uint8Array | undefined {
  const [id, keyId] = [secret.id, secret.keyId].map(part =>
    part === undefined ? undefined : new TextEncoder().encode(part),
  )
  if (keyId === undefined && slots.some(slot => slot.part === 'key-id'))
    throw new FirebreakError(
      'UNSUPPORTED',
      `${path} names the key beside its value, and the new one has no name`,
      'Put the new key’s whole file in its place by hand.',
    )
  return slot => (slot.part === 'id' ? id : slot.part === 'key-id' ? keyId : secret.reveal())
}
