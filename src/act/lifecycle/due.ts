import { sql } from 'kysely'
import { DAY_MS, formatRef, type Ms } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { nonHumans } from '../../judge/ownership/non-human.ts'
import { ownershipOf } from '../../judge/ownership/ownership.ts'
import type { Ownership } from '../../judge/ownership/weigh.ts'
import { type Profile, profilesOf } from '../../judge/requirements/profiles.ts'
import { type Required, requiredOf, type Rule } from '../../judge/requirements/requirements.ts'
import type { Suspension } from '../../judge/requirements/suspensions.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { namesOf, refOf, resolveEntity } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import { credentialsOfIdentity, isEnded } from '../incident/subject.ts'
import { ONLY_TOLD } from '../../know/inventory/only-told.ts'

/** What is to happen by itself, and when. */
export interface Due {
  readonly action: Row<'automation'>['action']
  readonly entityId: string
  /** Whose it is; the same where the identity itself comes to its end. */
  readonly identityId: string
  readonly name: string
  readonly ref: string
  readonly owner: string | null
  readonly at: Ms
  readonly why: string
  readonly noticeMs: Ms
}

/** An identity on which the requirements let something happen by itself. */
export interface Governed {
  readonly required: Required
  readonly expiry: Profile['expiry']
  readonly ownership: Ownership | undefined
  readonly name: string
  readonly ref: string
}

/** All identities of which the requirements let something happen by itself, by their ids. */
export async function governedBy(
  db: Db,
  roots: Roots,
  rules: readonly Rule[],
  now: Ms,
): Promise<ReadonlyMap<string, Governed>> {
  const governed = new Map<string, Governed>()
  if (!rules.some(({ automatic }) => automatic)) return governed
  const identities = await nonHumans(db)
  const profiles = await profilesOf(db, roots, identities)
  const own = identities.flatMap(identity => {
    const profile = profiles.get(identity.id)!
    const required = requiredOf(rules, profile)
    // Without it nobody may get in when all else fails: that is for a person to want.
    if (!required || profile.class.value === 'break-glass') return []
    const acts = required.rotates || required.expires || required.suspends.length > 0
    return acts ? [{ identity, profile, required }] : []
  })
  if (own.length === 0) return governed
  const { ownership } = await ownershipOf(db, now)
  for (const { identity, profile, required } of own) {
    const [name = identity.native] = await namesOf(db, identity.id)
    governed.set(identity.id, {
      required,
      ownership: ownership.get(identity.id),
      name,
      ref: formatRef(refOf(await resolveEntity(db, identity.id))),
      expiry: profile.expiry,
    })
  }
  return governed
}

/** All that is due, or will be so soon that its owner is to be told. Whose things are is asked only where that `isSettled`, and of what was begun. */
export async function dueOf(
  db: Db,
  governed: ReadonlyMap<string, Governed>,
  suspensions: ReadonlyMap<string, Suspension>,
  isSettled: boolean,
  now: Ms,
): Promise<Due[]> {
  const found: Due[] = []
  for (const [id, { required, ownership, name, ref, expiry }] of governed) {
    const owner = ownership?.answers?.name ?? null
    const about = { entityId: id, identityId: id, name, ref }
    const end = expiry && Date.parse(expiry.value)
    if (required.expires && end !== undefined && !Number.isNaN(end) && !(await hasGone(db, id, end))) {
      const why = `it ends on ${day(end)}: ${expiry!.why}`
      found.push({ action: 'expire', ...about, owner, at: end, why, noticeMs: required.noticeMs })
    }
    const lack = required.suspends.find(state => state === ownership?.state)
    const suspension = suspensions.get(id)
    if (lack !== undefined && (isSettled || suspension?.state === 'begun')) {
      const noticeMs = required.graceMs
      const at = (suspension?.row.announced_at ?? now) + noticeMs
      const answers = lack === 'conflict' ? owner : null
      found.push({ action: 'suspend', ...about, owner: answers, at, why: LACKS[lack](owner), noticeMs })
    }
    // It would be given to whom it was taken from.
    const isShut = ['begun', 'suspended', 'resuming'].includes(suspension?.state ?? '')
    if (required.rotates && required.rotationDays !== undefined && !isShut)
      found.push(...(await oldOnes(db, id, { name, owner }, required, now)))
  }
  return found
}

/** It went when it had come to this end: it is there still, with that end, and is not taken away again and again. */
async function hasGone(db: Db, identityId: string, end: Ms): Promise<boolean> {
  const done = await db
    .selectFrom('automation')
    .select('id')
    .where('entity_id', 'in', await membersOf(db, [identityId]))
    .where('action', '=', 'expire')
    .where('run_id', 'is not', null)
    .where('ended_at', '>=', end)
    .executeTakeFirst()
  return done !== undefined
}

const LACKS = {
  orphan: () => 'nothing speaks for anybody who is known',
  departed: (owner: string | null) => `it was ${owner}’s, who left`,
  conflict: (owner: string | null) => `it is ${owner}’s or another’s, for whom nearly as much speaks`,
} as const

async function oldOnes(
  db: Db,
  identityId: string,
  about: { readonly name: string; readonly owner: string | null },
  { rotationDays, noticeMs }: Required,
  now: Ms,
): Promise<Due[]> {
  const found: Due[] = []
  for (const entityId of await credentialsOfIdentity(db, identityId)) {
    if (await isEnded(db, entityId)) continue
    const made = await knownSince(db, entityId)
    if (!made) continue
    const at = made.at + rotationDays! * DAY_MS
    if (at - noticeMs > now) continue
    const ref = formatRef(refOf(await resolveEntity(db, entityId)))
    const why = `it is to be rotated every ${rotationDays === 1 ? 'day' : `${rotationDays} days`}, and ${made.why}`
    found.push({ action: 'rotate', entityId, identityId, ...about, ref, at, why, noticeMs })
  }
  return found
}

/** When it was made, or the first time that its value was seen: it is that old at least. */
async function knownSince(db: Db, credentialId: string): Promise<{ at: Ms; why: string } | undefined> {
  const members = await membersOf(db, [credentialId])
  const facts = await db
    .selectFrom('fact')
    .select('value')
    .where('entity_id', 'in', members)
    .where('name', '=', 'created')
    .where('gone_at', 'is', null)
    .execute()
  const times = facts.flatMap(({ value }) => {
    const parsed: unknown = JSON.parse(value)
    const at = typeof parsed === 'string' ? Date.parse(parsed) : Number.NaN
    return Number.isNaN(at) ? [] : [at]
  })
  const made = times.length > 0 ? Math.max(...times) : undefined
  if (made !== undefined) return { at: made, why: `was made on ${day(made)}` }
  const seen = await db
    .selectFrom('credential')
    .innerJoin('copy', 'copy.fingerprint', 'credential.fingerprint')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(({ fn }) => fn.min('copy.first_seen').as('at'))
    .where('credential.entity_id', 'in', members)
    // One of which only a text told, and that stands nowhere any more, is none to rotate.
    .having(
      sql`max(case when copy.gone_at is null or entity.native not like ${sql.lit(ONLY_TOLD)} then 1 else 0 end)`,
      '=',
      1,
    )
    .executeTakeFirst()
  const at = seen?.at ?? undefined
  if (at === undefined) return undefined
  return { at, why: `its value has stood since ${day(at)} at least` }
}

export function day(at: Ms): string {
  return new Date(at).toISOString().slice(0, 10)
}
