import { isFirebreakError } from '../../../core/contract/errors.ts'
import type { CredentialRef } from '../../../core/contract/ref.ts'
import type { Secret } from '../../../core/contract/secret.ts'
import { record } from '../../../core/evidence/evidence.ts'
import type { Row } from '../../../core/store/schema.ts'
import { type Db, transaction } from '../../../core/store/store.ts'
import { putOff, stepsOf } from '../../actions/journal.ts'
import { clientIdOf, signAccessToken } from '../token/access-token.ts'
import type { Broker } from '../broker.ts'
import { type LeaseDefinition, leaseNamed } from '../broker-config.ts'
import { decide, recordRefusal } from '../decision/decide.ts'
import { isHeld } from '../decision/facts.ts'
import { OauthError } from '../oauth-error.ts'
import { type OwnToken, readOwnToken } from '../token/own-token.ts'
import { holds, type Possession } from '../attest/possession.ts'
import { signJwtSvid } from '../spiffe/jwt-svid.ts'
import type { Workload } from '../workload.ts'

/** What is shown of a lease that is for an access token: the one that stands, and the key that it is bound to. */
export interface Shown {
  readonly accessToken?: string | undefined
  readonly possession?: Possession
}

export interface Renewed {
  readonly lease: Row<'lease'>
  /** Another access token after the one that was shown, which goes on being good for its own time. */
  readonly secret?: Secret
}

/**
 * For as long again as it was given for, and never beyond `maxTtl` after its beginning. It is decided again, by what is known now.
 * Where little would be won by it the lease comes back as it stands. Raises an `OauthError` where it is refused.
 */
export async function renewLease(
  db: Db,
  broker: Broker,
  lease: Row<'lease'>,
  shown: Shown = {},
): Promise<Renewed> {
  const now = broker.io.now().getTime()
  const definition = leaseNamed(broker.config, lease.name)
  if (lease.state !== 'active' || lease.not_after <= now || !definition)
    throw new OauthError('invalid_grant', 'the lease has ended')
  if (lease.parent_id !== null)
    throw new OauthError('invalid_request', 'what was exchanged is not renewed: exchange again')
  const ttlMs = lease.ttl_seconds * 1000
  const until = Math.min(now + ttlMs, lease.created_at + definition.maxTtl * 1000)
  // Each renewal stands in the evidence: they come no oftener than they are of use.
  if (until - lease.not_after < ttlMs / 10) return { lease }
  const own = lease.kind === 'token' ? await shownToken(db, broker, lease, shown) : undefined
  const workload = JSON.parse(lease.workload) as Workload
  const decided = await decide(db, broker, workload, definition, {
    ttlSeconds: lease.ttl_seconds,
    scopes: JSON.parse(lease.scopes) as string[],
    ...(lease.task !== null && { task: lease.task }),
  })
  if (!decided.decision.allowed) {
    await recordRefusal(broker, decided)
    throw new OauthError('access_denied', decided.decision.why, { recorded: true })
  }
  if (decided.decision.approval)
    throw new OauthError('access_denied', 'what a person approved is good for the time that they approved')
  const secret = own && (await nextToken(broker, lease, definition, workload, own, now, until))
  if (!own) await extendOutside(db, broker, lease, Math.ceil((until - now) / 1000))
  const renewed = await transaction(db, async tx => {
    // Since it was decided, an incident may have begun, or the lease have ended.
    const held = lease.entity_id !== null && (await isHeld(tx, lease.entity_id))
    if (held) throw new OauthError('access_denied', 'what it is like is held: an incident is being contained')
    const row = await tx
      .updateTable('lease')
      .set({ not_after: until })
      .where('id', '=', lease.id)
      .where('state', '=', 'active')
      .where('not_after', '>', broker.io.now().getTime())
      .where('not_after', '<=', until)
      .returningAll()
      .executeTakeFirst()
    if (!row) throw new OauthError('invalid_grant', 'the lease has ended, or was renewed by another')
    if (row.run_id !== null) await putOff(tx, broker.io, row.run_id, until)
    const body = { renewed: true, kind: row.kind, notAfter: until, run: row.run_id, ...decided.account }
    await record(tx, broker.io, { kind: 'broker.decision', subject: row.id, body })
    return row
  })
  return { lease: renewed, ...(secret && { secret }) }
}

/** Whom a token is for, and which key it is bound to, it alone says. */
async function shownToken(
  db: Db,
  broker: Broker,
  lease: Row<'lease'>,
  { accessToken, possession }: Shown,
): Promise<OwnToken> {
  if (accessToken === undefined)
    throw new OauthError('invalid_request', 'the access token that the lease stands for is to be shown')
  const own = await readOwnToken(db, broker, accessToken)
  if (own.lease.id !== lease.id) throw new OauthError('invalid_grant', 'the token is of another lease')
  if (!holds(possession?.confirmation, own.confirmation))
    throw new OauthError('invalid_request', 'the key that the access token is bound to was not shown')
  if (possession && possession.once.length > 0) await broker.ledger.keep({ once: possession.once })
  return own
}

async function nextToken(
  broker: Broker,
  lease: Row<'lease'>,
  { spiffeId }: LeaseDefinition,
  workload: Workload,
  { audience, scopes, confirmation }: OwnToken,
  issuedAt: number,
  notAfter: number,
): Promise<Secret> {
  if (spiffeId !== undefined && broker.spiffe) {
    const about = { spiffeId, audience, id: `${lease.id}.${issuedAt}`, issuedAt, notAfter }
    return await signJwtSvid(await broker.spiffe.signing.current(), about)
  }
  return await signAccessToken(await broker.signing.current(), {
    issuer: broker.config.issuer,
    leaseId: lease.id,
    renewed: true,
    subject: workload.subject,
    clientId: clientIdOf(workload),
    audience,
    scopes,
    ...(lease.task !== null && { task: lease.task }),
    actors: [],
    ...(confirmation && { confirmation }),
    issuedAt,
    notAfter,
  })
}

/**
 * Where the system itself holds an expiry, that is moved first: what fails after it leaves a credential that is revoked at the
 * time that stands here.
 */
async function extendOutside(db: Db, broker: Broker, lease: Row<'lease'>, seconds: number): Promise<void> {
  const issue = (await stepsOf(db, lease.run_id!)).find(({ key }) => key === 'issue')
  const result = JSON.parse(issue?.result ?? 'null') as {
    credential: CredentialRef
    notAfter: number | null
  } | null
  if (!issue || !result) throw new OauthError('invalid_grant', 'nothing stands that could be renewed')
  // It may last longer than it was asked for, as where the system has a shortest time.
  if (result.notAfter === null || result.notAfter >= broker.io.now().getTime() + seconds * 1000) return
  const { sourceId } = JSON.parse(issue.args) as { sourceId: string }
  try {
    const connection = await broker.connections.open(db, sourceId)
    if (!connection.extend)
      throw new OauthError(
        'invalid_request',
        'the system cannot move the end of what it issued: ask for another',
      )
    await connection.extend(result.credential, seconds)
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    if (error.retryable)
      throw new OauthError('temporarily_unavailable', 'the system that it is for cannot be reached')
    throw new OauthError(
      'invalid_grant',
      'the system has no such credential any more, or not as it was issued',
    )
  }
}
