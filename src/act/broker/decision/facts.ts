import { FirebreakError, isFirebreakError } from '../../../core/contract/errors.ts'
import { type CredentialRef, isProvisional } from '../../../core/contract/ref.ts'
import type { Keys } from '../../../core/keys/keys.ts'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import type { PolicyRequest } from '../../../judge/policy/policy.ts'
import { profilesOf } from '../../../judge/requirements/profiles.ts'
import { heldBy } from '../../../know/inventory/holds.ts'
import { membersOf, rootOf } from '../../../know/inventory/merge.ts'
import { findSubject, namesOf, refOf } from '../../../know/inventory/queries.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import type { LeaseDefinition } from '../broker-config.ts'

/** What the inventory knows of what is asked for. */
export interface LeaseFacts {
  readonly lease: PolicyRequest['lease']
  readonly held: boolean
  readonly findings: readonly string[]
  /** The identity that all this is known of, where there is one. */
  readonly entityId?: string
  /** What a credential is issued like; none where a token is signed. */
  readonly like?: { readonly entityId: string; readonly ref: CredentialRef; readonly label: string }
}

/** Asked anew for each decision: what was true a minute ago is not what is decided by. */
export async function leaseFacts(db: Db, keys: Keys, definition: LeaseDefinition): Promise<LeaseFacts> {
  const { name, like, spiffeId } = definition
  const svid = spiffeId === undefined ? {} : { system: 'spiffe', identity: spiffeId }
  const identity =
    like === undefined ? await spiffeIdentity(db, keys, spiffeId) : await identityNamed(db, keys, like)
  if (!identity) return { lease: { name, kind: 'token', ...svid }, held: false, findings: [] }
  const label = (await namesOf(db, identity.id))[0] ?? identity.native
  const about =
    like === undefined
      ? { name, kind: 'token' as const, ...svid }
      : { name, kind: 'credential' as const, system: identity.system, identity: label }
  const roots = await loadRoots(db)
  const profile = (await profilesOf(db, roots, [identity])).get(identity.id)
  const owner = await confirmedOwner(db, identity.id)
  const ref = refOf(identity)
  return {
    lease: {
      ...about,
      ...(profile && { class: profile.class.value }),
      ...(profile?.environment && { environment: profile.environment.value }),
      ...(owner !== undefined && { owner }),
    },
    held: await isHeld(db, identity.id),
    findings: await findingsOf(db, identity.id),
    entityId: identity.id,
    ...(like !== undefined && { like: { entityId: identity.id, ref: { ...ref, identity: ref }, label } }),
  }
}

/** A hold on the identity, or on any credential of it: a run that contains one holds that. */
export async function isHeld(db: Db, identityId: string): Promise<boolean> {
  const members = await membersOf(db, [await rootOf(db, identityId)])
  const credentials = await db
    .selectFrom('credential')
    .select('entity_id')
    .where('identity_id', 'in', members)
    .execute()
  for (const id of [identityId, ...credentials.map(row => row.entity_id)])
    if ((await heldBy(db, id)).length > 0) return true
  return false
}

/** A person's word. What only speaks for an owner is too little to give access by. */
async function confirmedOwner(db: Db, identityId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('confirmation')
    .select('owner')
    .where('entity_id', 'in', await membersOf(db, [identityId]))
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return row?.owner
}

async function findingsOf(db: Db, identityId: string): Promise<string[]> {
  const members = await membersOf(db, [await rootOf(db, identityId)])
  const rows = await db
    .selectFrom('finding')
    .select('check')
    .distinct()
    .where('entity_id', 'in', members)
    .where('ended_at', 'is', null)
    .orderBy('check')
    .execute()
  return rows.map(row => row.check)
}

/** Of a SPIFFE ID that certificates are issued for as well: what is known of that, and a hold on it, is of its tokens too. */
async function spiffeIdentity(
  db: Db,
  keys: Keys,
  spiffeId: string | undefined,
): Promise<Row<'entity'> | undefined> {
  if (spiffeId === undefined) return undefined
  try {
    return await identityNamed(db, keys, spiffeId)
  } catch (error) {
    if (!isFirebreakError(error, 'NOT_FOUND')) throw error
    return undefined
  }
}

/** Raises NOT_FOUND, or AMBIGUOUS. */
export async function identityNamed(db: Db, keys: Keys, name: string): Promise<Row<'entity'>> {
  const found = (await findSubject(db, keys, name)).filter(
    entity => entity.type === 'identity' && entity.gone_at === null && !isProvisional(refOf(entity)),
  )
  const [identity, another] = found
  if (!identity)
    throw new FirebreakError(
      'NOT_FOUND',
      `no identity of a connected system is known as ${name}`,
      'connect the system and observe it: firebreak connect, firebreak observe',
    )
  if (another)
    throw new FirebreakError(
      'AMBIGUOUS',
      `${name} is ${found.length} identities`,
      'give its reference in `like`: firebreak ls identities has them',
    )
  return identity
}
