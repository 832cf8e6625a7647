import { createCipheriv, createDecipheriv } from 'node:crypto'
import { FirebreakError } from '../contract/errors.ts'
import type { Io } from '../contract/io.ts'
import { Secret } from '../contract/secret.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * AES-256-GCM (NIST SP 800-38D), base64 of nonce, ciphertext and tag. `context` (a row's id) is authenticated with
 * it, so that a sealed value cannot be moved to another row.
 */
export function seal(key: Secret, secret: Secret, context: string, io: Pick<Io, 'random'>): string {
  const nonce = io.random(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key.reveal(), nonce).setAAD(Buffer.from(context))
  const sealed = [nonce, cipher.update(secret.reveal()), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(sealed).toString('base64')
}

/** Raises KEY_UNUSABLE where the key or the context is another, or the text was changed. */
export function unseal(key: Secret, sealed: string, context: string): Secret {
  const bytes = Buffer.from(sealed, 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.reveal(), bytes.subarray(0, NONCE_BYTES))
    decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES))
    const body = bytes.subarray(NONCE_BYTES, -TAG_BYTES)
    return new Secret(Buffer.concat([decipher.update(body), decipher.final()]))
  } catch {
    throw new FirebreakError(
      'KEY_UNUSABLE',
      'what was sealed does not open with this root key',
      'use the key file that this database was made with',
    )
  }
}
