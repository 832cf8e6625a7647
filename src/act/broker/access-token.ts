import { SignJWT } from 'jose'
import { Secret } from '../../core/contract/secret.ts'
import type { SigningKey } from './signing-keys.ts'

/** A JWT access token (RFC 9068). `jti` is the lease's id, by which it is looked up and ended. */
export async function signAccessToken(
  signing: SigningKey,
  token: {
    readonly issuer: string
    readonly leaseId: string
    readonly subject: string
    readonly clientId: string
    readonly audience: string
    readonly scopes: readonly string[]
    readonly task?: string
    readonly issuedAt: number
    readonly notAfter: number
  },
): Promise<Secret> {
  const { scopes, task } = token
  const text = await new SignJWT({
    client_id: token.clientId,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(task !== undefined && { task }),
  })
    .setProtectedHeader({ alg: signing.algorithm, typ: 'at+jwt', kid: signing.id })
    .setIssuer(token.issuer)
    .setSubject(token.subject)
    .setAudience(token.audience)
    .setJti(token.leaseId)
    .setIssuedAt(Math.floor(token.issuedAt / 1000))
    .setExpirationTime(Math.floor(token.notAfter / 1000))
    .sign(signing.key)
  return new Secret(text)
}
