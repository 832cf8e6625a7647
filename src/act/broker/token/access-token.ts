import { SignJWT } from 'jose'
import { Secret } from '../../../core/contract/secret.ts'
import type { Confirmation } from '../attest/possession.ts'
import type { SigningKey } from './signing-keys.ts'
import { CLIENT, type Workload } from '../workload.ts'

/** Who acts for another, as it was attested. */
export type Actor = Pick<Workload, 'issuer' | 'subject'>

/** A client of the configuration is known by its own id; all others need their issuer beside it. */
export function clientIdOf({ issuer, subject }: Actor): string {
  return issuer === CLIENT ? subject : `${issuer} ${subject}`
}

/**
 * A JWT access token (RFC 9068). `jti` begins with the lease's id, by which it is looked up and ended; of one that another came
 * before, its time follows.
 */
export async function signAccessToken(
  signing: SigningKey,
  token: {
    readonly issuer: string
    readonly leaseId: string
    readonly renewed?: true
    readonly subject: string
    readonly clientId: string
    readonly audience: readonly string[]
    readonly scopes: readonly string[]
    readonly task?: string
    /** Who acts for the subject, the last one first (RFC 8693, section 4.1). */
    readonly actors: readonly Actor[]
    /** The key that whoever presents it has to have (RFC 7800). */
    readonly confirmation?: Confirmation
    readonly issuedAt: number
    readonly notAfter: number
  },
): Promise<Secret> {
  const { scopes, task, actors, audience, confirmation } = token
  const text = await new SignJWT({
    client_id: token.clientId,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(task !== undefined && { task }),
    ...(actors.length > 0 && { act: actClaim(token.issuer, actors) }),
    ...(confirmation && { cnf: confirmation }),
  })
    .setProtectedHeader({ alg: signing.algorithm, typ: 'at+jwt', kid: signing.id })
    .setIssuer(token.issuer)
    .setSubject(token.subject)
    .setAudience(audience.length === 1 ? audience[0]! : [...audience])
    .setJti(token.renewed ? `${token.leaseId}.${token.issuedAt}` : token.leaseId)
    .setIssuedAt(Math.floor(token.issuedAt / 1000))
    .setExpirationTime(Math.floor(token.notAfter / 1000))
    .sign(signing.key)
  return new Secret(text)
}

function actClaim(own: string, [last, ...before]: readonly Actor[]): object {
  return {
    ...(last && actorName(own, last)),
    ...(before.length > 0 && { act: actClaim(own, before) }),
  }
}

/** As a token names an actor: `iss` is who knows it by that name, another issuer or the broker itself. */
export function actorName(own: string, { issuer, subject }: Actor): { iss: string; sub: string } {
  return { iss: issuer.includes(':') ? issuer : own, sub: subject }
}
