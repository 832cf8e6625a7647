import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Secret } from '../contract/secret.ts'

/**
 * HMAC-SHA-256 of a secret's canonical form (decoded: no base64, percent or JSON escapes), in base64url. Equal values
 * give equal fingerprints; without the key nothing can be guessed from one.
 */
export type Fingerprint = string

export function fingerprint(key: Secret, secret: Secret): Fingerprint {
  return createHmac('sha256', keyObject(key)).update(secret.reveal()).digest('base64url')
}

/** What leaves the database: keyed once more, so that an export tells nothing about the rows. */
export function publicFingerprint(key: Secret, inner: Fingerprint): string {
  return `fp_${createHmac('sha256', keyObject(key)).update(inner).digest('base64url').slice(0, 22)}`
}

const keyObjects = new WeakMap<Secret, KeyObject>()

/** Making a key ready costs three times what it is then used for. */
function keyObject(key: Secret): KeyObject {
  const known = keyObjects.get(key)
  if (known) return known
  const made = createSecretKey(key.reveal())
  keyObjects.set(key, made)
  return made
}
