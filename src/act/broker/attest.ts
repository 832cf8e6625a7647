import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import type { Io } from '../../core/contract/io.ts'
import { record } from '../../core/evidence/evidence.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { ALGORITHMS, type BrokerConfig, type TrustedIssuer } from './broker-config.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { JOIN_PREFIX, takeJoinToken } from './join-token.ts'
import { OauthError } from './oauth-error.ts'
import type { Workload } from './workload.ts'

const MOST_CHARACTERS = 8192
const SKEW_SECONDS = 30
/** A token that is good for longer proves little of now. */
const LONGEST_SECONDS = 24 * 3600
const MOST_CLAIMS = 64
const MOST_CLAIM_CHARACTERS = 512

/**
 * Who presents this bearer token: a JWT of a configured issuer (RFC 7519, with RFC 8725's rules), or a join token. Raises an
 * `OauthError`; a refusal is recorded, with whom the token says that it is of and never with the token.
 */
export async function attest(
  db: Db,
  io: Io,
  keys: IssuerKeys,
  config: BrokerConfig,
  token: string,
): Promise<Workload> {
  try {
    if (token.startsWith(JOIN_PREFIX)) return await takeJoinToken(db, io, token)
    return await attestJwt(db, io, keys, config, token)
  } catch (error) {
    if (!(error instanceof OauthError)) throw error
    const body = { error: error.code, why: error.message, ...saidBy(token) }
    await transaction(
      db,
      tx => record(tx, io, { kind: 'broker.unattested', subject: 'broker', body }),
      'rows',
    )
    throw error
  }
}

async function attestJwt(
  db: Db,
  io: Io,
  keys: IssuerKeys,
  config: BrokerConfig,
  token: string,
): Promise<Workload> {
  if (token.length > MOST_CHARACTERS) throw new OauthError('invalid_token', 'it is too long')
  const { trusted, algorithm, kid } = unverified(config, token)
  const key = await keys.find(trusted, kid, algorithm)
  let payload: JWTPayload
  try {
    const verified = await jwtVerify(token, key, {
      algorithms: [algorithm],
      issuer: trusted.issuer,
      audience: trusted.audience ?? config.issuer,
      requiredClaims: ['sub', 'exp', 'iat'],
      clockTolerance: SKEW_SECONDS,
      currentDate: io.now(),
    })
    payload = verified.payload
  } catch (error) {
    throw new OauthError('invalid_token', whyRefused(error))
  }
  const { sub = '', exp = 0, iat = 0 } = payload
  const now = io.now().getTime() / 1000
  if (iat > now + SKEW_SECONDS) throw new OauthError('invalid_token', 'it was issued in the future')
  if (exp - iat > LONGEST_SECONDS) throw new OauthError('invalid_token', 'it is good for longer than a day')
  if (!trusted.subjects.some(pattern => fitsPattern(sub, pattern)))
    throw new OauthError('invalid_token', 'its subject is none that may come from this issuer')
  // Without an id it is told by what was signed: a signature of ECDSA has a second form that holds as well.
  const id = payload.jti ?? token.slice(0, token.lastIndexOf('.'))
  if (trusted.once) await mustBeFirst(db, io, `${trusted.issuer} ${id}`, exp)
  return { issuer: trusted.issuer, subject: sub, claims: textClaims(payload) }
}

/** What the token says of itself picks which configured issuer has to have signed it, and nothing else. */
function unverified(
  config: BrokerConfig,
  token: string,
): { trusted: TrustedIssuer; algorithm: string; kid: string | undefined } {
  let header: ReturnType<typeof decodeProtectedHeader>
  let payload: JWTPayload
  try {
    header = decodeProtectedHeader(token)
    payload = decodeJwt(token)
  } catch {
    throw new OauthError('invalid_token', 'it is no JSON Web Token')
  }
  const trusted = config.issuers.find(({ issuer }) => issuer === payload.iss)
  if (!trusted) throw new OauthError('invalid_token', 'its issuer is none that is trusted')
  const algorithm = ALGORITHMS.find(known => known === header.alg)
  if (!algorithm || !trusted.algorithms.includes(algorithm))
    throw new OauthError('invalid_token', 'it is signed in a way that is not taken from its issuer')
  return { trusted, algorithm, kid: typeof header.kid === 'string' ? header.kid : undefined }
}

function whyRefused(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not hold'
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.claim === 'aud'
      ? 'it is for another audience'
      : error.claim === 'nbf'
        ? 'it is not good yet'
        : `its claim ${error.claim} is missing or of another kind`
  return 'it is no JSON Web Token that can be verified'
}

/** Seen a second time it is a replay. The time until which it could be is kept with it, and what is over is swept out. */
async function mustBeFirst(db: Db, io: Io, what: string, expSeconds: number): Promise<void> {
  const digest = createHash('sha256').update(what).digest('base64url')
  const expires_at = (expSeconds + SKEW_SECONDS) * 1000
  const first = await transaction(
    db,
    async tx => {
      await tx.deleteFrom('presented_token').where('expires_at', '<', io.now().getTime()).execute()
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('presented_token')
        .values({ digest, expires_at })
        .onConflict(conflict => conflict.column('digest').doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },
    'rows',
  )
  if (!first) throw new OauthError('invalid_token', 'it was presented before')
}

/** `*` stands for anything; all else stands for itself. */
function fitsPattern(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (!text.startsWith(first)) return false
  if (rest.length === 0) return text === first
  let at = first.length
  const last = rest.pop()!
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}

function textClaims(payload: JWTPayload): Record<string, string> {
  const texts = Object.entries(payload).flatMap(([name, value]) =>
    typeof value === 'string' && value.length <= MOST_CLAIM_CHARACTERS && name !== 'jti'
      ? [[name, value] as const]
      : [],
  )
  return Object.fromEntries(texts.slice(0, MOST_CLAIMS))
}

/** Whom it says that it is of, cut short; nobody has vouched for it. */
function saidBy(token: string): { claimedIssuer?: string; claimedSubject?: string } {
  if (token.length > MOST_CHARACTERS) return {}
  try {
    const { iss, sub } = decodeJwt(token)
    return {
      ...(typeof iss === 'string' && { claimedIssuer: iss.slice(0, 200) }),
      ...(typeof sub === 'string' && { claimedSubject: sub.slice(0, 200) }),
    }
  } catch {
    return {}
  }
}
