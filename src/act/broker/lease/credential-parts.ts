import { Secret } from '../../../core/contract/secret.ts'
import { sessionKeysIn, sessionSecret } from '../../../core/contract/session-keys.ts'

/** An issued credential in the pieces that programs take: a password, keys of a session, or a private key with its certificate. */
export type CredentialParts =
  | { readonly user: string; readonly password: string; readonly sessionToken?: string }
  | { readonly user: string; readonly privateKey: string; readonly certificate: string }

const KEY_FIRST = /^-----BEGIN ([A-Z ]*PRIVATE KEY)-----\n[^-]*-----END \1-----\n/

/** Connectors that certify give the key first, as text, and what it is certified by after it. */
export function credentialParts(secret: Secret): CredentialParts {
  const user = secret.id ?? ''
  const session = sessionKeysIn(secret)
  if (session) return { user, password: session.secretAccessKey, sessionToken: session.sessionToken }
  const value = secret.revealText()
  const privateKey = KEY_FIRST.exec(value)?.[0]
  return privateKey === undefined
    ? { user, password: value }
    : { user, privateKey, certificate: value.slice(privateKey.length) }
}

/** The other way round. Empty where a piece is missing. */
export function secretOfParts(parts: {
  readonly user: string
  readonly password?: string | undefined
  readonly sessionToken?: string | undefined
  readonly privateKey?: string | undefined
  readonly certificate?: string | undefined
}): Secret {
  const { user, password, sessionToken, privateKey = '', certificate = '' } = parts
  if (password !== undefined && sessionToken !== undefined)
    return sessionSecret({ accessKeyId: user, secretAccessKey: password, sessionToken })
  return new Secret(password ?? `${privateKey}${certificate}`, user)
}
