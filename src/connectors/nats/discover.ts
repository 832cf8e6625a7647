import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import {
  type Account,
  type Claims,
  currentClaims,
  refOf,
  type Role,
  rolesOf,
  subjectsOf,
  userRef,
} from './account.ts'
import { clientsOf } from './sessions.ts'

/** The account, the keys that sign users of it, its roles with what they may do, and the users that are known. */
export async function* discover(account: Account): AsyncGenerator<Observation> {
  const { instance, io, ledger } = account
  const claims = await currentClaims(account)
  const itself = refOf(instance, 'account', instance)
  const now = io.now().getTime()
  yield { see: 'resource', ref: itself, names: [claims.name], facts: factsOf({ operator: claims.iss }) }
  yield* signingKeys(instance, claims, itself)
  const roles = rolesOf(claims)
  for (const each of roles) yield* roleSeen(instance, each, itself)

  const known = new Map<string, Observation>()
  const roleOf = (key: string | undefined): Ref | undefined =>
    roles.some(each => each.key === key) ? refOf(instance, 'role', key!) : undefined
  for (const { user, issuer_key: issuer } of await clientsOf(account)) {
    const identity = roleOf(issuer)
    if (user === undefined || !identity) continue
    known.set(user, { see: 'credential', ref: userRef(instance, user, identity), facts: {} })
  }
  for (const { serial, name, identity, notAfter, state } of ledger.all(now)) {
    if (state === 'revoked' || notAfter <= now) continue
    const facts = factsOf({
      userName: name,
      notAfter: new Date(notAfter).toISOString(),
      suspended: state === 'suspended',
    })
    known.set(serial, {
      see: 'credential',
      ref: userRef(instance, serial, refOf(instance, 'role', identity)),
      facts,
    })
  }
  yield* known.values()
  yield { see: 'covered', scope: `nats:${instance}/roles`, complete: true }
  yield {
    see: 'covered',
    scope: `nats:${instance}/signed-elsewhere`,
    complete: false,
    why: 'NATS keeps no list of users: those that others signed are seen while they are connected.',
  }
}

/** Whoever has one of these makes a user with any right in the account. */
function* signingKeys(instance: string, { nats }: Claims, itself: Ref): Generator<Observation> {
  for (const key of [instance, ...(nats.signing_keys ?? [])]) {
    if (typeof key !== 'string') continue
    const ref = refOf(instance, 'signing-key', key)
    yield { see: 'resource', ref, names: [key], facts: {} }
    yield {
      see: 'edge',
      from: ref,
      to: itself,
      crossing: 'superuser',
      certainty: 'proven',
      why: 'Users with any right in the account are signed with this key.',
    }
  }
}

function* roleSeen(instance: string, its: Role, itself: Ref): Generator<Observation> {
  const { key, role } = its
  const ref = refOf(instance, 'role', key)
  const name = role || key
  yield { see: 'identity', ref, names: [name], facts: factsOf({ signingKey: key }) }
  for (const [crossing, verb, way] of [
    ['may-write', 'publish to', 'pub'],
    ['may-read', 'subscribe to', 'sub'],
  ] as const) {
    const { allow, deny } = subjectsOf(its, way)
    if (deny.includes('>')) continue
    const limits = [
      ...(allow.length > 0 && !allow.includes('>') ? [`matches ${allow.join(' or ')}`] : []),
      ...(deny.length > 0 ? [`does not match ${deny.join(' or ')}`] : []),
    ].join(' and ')
    yield {
      see: 'edge',
      from: ref,
      to: itself,
      crossing,
      ...(limits === ''
        ? { certainty: 'proven' }
        : { certainty: 'conditional', when: `the subject ${limits}` }),
      why: `${name} may ${verb} ${limits === '' ? 'everything' : 'some subjects'}.`,
    }
  }
}
