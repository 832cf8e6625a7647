import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { CompiledQuery } from 'kysely'
import { z } from 'zod'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import { MOST_CHARACTERS, whyRefused } from '../attest/attest.ts'
import { clientIdOf } from './access-token.ts'
import type { Broker } from '../broker.ts'
import { endLease } from '../lease/end-lease.ts'
import { OauthError } from '../oauth-error.ts'
import type { Confirmation } from '../attest/possession.ts'
import { CLIENT, type Workload } from '../workload.ts'

/** An access token or a JWT-SVID of ours that holds, with its lease as it stands. */
export interface OwnToken {
  readonly lease: Row<'lease'>
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly confirmation: Confirmation | undefined
  readonly payload: JWTPayload
}

const claims = z.looseObject({
  jti: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  scope: z.string().default(''),
  cnf: z.object({ jkt: z.string().optional(), 'x5t#S256': z.string().optional() }).optional(),
})

/** Whether a token says that it is ours; nothing is proven by it. */
export function saysOurs({ config }: Pick<Broker, 'config'>, token: string): boolean {
  if (token.length > MOST_CHARACTERS) return false
  try {
    return decodeJwt(token).iss === config.issuer
  } catch {
    return false
  }
}

type Verifying = Pick<Broker, 'io' | 'config' | 'signing' | 'spiffe'>

/** Raises `invalid_token` where it is none of ours, has expired, or its lease has ended. */
export async function readOwnToken(db: Db, broker: Verifying, token: string): Promise<OwnToken> {
  const read = await verified(broker, token)
  const [leaseId] = (read.payload.jti ?? '').split('.')
  const {
    rows: [lease],
  } = await db.executeQuery<Row<'lease'>>(CompiledQuery.raw(standing(db), [leaseId, 'active']))
  if (!lease) throw new OauthError('invalid_token', 'its lease has ended')
  return { ...read, lease }
}

const texts = new WeakMap<Db, string>()

/** Building the statement costs more than running it, and every exchange asks it. */
function standing(db: Db): string {
  const known = texts.get(db)
  if (known !== undefined) return known
  const { sql } = db
    .selectFrom('lease')
    .selectAll()
    .where('id', '=', '')
    .where('state', '=', 'active')
    .compile()
  texts.set(db, sql)
  return sql
}

async function verified(
  { io, config, signing, spiffe }: Verifying,
  token: string,
): Promise<Omit<OwnToken, 'lease'>> {
  if (token.length > MOST_CHARACTERS) throw new OauthError('invalid_token', 'it is too long')
  let kid: string | undefined
  try {
    ;({ kid } = decodeProtectedHeader(token))
  } catch {
    throw new OauthError('invalid_token', 'it is no JSON Web Token')
  }
  const byAccessKey = await signing.verifying(kid)
  const by = byAccessKey ?? (await spiffe?.signing.verifying(kid))
  if (!by) throw new OauthError('invalid_token', 'it is signed with no key of ours')
  let payload: JWTPayload
  try {
    const { key, algorithm } = by
    ;({ payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      ...(byAccessKey ? { typ: 'at+jwt', issuer: config.issuer } : { typ: 'JWT' }),
      currentDate: io.now(),
    }))
  } catch (error) {
    throw new OauthError('invalid_token', whyRefused(error))
  }
  const { aud, scope, cnf } = claims.parse(payload)
  return {
    payload,
    audience: typeof aud === 'string' ? [aud] : aud,
    scopes: scope.split(' ').filter(Boolean),
    confirmation: cnf && {
      ...(cnf.jkt !== undefined && { jkt: cnf.jkt }),
      ...(cnf['x5t#S256'] !== undefined && { 'x5t#S256': cnf['x5t#S256'] }),
    },
  }
}

/**
 * RFC 7662: what a token is, for whoever it is for, or for. A token that is not good, and one that is none of the caller's
 * business, are told apart from no other.
 */
export async function introspect(
  db: Db,
  broker: Broker,
  caller: Workload,
  token: string,
): Promise<{ readonly active: boolean; readonly [claim: string]: unknown }> {
  let own: OwnToken
  try {
    own = await readOwnToken(db, broker, token)
  } catch (error) {
    if (error instanceof OauthError && error.code === 'invalid_token') return { active: false }
    throw error
  }
  const { payload, audience, confirmation } = own
  const serves =
    caller.issuer === CLIENT
      ? (broker.config.clients.find(({ id }) => id === caller.subject)?.serves ?? [])
      : []
  const isItsBusiness =
    audience.some(each => serves.includes(each)) || payload['client_id'] === clientIdOf(caller)
  if (!isItsBusiness) return { active: false }
  return { active: true, ...payload, token_type: confirmation?.jkt === undefined ? 'Bearer' : 'DPoP' }
}

/**
 * RFC 7009: ends the lease that a token is of. Whoever has a token can do no worse with it than to end it; a client that says
 * who it is must be the one it was issued to. What is no good token of ours is gone already.
 */
export async function revokeToken(
  db: Db,
  broker: Broker,
  client: Workload | undefined,
  token: string,
): Promise<void> {
  let own: OwnToken
  try {
    own = await readOwnToken(db, broker, token)
  } catch (error) {
    if (error instanceof OauthError && error.code === 'invalid_token') return
    throw error
  }
  if (client && own.payload['client_id'] !== clientIdOf(client))
    throw new OauthError('unauthorized_client', 'it was issued to another client')
  await endLease(db, broker, own.lease.id, 'its token was revoked')
}
