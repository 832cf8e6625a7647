import { isFirebreakError } from '../../core/contract/errors.ts'
import { newId } from '../../core/contract/id.ts'
import { formatRef, type Ms } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { nonHumans } from '../../judge/ownership/non-human.ts'
import { ownershipOf } from '../../judge/ownership/ownership.ts'
import { profilesOf } from '../../judge/requirements/profiles.ts'
import {
  type Required,
  requiredOf,
  requirementsInForce,
  type Rule,
} from '../../judge/requirements/requirements.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import {
  type CredentialView,
  credentialView,
  namesOf,
  refOf,
  resolveEntity,
} from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { contain, type ContainOptions } from '../incident/contain.ts'
import type { ContainReport } from '../incident/report.ts'
import { credentialsOfIdentity, isEnded } from '../incident/subject.ts'
import { intend } from './notice.ts'
import { offboard } from './offboard.ts'

const DAY_MS = 86_400_000
/** What was left alone, or is not finished, is looked at again after so long. */
const AGAIN_MS = 3_600_000

type Action = Row<'automation'>['action']

/** What is told to whoever watches, and of `announced` to the owner first. */
export interface AutomaticEvent {
  readonly event: 'announced' | 'left' | 'acted' | 'failed'
  readonly action: Action
  readonly name: string
  readonly ref: string
  readonly owner: string | null
  readonly why: string
  readonly run?: string
}

export type AutomaticOptions = Omit<ContainOptions, 'onPlan'>

interface Due {
  readonly action: Action
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

/**
 * Rotates what has become too old, and offboards what has come to its end, where the requirements in force say that this
 * happens by itself: after its owner was told, gracefully, and only where everybody who uses it and every place where it stands can be
 * seen. Never what is for emergencies. What is left alone is told with why, once.
 */
export async function actAutomatically(
  db: Db,
  options: AutomaticOptions,
  tell: (event: AutomaticEvent) => void,
): Promise<void> {
  const now = () => options.io.now().getTime()
  const inForce = await requirementsInForce(db)
  for (const due of await dueBy(db, inForce?.rules ?? [], now())) {
    if (due.at - due.noticeMs > now()) continue
    const row = await announced(db, options, due, inForce?.notify !== undefined, tell)
    // Whoever is told has all of the time that was promised.
    if (row.announced_at + due.noticeMs > now() || due.at > now() || row.next_at > now()) continue
    const { name, ref, owner, action } = due
    const about = { action, name, ref, owner }
    try {
      const { outcome, why, run } = await act(db, options, due)
      const isNew = await keep(db, options, row, outcome, why, run)
      if (isNew) tell({ event: outcome, ...about, why, ...(run !== undefined && { run }) })
    } catch (error) {
      if (!isFirebreakError(error) || error.code.startsWith('STORE_')) throw error
      if (await keep(db, options, row, 'failed', error.message))
        tell({ event: 'failed', ...about, why: error.message })
    }
  }
}

/** All that is due, or will be so soon that its owner is to be told. */
async function dueBy(db: Db, rules: readonly Rule[], now: Ms): Promise<Due[]> {
  if (!rules.some(({ automatic }) => automatic)) return []
  const identities = await nonHumans(db)
  const profiles = await profilesOf(db, await loadRoots(db), identities)
  const own = identities.flatMap(identity => {
    const profile = profiles.get(identity.id)!
    const required = requiredOf(rules, profile)
    // Without it nobody may get in when all else fails: that is for a person to want.
    if (!required || profile.class.value === 'break-glass') return []
    return required.rotates || required.expires ? [{ identity, profile, required }] : []
  })
  if (own.length === 0) return []
  const { ownership } = await ownershipOf(db, now)
  const found: Due[] = []
  for (const { identity, profile, required } of own) {
    const owner = ownership.get(identity.id)?.answers?.name ?? null
    const [name = identity.native] = await namesOf(db, identity.id)
    const end = profile.expiry && Date.parse(profile.expiry.value)
    if (required.expires && end !== undefined && !Number.isNaN(end)) {
      const ref = formatRef(refOf(await resolveEntity(db, identity.id)))
      const why = `it ends on ${day(end)}: ${profile.expiry!.why}`
      const { noticeMs } = required
      const { id } = identity
      found.push({ action: 'expire', entityId: id, identityId: id, name, ref, owner, at: end, why, noticeMs })
    }
    if (required.rotates && required.rotationDays !== undefined)
      found.push(...(await oldOnes(db, identity.id, { name, owner }, required, now)))
  }
  return found
}

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
    const why = `it is to be rotated every ${rotationDays} days, and ${made.why}`
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
    .select(({ fn }) => fn.min('copy.first_seen').as('at'))
    .where('credential.entity_id', 'in', members)
    .executeTakeFirst()
  const at = seen?.at ?? undefined
  return at === undefined ? undefined : { at, why: `its value has stood since ${day(at)} at least` }
}

