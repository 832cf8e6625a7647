import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose'
import type { Db } from '../../../core/store/store.ts'
import { MOST_CHARACTERS, verifiedJwt } from '../attest/attest.ts'
import type { Broker } from '../broker.ts'
import { isSpiffeId, SVID_ALGORITHMS } from '../broker-config.ts'
import { OauthError } from '../oauth-error.ts'
import { readOwnToken } from '../token/own-token.ts'
import type { TrustDomain } from './trust-domain.ts'

/** JWT-SVID, sections 2.2 and 2.3: nothing else may stand in a header. */
const HEADERS = ['alg', 'kid', 'typ']

/**
 * What a JWT-SVID says, where it holds for that audience: by our own keys, and while its lease stands; or by the bundle of a trust
 * domain whose SVIDs are taken. Raises `invalid_token`.
 */
export async function validateJwtSvid(
  db: Db,
  broker: Pick<Broker, 'io' | 'config' | 'signing' | 'spiffe' | 'issuers'>,
  domain: TrustDomain,
  token: string,
  audience: string,
): Promise<{ readonly spiffeId: string; readonly claims: JWTPayload }> {
  if (token.length > MOST_CHARACTERS) throw new OauthError('invalid_token', 'it is too long')
  const { header, subject } = unverified(token)
  if (subject.startsWith(`${domain.id}/`)) {
    const { payload, audience: its } = await readOwnToken(db, broker, token)
    if (payload.sub !== subject || !its.includes(audience))
      throw new OauthError('invalid_token', 'it is for another audience')
    return { spiffeId: subject, claims: payload }
  }
  const foreign = broker.config.trustDomains.find(({ name }) => subject.startsWith(`spiffe://${name}/`))
  if (!foreign) throw new OauthError('invalid_token', 'its trust domain is none that is known here')
  const holder = { issuer: `spiffe://${foreign.name}`, jwks: foreign.bundle }
  const key = await broker.issuers.find(holder, header.kid, header.alg)
  const { payload } = await verifiedJwt(broker.io, token, { key, algorithm: header.alg, audience })
  return { spiffeId: subject, claims: payload }
}

function unverified(token: string): {
  header: ProtectedHeaderParameters & { readonly alg: string }
  subject: string
} {
  let header: ProtectedHeaderParameters
  let subject: string | undefined
  try {
    header = decodeProtectedHeader(token)
    subject = decodeJwt(token).sub
  } catch {
    throw new OauthError('invalid_token', 'it is no JSON Web Token')
  }
  const { alg = '', typ = 'JWT' } = header
  if (
    !SVID_ALGORITHMS.some(known => known === alg) ||
    !['JWT', 'JOSE'].includes(typ) ||
    !Object.keys(header).every(name => HEADERS.includes(name))
  )
    throw new OauthError('invalid_token', 'its header is none of a JWT-SVID')
  if (subject === undefined || !isSpiffeId(subject))
    throw new OauthError('invalid_token', 'its subject is no SPIFFE ID')
  return { header: { ...header, alg }, subject }
}
