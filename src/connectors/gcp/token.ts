import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { z } from 'zod'
import type { Io } from '../../core/contract/io.ts'
import type { Secret } from '../../core/contract/secret.ts'

const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const LIFETIME_SECONDS = 600

/** A service account's private key, and whose it is. */
export interface Signer {
  readonly email: string
  readonly key: KeyObject
}

/** What the token endpoint says to an assertion. `error` is a word of OAuth's, `what` Google's own about it. */
export type Exchanged =
  | { readonly token: string; readonly expiresInSeconds: number }
  | { readonly status: number; readonly error: string; readonly what: string }

const PEM = /^-----BEGIN (RSA )?PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]+-----END \1?PRIVATE KEY-----\s*$/

/** Undefined where the secret is not just a private key of RSA's: what stands around one would be passed over. */
export function signerOf(email: string, secret: Secret): Signer | undefined {
  if (!PEM.test(secret.revealText())) return undefined
  try {
    const key = createPrivateKey(secret.revealText())
    return key.asymmetricKeyType === 'rsa' ? { email, key } : undefined
  } catch {
    return undefined
  }
}

/** The public half, as it is compared. */
export function publicHalf(key: KeyObject | string): string {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
}

const granted = z.looseObject({ access_token: z.string(), expires_in: z.number().default(0) })
const denied = z.looseObject({ error: z.string(), error_description: z.string().optional() })

/**
 * Has a signed assertion exchanged for an access token; `spoilt` with a signature that no key made.
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export async function exchange(
  io: Io,
  { email, key }: Signer,
  timeoutMs: number,
  spoilt = false,
): Promise<Exchanged> {
  const now = Math.floor(io.now().getTime() / 1000)
  const claims = { iss: email, scope: SCOPE, aud: TOKEN_URL, iat: now, exp: now + LIFETIME_SECONDS }
  const text = [{ alg: 'RS256', typ: 'JWT' }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(text), key)
  if (spoilt) for (const [index, byte] of io.random(16).entries()) signature[index + 1]! ^= byte | 1
  const answer = await io.fetch(TOKEN_URL, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: `${text}.${signature.toString('base64url')}`,
    }),
    redirect: 'error',
    signal: AbortSignal.any([io.signal, AbortSignal.timeout(timeoutMs)]),
  })
  const body: unknown = await answer.json().catch(() => undefined)
  const given = granted.safeParse(body)
  if (answer.ok && given.success)
    return { token: given.data.access_token, expiresInSeconds: given.data.expires_in }
  const refusal = denied.safeParse(body).data
  return { status: answer.status, error: refusal?.error ?? '', what: refusal?.error_description ?? '' }
}
