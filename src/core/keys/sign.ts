import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Secret } from '../contract/secret.ts'

/** An Ed25519 key in PKCS#8 is this prefix and the 32 bytes of its seed (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX_BYTES = 12

/** Signs with Ed25519 (RFC 8032). `publicKey` is the raw 32 bytes in base64url, as in RFC 8037's `x`. */
export interface Signer {
  readonly publicKey: string
  /** The private key, for another thread of this process; it cannot be printed. */
  readonly key: KeyObject
  sign(text: string): string
}

export function signer(seed: Secret): Signer {
  return signerOf(
    createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, seed.reveal()]),
      format: 'der',
      type: 'pkcs8',
    }),
  )
}

/** The one that a signer's `key` is of. */
export function signerOf(key: KeyObject): Signer {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    publicKey: spki.subarray(SPKI_PREFIX_BYTES).toString('base64url'),
    key,
    sign: text => sign(null, Buffer.from(text), key).toString('base64url'),
  }
}

/** False for a wrong signature, and for a public key or signature that is none. */
export function verifySignature(publicKey: string, text: string, signature: string): boolean {
  let key: KeyObject
  try {
    key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
  } catch {
    return false
  }
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
}
