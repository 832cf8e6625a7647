import { type CryptoKey, decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import { z } from 'zod'
import type { Io } from '../../../core/contract/io.ts'
import type { Ms } from '../../../core/contract/ref.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Broker } from '../broker.ts'
import { ALGORITHMS, type BrokerConfig, SVID_ALGORITHMS, type TrustedIssuer } from '../broker-config.ts'
import { JOIN_PREFIX, takeJoinToken } from './join-token.ts'
import { type Once, onceOf } from '../ledger/keep-all.ts'
import { OauthError } from '../oauth-error.ts'
import type { Workload } from '../workload.ts'

export const MOST_CHARACTERS = 8192
const SKEW_SECONDS = 30
/** A token that is good for longer proves little of now. */
const LONGEST_SECONDS = 24 * 3600
const MOST_CLAIMS = 64
const MOST_CLAIM_CHARACTERS = 512

/** What attesting is done with. */
export type Attesting = Pick<Broker, 'io' | 'config' | 'issuers' | 'ledger'>

/** Who a token says that it is of, and what has to be kept so that it is good once. */
export interface Attested {
  readonly workload: Workload
  readonly once: readonly Once[]
  /** When the token is over, where it says so. */
  readonly expiresAt?: Ms
  /** Who alone may act for it, where the token says so (RFC 8693, section 4.4); null where what it says cannot be read. */
  readonly mayAct?: { readonly iss?: string | undefined; readonly sub: string } | null
}

const mayAct = z.looseObject({ iss: z.string().optional(), sub: z.string() })

/**
 * Who presents this bearer token: a JWT of a configured issuer (RFC 7519, with RFC 8725's rules), or a join token. Raises an
 * `OauthError`; a refusal is recorded, with whom the token says that it is of and never with the token.
 */
export async function attest(db: Db, broker: Attesting, token: string): Promise<Workload> {
  return await recordingRefusal(broker, token, async () => {
    const { workload, once } = await attestUnkept(db, broker, token)
    if (once.length > 0) await broker.ledger.keep({ once })
    return workload
  })
}

/** The same, where the caller keeps `once` with what it answers. A join token is used up at once. */
export async function attestUnkept(db: Db, broker: Attesting, token: string): Promise<Attested> {
  if (!token.startsWith(JOIN_PREFIX)) return await attestJwt(broker, token)
  return { workload: await takeJoinToken(db, broker.io, token), once: [] }
}

/** Runs `work` over a token that was presented, and records it where it is refused. */
export async function recordingRefusal<T>(
  broker: Pick<Broker, 'ledger'>,
  token: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof OauthError) || error.recorded) throw error
    const { code, message, headers } = error
    const body = { error: code, why: message, ...saidBy(token) }
    await broker.ledger.keepRefusal('broker.unattested', body)
    throw new OauthError(code, message, { recorded: true, headers })
  }
}

async function attestJwt({ io, config, issuers }: Attesting, token: string): Promise<Attested> {
  if (token.length > MOST_CHARACTERS) throw new OauthError('invalid_token', 'it is too long')
  const { trusted, algorithm, kid } = unverified(config, token)
  const { payload, expiresAt } = await verifiedJwt(io, token, {
    key: await issuers.find(trusted, kid, algorithm),
    algorithm,
    ...(!trusted.isTrustDomain && { issuer: trusted.issuer }),
    audience: trusted.audience ?? config.issuer,
  })
  const { sub = '' } = payload
  if (!trusted.subjects.some(pattern => fitsPattern(sub, pattern)))
    throw new OauthError('invalid_token', 'its subject is none that may come from this issuer')
  // Without an id it is told by what was signed: a signature of ECDSA has a second form that holds as well.
  const id = payload.jti ?? token.slice(0, token.lastIndexOf('.'))
  return {
    workload: { issuer: trusted.issuer, subject: sub, claims: textClaims(payload) },
    once: trusted.once ? [onceOf(`${trusted.issuer} ${id}`, expiresAt, 'invalid_token')] : [],
    expiresAt,
    ...(payload['may_act'] !== undefined && { mayAct: mayAct.safeParse(payload['may_act']).data ?? null }),
  }
}

