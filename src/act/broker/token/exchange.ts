import type { Db } from '../../../core/store/store.ts'
import { type Actor, actorName } from './access-token.ts'
import { type Attested, attestUnkept, recordingRefusal } from '../attest/attest.ts'
import type { Broker } from '../broker.ts'
import { leaseNamed } from '../broker-config.ts'
import { type Granted, issueLease } from '../lease/lease.ts'
import type { Once } from '../ledger/keep-all.ts'
import { OauthError } from '../oauth-error.ts'
import { type OwnToken, readOwnToken, saysOurs } from './own-token.ts'
import { holds, type Possession } from '../attest/possession.ts'
import { tokenLease } from './target.ts'
import type { Workload } from '../workload.ts'

const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'
export const ACCESS_TOKEN_TYPE = `${TOKEN_TYPE}access_token`
const TAKEN_TYPES = [ACCESS_TOKEN_TYPE, `${TOKEN_TYPE}jwt`, `${TOKEN_TYPE}id_token`]
/** Who acts for whom is to be understood by a person. */
const MOST_ACTORS = 8

export interface Exchange {
  readonly subjectToken: string
  readonly subjectTokenType: string
  readonly actorToken?: string | undefined
  readonly actorTokenType?: string | undefined
  readonly requestedTokenType?: string | undefined
  /** What the token shall be for, of what the subject's token is for. */
  readonly targets: readonly string[]
  /** Of the subject's; all of them without. */
  readonly scopes?: readonly string[] | undefined
}

/**
 * A token for a token (RFC 8693): on behalf of the subject's, by who acts now. It is never for more scope, another audience or
 * longer than the subject's, and its lease ends with that one's. Of a token that is bound to a key, the same key has to be
 * shown; or an actor who is known shows one of its own.
 */
export async function exchange(
  db: Db,
  broker: Broker,
  client: Attested | undefined,
  possession: Possession,
  asked: Exchange,
): Promise<Granted> {
  mustBeTaken(asked)
  const actor =
    asked.actorToken === undefined ? client : await actorOf(db, broker, possession, asked.actorToken)
  const once: Once[] = [...possession.once, ...(client?.once ?? [])]
  if (actor !== client) once.push(...(actor?.once ?? []))
  const acting = actor && { issuer: actor.workload.issuer, subject: actor.workload.subject }
  const { confirmation } = possession
  if (!saysOurs(broker, asked.subjectToken)) {
    const subject = await asSubject(broker, asked.subjectToken, () =>
      attestUnkept(db, broker, asked.subjectToken),
    )
    if (acting) mustMayAct(broker.config.issuer, subject, acting)
    const { definition, audience } = tokenLease(broker.config, asked.targets)
    return await issueLease(db, broker, subject.workload, {
      name: definition.name,
      audience,
      ...(asked.scopes && { scopes: asked.scopes }),
      once: [...once, ...subject.once],
      confirmation,
      actors: acting ? [acting] : [],
    })
  }
  const own = await asSubject(broker, asked.subjectToken, () => readOwnToken(db, broker, asked.subjectToken))
  const shows = holds(confirmation, own.confirmation)
  if (!shows && !(acting && confirmation))
    throw new OauthError('invalid_request', 'the key that the subject_token is bound to was not shown')
  return await narrowed(db, broker, own, acting, { ...asked, once, possession })
}

async function narrowed(
  db: Db,
  broker: Broker,
  own: OwnToken,
  acting: Actor | undefined,
  asked: Exchange & { readonly once: readonly Once[]; readonly possession: Possession },
): Promise<Granted> {
  const { lease, audience, scopes } = own
  const wanted = asked.targets.filter(target => target !== lease.name)
  if (!wanted.every(target => audience.includes(target)))
    throw new OauthError('invalid_target', 'the subject_token is not for that')
  if (asked.scopes && !asked.scopes.every(scope => scopes.includes(scope)))
    throw new OauthError('invalid_scope', 'the subject_token has not all of these scopes')
  const before = JSON.parse(lease.actors ?? '[]') as Actor[]
  const actors = acting ? [acting, ...before] : before
  if (actors.length > MOST_ACTORS)
    throw new OauthError('invalid_request', `no more than ${MOST_ACTORS} act for each other`)
  const left = lease.not_after - broker.io.now().getTime()
  const definition = leaseNamed(broker.config, lease.name)
  if (left < 1000 || !definition)
    throw new OauthError('invalid_request', 'the lease of the subject_token is over')
  return await issueLease(db, broker, JSON.parse(lease.workload) as Workload, {
    name: lease.name,
    audience: wanted.length > 0 ? wanted : audience,
    scopes: asked.scopes ?? scopes,
    // What is left of the subject's is less, and other each second: then each would have to be decided again by itself.
    ttlSeconds: Math.min(lease.ttl_seconds, definition.ttl),
    ...(lease.task !== null && { task: lease.task }),
    once: asked.once,
    confirmation: asked.possession.confirmation,
    actors,
    parent: lease,
  })
}

function mustBeTaken({ subjectTokenType, actorToken, actorTokenType, requestedTokenType }: Exchange): void {
  if ((actorToken === undefined) !== (actorTokenType === undefined))
    throw new OauthError('invalid_request', 'an actor_token has a type, and only that has one')
  for (const type of [subjectTokenType, ...(actorTokenType === undefined ? [] : [actorTokenType])])
    if (!TAKEN_TYPES.includes(type)) throw new OauthError('invalid_request', 'no token of that type is taken')
  if (
    requestedTokenType !== undefined &&
    ![ACCESS_TOKEN_TYPE, `${TOKEN_TYPE}jwt`].includes(requestedTokenType)
  )
    throw new OauthError('invalid_request', 'no token of that type is issued')
}

/** A token may say who alone acts for it. */
function mustMayAct(own: string, { mayAct }: Attested, acting: Actor): void {
  if (mayAct === undefined) return
  const { iss, sub } = actorName(own, acting)
  if (mayAct?.sub === sub && (mayAct.iss === undefined || mayAct.iss === iss)) return
  throw new OauthError('invalid_request', 'the subject_token says that another may act for it')
}

/** Who acts: by a token of an issuer, or by one of ours, which says for whom it was issued. */
async function actorOf(db: Db, broker: Broker, possession: Possession, token: string): Promise<Attested> {
  return await asSubject(broker, token, async () => {
    if (!saysOurs(broker, token)) return await attestUnkept(db, broker, token)
    const { lease, confirmation } = await readOwnToken(db, broker, token)
    if (!holds(possession.confirmation, confirmation))
      throw new OauthError('invalid_token', 'the key that it is bound to was not shown')
    return { workload: JSON.parse(lease.workload) as Workload, once: [] }
  })
}

/** What is wrong with a token that is exchanged is wrong with the request (RFC 8693, section 2.2.2). */
async function asSubject<T>(broker: Broker, token: string, work: () => Promise<T>): Promise<T> {
  return await recordingRefusal(broker, token, async () => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof OauthError) || error.code !== 'invalid_token') throw error
      throw new OauthError('invalid_request', `a token that was presented is not taken: ${error.message}`)
    }
  })
}
