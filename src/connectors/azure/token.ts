import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import type { Io } from '../../core/contract/io.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { answerTo } from './answer.ts'

const LIFETIME_SECONDS = 300

/** What an application proves itself with: a secret, or a private key whose certificate is known by its thumbprint. */
export type Proof =
  | { readonly secret: string }
  | { readonly privateKey: string; readonly x5t: string | undefined; readonly x5tS256: string | undefined }

/** What the token endpoint says. `codes` are Entra’s own numbers, as 7000215 of `AADSTS7000215`. */
export type Granted =
  | { readonly token: string; readonly expiresInSeconds: number }
  | { readonly status: number; readonly error: string; readonly codes: readonly number[] }

const granted = z.looseObject({ access_token: z.string(), expires_in: z.number().default(0) })
const denied = z.looseObject({
  error: z.string(),
  error_codes: z.array(z.number()).optional().catch(undefined),
  error_description: z.string().optional().catch(undefined),
})

const KEY = /-----BEGIN (?:RSA )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:RSA )?PRIVATE KEY-----/
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/

/** Undefined where the text is no PEM of a private key of RSA's; without a certificate beside it, it has no thumbprint. */
export function keyProof(secret: Secret): Extract<Proof, { privateKey: string }> | undefined {
  const text = secret.revealText()
  const privateKey = KEY.exec(text)?.[0]
  if (privateKey === undefined) return undefined
  try {
    if (createPrivateKey(privateKey).asymmetricKeyType !== 'rsa') return undefined
    const certificate = CERTIFICATE.exec(text)?.[0]
    const der = certificate === undefined ? undefined : new X509Certificate(certificate).raw
    const digest = (name: string) => der && createHash(name).update(der).digest('base64url')
    return { privateKey, x5t: digest('sha1'), x5tS256: digest('sha256') }
  } catch {
    return undefined
  }
}

/**
 * Asks for a token as the application itself. The answer's words are read for Entra's numbers, and dropped.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export async function grantTo(
  io: Io,
  at: { readonly url: string; readonly timeoutMs: number },
  clientId: string,
  proof: Proof,
  scope: string,
): Promise<Granted> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    scope,
    ...('secret' in proof
      ? { client_secret: proof.secret }
      : {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion(io, at.url, clientId, proof),
        }),
  })
  const answer = await answerTo(io, at.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    timeoutMs: at.timeoutMs,
  })
  const given = granted.safeParse(answer.body)
  if (answer.status < 300 && given.success)
    return { token: given.data.access_token, expiresInSeconds: given.data.expires_in }
  const refusal = denied.safeParse(answer.body).data
  const named = /\bAADSTS(\d{4,9})\b/.exec(refusal?.error_description ?? '')?.[1]
  const codes = refusal?.error_codes ?? (named === undefined ? [] : [Number(named)])
  return { status: answer.status, error: refusal?.error ?? '', codes }
}

/** RFC 7523; https://learn.microsoft.com/entra/identity-platform/certificate-credentials */
function assertion(
  io: Io,
  audience: string,
  clientId: string,
  { privateKey, x5t, x5tS256 }: Extract<Proof, { privateKey: string }>,
): string {
  const now = Math.floor(io.now().getTime() / 1000)
  const header = {
    alg: 'RS256',
    typ: 'JWT',
    ...(x5t !== undefined && { x5t }),
    ...(x5tS256 !== undefined && { 'x5t#S256': x5tS256 }),
  }
  const claims = {
    aud: audience,
    iss: clientId,
    sub: clientId,
    jti: Buffer.from(io.random(16)).toString('hex'),
    nbf: now,
    iat: now,
    exp: now + LIFETIME_SECONDS,
  }
  const text = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
}
