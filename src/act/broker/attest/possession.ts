import { createHash, createHmac, timingSafeEqual, type X509Certificate } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTVerifyResult, jwtVerify } from 'jose'
import type { Broker } from '../broker.ts'
import { ALGORITHMS } from '../broker-config.ts'
import { type Once, onceOf } from '../ledger/keep-all.ts'
import { OauthError } from '../oauth-error.ts'

/** The key that a token is bound to: of a DPoP proof (RFC 9449, section 6.1) or of a certificate (RFC 8705, section 3.1). */
export interface Confirmation {
  readonly jkt?: string
  readonly 'x5t#S256'?: string
}

/** What came with a call by which the caller shows that a key is its own. */
export interface Presented {
  readonly method: string
  readonly path: string
  /** Every DPoP header that there was. */
  readonly proofs: readonly string[]
  /** What the connection was made with, where TLS asked for it and it was verified. */
  readonly certificate?: X509Certificate
}

/** The keys that were shown, and what has to be kept so that a proof is good once. */
export interface Possession {
  readonly confirmation: Confirmation | undefined
  readonly once: readonly Once[]
}

const MOST_CHARACTERS = 4096
const MOST_AGE_SECONDS = 60
const SKEW_SECONDS = 5
const NONCE_SECONDS = 300

/**
 * What a caller shows to have. A proof is for this method and address, of now, and good once (RFC 9449, section 4.3); with
 * `accessToken`, it is for that one. Raises `invalid_dpop_proof`, or `use_dpop_nonce` with a nonce to use.
 */
export async function possessionOf(
  broker: Pick<Broker, 'io' | 'config' | 'keys'>,
  presented: Presented,
  accessToken?: string,
): Promise<Possession> {
  const { proofs, certificate } = presented
  const [proof, another] = proofs
  const thumbprint = certificate && createHash('sha256').update(certificate.raw).digest('base64url')
  const bound = thumbprint === undefined ? {} : { 'x5t#S256': thumbprint }
  if (proof === undefined) return { confirmation: thumbprint === undefined ? undefined : bound, once: [] }
  if (another !== undefined || proof.length > MOST_CHARACTERS)
    throw new OauthError('invalid_dpop_proof', 'there is more than one proof, or it is too long')
  const { jkt, once } = await proven(broker, presented, proof, accessToken)
  return { confirmation: { ...bound, jkt }, once: [once] }
}

async function proven(
  broker: Pick<Broker, 'io' | 'config' | 'keys'>,
  { method, path }: Presented,
  proof: string,
  accessToken: string | undefined,
): Promise<{ jkt: string; once: Once }> {
  const { io, config } = broker
  let verified: JWTVerifyResult
  try {
    verified = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...ALGORITHMS],
      requiredClaims: ['jti', 'htm', 'htu', 'iat'],
      maxTokenAge: MOST_AGE_SECONDS,
      clockTolerance: SKEW_SECONDS,
      currentDate: io.now(),
    })
  } catch (error) {
    const late = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed
    throw refused(late ? 'its time or a claim of it does not hold' : 'it cannot be verified')
  }
  const { payload, protectedHeader } = verified
  const { jti, htm, htu, ath, nonce } = payload
  if (htm !== method) throw refused('it is for another method')
  if (typeof htu !== 'string' || addressOf(htu) !== addressOf(`${config.issuer.replace(/\/$/, '')}${path}`))
    throw refused('it is for another address')
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) throw refused('its id is of another form')
  if (accessToken !== undefined) {
    const digest = createHash('sha256').update(accessToken).digest('base64url')
    if (ath !== digest) throw refused('it is for another access token')
  }
  if (config.dpopNonce && !isNonce(broker, nonce))
    throw new OauthError('use_dpop_nonce', 'the proof needs the nonce that is given here', {
      headers: { 'dpop-nonce': nonceOf(broker, 0) },
    })
  const jkt = await calculateJwkThumbprint(protectedHeader.jwk!, 'sha256')
  const until = (payload.iat! + MOST_AGE_SECONDS + 2 * SKEW_SECONDS) * 1000
  return { jkt, once: onceOf(`dpop ${jkt} ${jti}`, until, 'invalid_dpop_proof') }
}

/** Whether whoever shows these keys may use what is bound to those. */
export function holds(shown: Confirmation | undefined, bound: Confirmation | undefined): boolean {
  if (!bound) return true
  const { jkt, 'x5t#S256': certificate } = bound
  return (
    (jkt === undefined || jkt === shown?.jkt) &&
    (certificate === undefined || certificate === shown?.['x5t#S256'])
  )
}

/** Without what stands after it, and as URLs are compared (RFC 3986, section 6.2). */
function addressOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname}`
}

/** The same for all replicas, and good for its time and the next: nothing has to be kept. */
function nonceOf({ io, keys }: Pick<Broker, 'io' | 'keys'>, back: number): string {
  const slot = Math.floor(io.now().getTime() / 1000 / NONCE_SECONDS) - back
  return createHmac('sha256', keys.seal.reveal()).update(`dpop nonce ${slot}`).digest('base64url')
}

function isNonce(broker: Pick<Broker, 'io' | 'keys'>, nonce: unknown): boolean {
  if (typeof nonce !== 'string') return false
  const given = Buffer.from(nonce)
  return [0, 1].some(back => {
    const expected = Buffer.from(nonceOf(broker, back))
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

function refused(why: string): OauthError {
  return new OauthError('invalid_dpop_proof', why)
}
