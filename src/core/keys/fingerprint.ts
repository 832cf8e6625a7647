import { createHmac } from 'node:crypto'
import type { Secret } from '../contract/secret.ts'

/**
 * HMAC-SHA-256 of a secret's canonical form (decoded: no base64, percent or JSON escapes), in base64url. Equal values
 * give equal fingerprints; without the key nothing can be guessed from one.
 */
export type Fingerprint = string

export function fingerprint(key: Secret, secret: Secret): Fingerprint {
  return createHmac('sha256', key.reveal()).update(secret.reveal()).digest('base64url')
}

/** What leaves the database: keyed once more, so that an export tells nothing about the rows. */
export function publicFingerprint(key: Secret, inner: Fingerprint): string {
  return `fp_${createHmac('sha256', key.reveal()).update(inner).digest('base64url').slice(0, 22)}`
}
