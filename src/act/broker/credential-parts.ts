import type { Secret } from '../../core/contract/secret.ts'

/** An issued credential in the pieces that programs take: a password, or a private key with its certificate. */
export type CredentialParts =
  | { readonly user: string; readonly password: string; readonly privateKey?: undefined }
  | { readonly user: string; readonly privateKey: string; readonly certificate: string }

const KEY_FIRST = /^-----BEGIN ([A-Z ]*PRIVATE KEY)-----\n[^-]*-----END \1-----\n/

/** Connectors that certify give the key first, as text, and what it is certified by after it. */
export function credentialParts(secret: Secret): CredentialParts {
  const user = secret.id ?? ''
  const value = secret.revealText()
  const privateKey = KEY_FIRST.exec(value)?.[0]
  return privateKey === undefined
    ? { user, password: value }
    : { user, privateKey, certificate: value.slice(privateKey.length) }
}
