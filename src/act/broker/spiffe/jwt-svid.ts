import { SignJWT } from 'jose'
import { Secret } from '../../../core/contract/secret.ts'
import type { SigningKey } from '../token/signing-keys.ts'

/**
 * A JWT-SVID. It names no issuer: whoever verifies it goes by the trust domain of its subject. `jti` is as in an access token: the
 * lease's id, and of one that another came before, its time.
 */
export async function signJwtSvid(
  signing: SigningKey,
  svid: {
    readonly spiffeId: string
    readonly audience: readonly string[]
    readonly id: string
    readonly issuedAt: number
    readonly notAfter: number
  },
): Promise<Secret> {
  const { spiffeId, audience } = svid
  const text = await new SignJWT({})
    .setProtectedHeader({ alg: signing.algorithm, typ: 'JWT', kid: signing.id })
    .setSubject(spiffeId)
    .setAudience(audience.length === 1 ? audience[0]! : [...audience])
    .setJti(svid.id)
    .setIssuedAt(Math.floor(svid.issuedAt / 1000))
    .setExpirationTime(Math.floor(svid.notAfter / 1000))
    .sign(signing.key)
  return new Secret(text)
}
