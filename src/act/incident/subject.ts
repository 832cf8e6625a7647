import { FirebreakError } from '../../core/contract/errors.ts'
import { formatRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { fingerprint } from '../../core/keys/fingerprint.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Db } from '../../core/store/store.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { outOfSight } from '../../know/inventory/out-of-sight.ts'
import {
  type CredentialView,
  credentialsByFingerprint,
  credentialView,
  findSubject,
} from '../../know/inventory/queries.ts'
import { isOnlyTold } from '../../know/inventory/only-told.ts'

/** The credentials that a request names, by the leaked value or by what people call them. */
export async function subjectCredentials(
  db: Db,
  world: { readonly keys: Keys },
  request: { readonly subject?: string; readonly secret?: Secret },
): Promise<CredentialView[]> {
  if (request.secret) {
    const views = await bearing(db, world, request.secret)
    if (views.length === 0 && request.subject === undefined)
      throw new FirebreakError(
        'NOT_FOUND',
        'this secret stands in no source that was looked at',
        'name whose it is as well (firebreak contain REF --secret-stdin), or scan and connect where it may stand',
      )
    if (views.length > 0) return views
  }
  const entities = await findSubject(db, world.keys, request.subject ?? '')
  const ids = new Set<string>()
  const ended = new Set<string>()
  for (const entity of entities) {
    if (entity.type === 'credential') ids.add(entity.id)
    // What ended lies behind us, unless it is asked for by its own name.
    if (entity.type === 'identity')
      for (const id of await credentialsOfIdentity(db, entity.id))
        ((await isEnded(db, id)) ? ended : ids).add(id)
  }
  if (ids.size === 0 && ended.size > 0) {
    const views = await Promise.all([...ended].map(id => credentialView(db, world.keys, id)))
    const names = views.map(view => view.publicFingerprint ?? formatRef(view.ref))
    throw new FirebreakError(
      'NOT_FOUND',
      `every credential of ${request.subject} has ended`,
      `name one to have it looked at all the same: ${[...new Set(names)].join(', ')}`,
    )
  }
  if (ids.size === 0)
    throw new FirebreakError(
      'NOT_FOUND',
      `no credential is known as ${request.subject}`,
      'firebreak ls credentials shows what is known; or give the secret itself, with - in place of its name',
    )
  const all = await Promise.all([...ids].map(id => credentialView(db, world.keys, id)))
  // A second key of a user is not what leaked because the first one did.
  const isOwn = (view: CredentialView) => !isOnlyTold(view.ref.id)
  const held = all.filter(view => isOwn(view) && view.copies.length > 0)
  if (held.length > 1 && entities.every(entity => entity.type === 'identity'))
    throw new FirebreakError(
      'AMBIGUOUS',
      `${request.subject} has ${held.length} credentials of which copies are known`,
      `name one: ${held.map(view => formatRef(view.ref)).join(', ')}`,
    )
  const views = held.length > 0 ? all.filter(view => !isOwn(view) || view.copies.length > 0) : all
  const identities = new Set(views.map(view => view.identity?.id ?? view.id))
  const values = new Set(views.map(view => view.publicFingerprint ?? view.id))
  if (identities.size > 1 && values.size > 1)
    throw new FirebreakError(
      'AMBIGUOUS',
      `${request.subject} is ${ids.size} credentials of several identities`,
      `name one: ${[...ids].join(', ')}`,
    )
  return views
}

/** Every credential that has this value. */
export async function bearing(
  db: Db,
  world: { readonly keys: Keys },
  secret: Secret,
): Promise<CredentialView[]> {
  return await credentialsByFingerprint(db, world.keys, fingerprint(world.keys.fingerprint, secret))
}

/** All that are known, also those that are gone. */
export async function credentialsOfIdentity(db: Db, identityId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select('entity.id')
    .where('credential.identity_id', 'in', await membersOf(db, [identityId]))
    .where('entity.merged_into', 'is', null)
    .execute()
  return rows.map(row => row.id)
}

/** Seen to be gone from its system, or proven dead and not seen there since. */
export async function isEnded(db: Db, credentialId: string): Promise<boolean> {
  const ended = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select('entity.id')
    .where('entity.id', '=', credentialId)
    .where(({ or, and, not, eb }) =>
      or([
        and([eb('entity.gone_at', 'is not', null), not(outOfSight('entity'))]),
        and([
          eb('credential.state', '=', 'dead'),
          eb(eb.fn.coalesce('credential.state_at', eb.val(0)), '>=', eb.ref('entity.last_seen')),
        ]),
      ]),
    )
    .executeTakeFirst()
  return ended !== undefined
}