function day(at: Ms): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** The row that stands for it; its owner is told when it is made. */
async function announced(
  db: Db,
  { io }: AutomaticOptions,
  due: Due,
  isSent: boolean,
  tell: (event: AutomaticEvent) => void,
): Promise<Row<'automation'>> {
  const { action, identityId, name, ref, owner } = due
  const at = io.now().getTime()
  const acts = Math.max(due.at, at + due.noticeMs)
  const why = `${due.why}; it ${action === 'rotate' ? 'is rotated' : 'goes'} on ${day(acts)} or after`
  const made = await transaction(db, async tx => {
    const known = await tx
      .selectFrom('automation')
      .selectAll()
      .where('entity_id', 'in', await membersOf(tx, [due.entityId]))
      .where('action', '=', action)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    if (known) return { row: known, isNew: false }
    const row: Row<'automation'> = {
      id: newId(io),
      entity_id: due.entityId,
      action,
      announced_at: at,
      next_at: at,
      told: null,
      run_id: null,
      ended_at: null,
    }
    await tx.insertInto('automation').values(row).execute()
    const evidence = await record(tx, io, {
      kind: `${action}.announced`,
      subject: due.entityId,
      body: { owner, why },
    })
    if (isSent)
      await intend(tx, io, {
        event: `${action}-announced`,
        identityId,
        ...(action === 'rotate' && { credentialId: due.entityId }),
        owner,
        why,
        due: acts,
        evidence,
      })
    return { row, isNew: true }
  })
  if (made.isNew) tell({ event: 'announced', action, name, ref, owner, why })
  return made.row
}

interface Acted {
  readonly outcome: 'left' | 'acted' | 'failed'
  readonly why: string
  readonly run?: string
}

async function act(db: Db, options: AutomaticOptions, due: Due): Promise<Acted> {
  if (due.action === 'expire') {
    const request = {
      subject: `identity:${due.entityId}`,
      mode: 'graceful' as const,
      windowSeconds: WINDOW_SECONDS,
    }
    const planned = await offboard(db, options, { ...request, apply: false })
    if (planned.state === 'planned') {
      const unseen = unseenIn(planned)
      if (unseen !== undefined) return { outcome: 'left', why: unseen }
    }
    return ended(await offboard(db, options, { ...request, apply: true }))
  }
  const view = await credentialView(db, options.keys, due.entityId)
  const request = { subject: view.id, mode: 'graceful' as const, windowSeconds: WINDOW_SECONDS }
  const planned = await contain(db, options, { ...request, dryRun: true })
  if (planned.state === 'planned') {
    const unseen = unplaced(view) ?? unseenIn(planned)
    if (unseen !== undefined) return { outcome: 'left', why: unseen }
  }
  return ended(await contain(db, options, request))
}

/** As long as a person would be asked to wait for a plan. */
const WINDOW_SECONDS = 5

function ended({ contained, run, state, steps }: ContainReport): Acted {
  if (contained) return { outcome: 'acted', why: 'it was done, and the old one is proven dead', run }
  const stuck = steps.find(({ error }) => error !== undefined)
  return { outcome: 'failed', why: `the run is ${state}${stuck ? `: ${stuck.error}` : ''}`, run }
}

/** What nobody can be given a new one in. */
function unplaced({ copies }: CredentialView): string | undefined {
  const standing = copies.filter(
    ({ goneAt, occurrences }) => goneAt === undefined && occurrences.some(({ atHead }) => atHead),
  )
  if (standing.length === 0) return 'no place is known where its users read it'
  const closed = standing.find(({ approved, reportOf }) => !approved && reportOf === undefined)
  return closed && `it stands in ${closed.place.path}, where Firebreak may not write`
}

/** Why not everything that uses it is seen; undefined where it is. */
function unseenIn({ breaks, credentials, notSearched }: ContainReport): string | undefined {
  const uncovered = credentials.find(({ state }) => state === 'unknown')
  if (uncovered) return `whether it is live is unknown: ${uncovered.why}`
  const [first] = breaks
  if (first !== undefined) return first
  const [gap] = notSearched
  return gap && `${gap.what} was not searched: ${gap.why}`
}

/** Gives whether it is anything new. What is done for good ends the row. */
async function keep(
  db: Db,
  { io }: AutomaticOptions,
  row: Row<'automation'>,
  outcome: Acted['outcome'],
  why: string,
  run?: string,
): Promise<boolean> {
  const now = io.now().getTime()
  const isNew = row.told !== why
  await transaction(db, async tx => {
    await tx
      .updateTable('automation')
      .set({
        told: why,
        next_at: now + AGAIN_MS,
        run_id: run ?? row.run_id,
        ended_at: outcome === 'acted' ? now : null,
      })
      .where('id', '=', row.id)
      .execute()
    if (isNew)
      await record(tx, io, {
        kind: `${row.action}.${outcome}`,
        subject: row.entity_id,
        body: { why, ...(run !== undefined && { run }) },
      })
  })
  return isNew
}