/** Its signature, its claims, and its time as RFC 7519 has it; `expiresAt` is when nobody would take it any more. */
export async function verifiedJwt(
  io: Io,
  token: string,
  by: {
    readonly key: CryptoKey
    readonly algorithm: string
    /** None of a JWT-SVID, of which the subject says which trust domain it is of. */
    readonly issuer?: string
    readonly audience: string | string[]
  },
): Promise<{ payload: JWTPayload; expiresAt: Ms }> {
  let payload: JWTPayload
  try {
    const verified = await jwtVerify(token, by.key, {
      algorithms: [by.algorithm],
      ...(by.issuer !== undefined && { issuer: by.issuer }),
      audience: by.audience,
      requiredClaims: by.issuer === undefined ? ['sub', 'exp'] : ['sub', 'exp', 'iat'],
      clockTolerance: SKEW_SECONDS,
      currentDate: io.now(),
    })
    payload = verified.payload
  } catch (error) {
    throw new OauthError('invalid_token', whyRefused(error))
  }
  const now = io.now().getTime() / 1000
  const { exp = 0, iat = now } = payload
  if (iat > now + SKEW_SECONDS) throw new OauthError('invalid_token', 'it was issued in the future')
  if (exp - iat > LONGEST_SECONDS) throw new OauthError('invalid_token', 'it is good for longer than a day')
  return { payload, expiresAt: (exp + SKEW_SECONDS) * 1000 }
}

/** Who has to have signed a token, and what is taken of it. */
interface Trusted extends Pick<TrustedIssuer, 'issuer' | 'jwks' | 'audience' | 'subjects' | 'once'> {
  readonly algorithms: readonly string[]
  readonly isTrustDomain?: boolean
}

/** A JWT-SVID needs no issuer: its subject is a SPIFFE ID, whose trust domain has its keys in a bundle. */
function trustDomainOf(config: Pick<BrokerConfig, 'trustDomains'>, subject: unknown): Trusted | undefined {
  const [, name] = /^spiffe:\/\/([^/]+)\/./.exec(String(subject)) ?? []
  const domain = config.trustDomains.find(known => known.name === name)
  if (!domain) return undefined
  const { bundle, subjects, once } = domain
  return {
    issuer: `spiffe://${domain.name}`,
    jwks: bundle,
    subjects,
    once,
    algorithms: SVID_ALGORITHMS,
    isTrustDomain: true,
  }
}

/** What the token says of itself picks which configured issuer has to have signed it, and nothing else. */
function unverified(
  config: BrokerConfig,
  token: string,
): { trusted: Trusted; algorithm: string; kid: string | undefined } {
  let header: ReturnType<typeof decodeProtectedHeader>
  let payload: JWTPayload
  try {
    header = decodeProtectedHeader(token)
    payload = decodeJwt(token)
  } catch {
    throw new OauthError('invalid_token', 'it is no JSON Web Token')
  }
  const trusted: Trusted | undefined =
    config.issuers.find(({ issuer }) => issuer === payload.iss) ?? trustDomainOf(config, payload.sub)
  if (!trusted) throw new OauthError('invalid_token', 'its issuer is none that is trusted')
  const algorithm = ALGORITHMS.find(known => known === header.alg)
  if (!algorithm || !trusted.algorithms.includes(algorithm))
    throw new OauthError('invalid_token', 'it is signed in a way that is not taken from its issuer')
  return { trusted, algorithm, kid: typeof header.kid === 'string' ? header.kid : undefined }
}

export function whyRefused(error: unknown): string {
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

/** `*` stands for anything; all else stands for itself. */
export function fitsPattern(text: string, pattern: string): boolean {
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
