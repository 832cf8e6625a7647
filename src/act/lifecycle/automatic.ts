import { isFirebreakError } from '../../core/contract/errors.ts'
import { newId } from '../../core/contract/id.ts'
import { formatRef, type Ms } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { requirementsInForce } from '../../judge/requirements/requirements.ts'
import { type Suspension, suspensionsOf } from '../../judge/requirements/suspensions.ts'
import { connectedSources } from '../../know/connections/registry.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import {
  type CredentialView,
  credentialView,
  namesOf,
  refOf,
  resolveEntity,
} from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { Claimed } from '../actions/claim.ts'
import { Superseded } from '../actions/journal.ts'
import { contain, type ContainOptions } from '../incident/contain.ts'
import type { ContainReport } from '../incident/report.ts'
import { day, type Due, dueOf, type Governed, governedBy } from './due.ts'
import { intend, type News } from './notice.ts'
import { offboard } from './offboard.ts'
import { resumeIdentity, suspendableOf, suspendIdentity } from './suspension.ts'

/** What was left alone, or is not finished, is looked at again after so long. */
const AGAIN_MS = 3_600_000

type Action = Row<'automation'>['action']

/** What is told to whoever watches, and of `announced` to the owner first. */
export interface AutomaticEvent {
  readonly event: 'announced' | 'withdrawn' | 'left' | 'acted' | 'failed' | 'resumed'
  readonly action: Action
  readonly name: string
  readonly ref: string
  readonly owner: string | null
  readonly why: string
  readonly run?: string
}

export type AutomaticOptions = Omit<ContainOptions, 'onPlan'>
type Tell = (event: AutomaticEvent) => void

/**
 * Rotates what has become too old, offboards what has come to its end, and suspends what nobody answers for, where the requirements in force
 * say that this happens by itself: after its owner was told. What goes for good goes gracefully, and only where everybody who uses it and
 * every place where it stands can be seen; what is suspended can be given back. Never what is for emergencies. What is left alone is
 * told with why, once.
 */
export async function actAutomatically(db: Db, options: AutomaticOptions, tell: Tell): Promise<void> {
  const now = () => options.io.now().getTime()
  const inForce = await requirementsInForce(db)
  const isSent = inForce?.notify !== undefined
  const roots = await loadRoots(db)
  const governed = await governedBy(db, roots, inForce?.rules ?? [], now())
  const suspensions = await suspensionsOf(db, roots)
  const isSettled = await isEachSourceRead(db)
  const dues = await dueOf(db, governed, suspensions, isSettled, now())
  const release = async (id: string, suspension: Suspension) =>
    await released(db, options, { id, suspension, one: governed.get(id), isSent }, tell)
  // What is half open is given back whole before anything else is wanted of it.
  for (const [id, suspension] of suspensions)
    if (suspension.state === 'resuming') await release(id, suspension)
  for (const due of dues) {
    const state = due.action === 'suspend' ? suspensions.get(due.entityId)?.state : undefined
    if (state === 'suspended' || state === 'resuming') continue
    if (due.at - due.noticeMs > now()) continue
    if (due.action === 'suspend' && !(await canBeSuspended(db, options, due, suspensions, tell))) continue
    const row = await announced(db, options, due, isSent, tell)
    if (row.announced_at + due.noticeMs > now() || due.at > now() || row.next_at > now()) continue
    await settled(db, options, row, due, tell, async () => {
      const told = await whenTold(db, row, isSent)
      if (typeof told === 'string') return { outcome: 'left', why: told }
      // Whoever is told has all of the time that was promised.
      return told === undefined || told + due.noticeMs > now()
        ? undefined
        : await act(db, options, due, row, isSent, tell)
    })
  }
  const isWanted = (id: string) => dues.some(one => one.action === 'suspend' && one.entityId === id)
  for (const [id, suspension] of suspensions) {
    if (suspension.state === 'resuming' || isWanted(id)) continue
    if (isSettled || suspension.state === 'begun') await release(id, suspension)
  }
}

/** What no connected system can suspend is not announced, but left, with why; it is looked at again after a time. */
async function canBeSuspended(
  db: Db,
  options: AutomaticOptions,
  due: Due,
  suspensions: ReadonlyMap<string, Suspension>,
  tell: Tell,
): Promise<boolean> {
  const known = suspensions.get(due.entityId)
  if (known && known.state !== 'left') return true
  const now = options.io.now().getTime()
  if (known && known.row.next_at > now) return false
  const { found, cannot } = await suspendableOf(db, options, due.entityId).catch((error: unknown) => {
    if (!isFirebreakError(error) || error.code.startsWith('STORE_')) throw error
    return { found: [], cannot: [`whether it can be suspended is unknown: ${error.message}`] }
  })
  if (found.length > 0) {
    if (known)
      await db.updateTable('automation').set({ ended_at: now }).where('id', '=', known.row.id).execute()
    return true
  }
  // All that it had has ended already.
  if (cannot.length === 0) return false
  const row: Row<'automation'> = known?.row ?? {
    ...newRow(options.io, due),
    told: null,
    left_at: now,
  }
  if (!known) await db.insertInto('automation').values(row).execute()
  await settled(db, options, row, due, tell, async () => ({ outcome: 'left', why: cannot.join('; ') }))
  return false
}

/** Until then nobody can say that nothing speaks for an owner. */
async function isEachSourceRead(db: Db): Promise<boolean> {
  const unread = await connectedSources(db).select('id').where('observed_at', 'is', null).executeTakeFirst()
  return unread === undefined
}

/** Does it, and keeps and tells what it came to, where that is new. */
async function settled(
  db: Db,
  options: AutomaticOptions,
  row: Row<'automation'>,
  about: Pick<Due, 'action' | 'name' | 'ref' | 'owner'>,
  tell: Tell,
  work: () => Promise<Acted | undefined>,
): Promise<void> {
  const { action, name, ref, owner } = about
  try {
    const done = await work()
    if (!done) return
    const { outcome, why, run } = done
    if (await transaction(db, tx => keep(tx, options, row, done)))
      tell({ event: outcome, action, name, ref, owner, why, ...(run !== undefined && { run }) })
  } catch (error) {
    // Another one is at it: what it comes to is for that one to say.
    if (error instanceof Superseded || error instanceof Claimed) return
    if (!isFirebreakError(error) || error.code.startsWith('STORE_')) throw error
    const why = error.message
    if (await transaction(db, tx => keep(tx, options, row, { outcome: 'failed', why })))
      tell({ event: 'failed', action, name, ref, owner, why })
  }
}

/**
 * What was announced is withdrawn once there is an owner, or policy wants it no more; what was suspended, and is a person's by their word,
 * is given back where policy says so. One that was not finished is taken back as well.
 */
async function released(
  db: Db,
  options: AutomaticOptions,
  {
    id,
    suspension,
    one,
    isSent,
  }: {
    readonly id: string
    readonly suspension: Suspension
    readonly one: Governed | undefined
    readonly isSent: boolean
  },
  tell: Tell,
): Promise<void> {
  const { row, state } = suspension
  const owner = one?.ownership?.answers?.name ?? null
  const [name = id] = one ? [one.name] : await namesOf(db, id)
  const ref = one?.ref ?? formatRef(refOf(await resolveEntity(db, id)))
  const about = { action: row.action, name, ref, owner }
  const why =
    owner === null ? 'the requirements in force do not ask for it any more' : `${owner} answers for it`
  if (state === 'announced' || state === 'left') {
    const isWithdrawn = await transaction(db, async tx => {
      const { numUpdatedRows } = await tx
        .updateTable('automation')
        .set({ ended_at: options.io.now().getTime() })
        .where('id', '=', row.id)
        // Another watch may have begun it meanwhile: the next one gives it back.
        .where('run_id', 'is', null)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return false
      await record(tx, options.io, { kind: 'suspend.withdrawn', subject: id, body: { why } })
      return true
    })
    if (isWithdrawn) tell({ event: 'withdrawn', ...about, why })
    return
  }
  const isGivenBack = one?.required.resumes && one.ownership?.state === 'confirmed'
  if ((state === 'suspended' && !isGivenBack) || row.next_at > options.io.now().getTime()) return
  await settled(db, options, row, about, tell, async () => {
    const done = await giveBack(db, options, row, { owner, why }, isSent)
    if (done.outcome !== 'acted') return done
    tell({ event: 'resumed', ...about, why: done.why, ...(done.run !== undefined && { run: done.run }) })
    return undefined
  })
}

/** Gives back what was suspended, and says so to whom the requirements name. */
export async function giveBack(
  db: Db,
  options: AutomaticOptions,
  row: Row<'automation'>,
  { owner, why }: { readonly owner: string | null; readonly why: string },
  isSent: boolean,
): Promise<Acted> {
  return await resumeIdentity(db, options, row, why, tx =>
    told(tx, options, { event: 'resumed', identityId: row.entity_id, owner, why }, isSent),
  )
}

/** Records what happened, and writes down what is to be sent of it. */
async function told(
  tx: Tx,
  { io }: Pick<AutomaticOptions, 'io'>,
  news: Pick<News, 'event' | 'identityId' | 'owner' | 'why'>,
  isSent: boolean,
): Promise<void> {
  const { event, identityId, owner, why } = news
  const evidence = await record(tx, io, {
    kind: `identity.${event}`,
    subject: identityId,
    body: { owner, why },
  })
  if (isSent) await intend(tx, io, { ...news, evidence })
}

/**
 * When its owner was told: where a notice is sent, when that was taken, and why it was not where it was not; undefined where it is
 * still to be sent. Nothing is done by itself before.
 */
async function whenTold(db: Db, row: Row<'automation'>, isSent: boolean): Promise<Ms | string | undefined> {
  if (!isSent || row.notice_id === null) return row.announced_at
  const notice = await db
    .selectFrom('notice')
    .select(['sent_at', 'error', 'tries'])
    .where('id', '=', row.notice_id)
    .executeTakeFirst()
  if (!notice) return row.announced_at
  if (notice.sent_at !== null) return notice.sent_at
  if (notice.error === null) return undefined
  return `its notice was not taken, and nothing is done before that: ${notice.error}`
}

/** The row that stands for it; its owner is told when it is made. */
async function announced(
  db: Db,
  { io }: AutomaticOptions,
  due: Due,
  isSent: boolean,
  tell: Tell,
): Promise<Row<'automation'>> {
  const { action, identityId, name, ref, owner } = due
  const at = io.now().getTime()
  const acts = Math.max(due.at, at + due.noticeMs)
  const goes = `it ${GOES[action]} on ${day(acts)} or after`
  const why = `${due.why}; ${goes}`
  const made = await transaction(db, async tx => {
    const known = await tx
      .selectFrom('automation')
      .selectAll()
      .where('entity_id', 'in', await membersOf(tx, [due.entityId]))
      .where('action', '=', action)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    // One that was announced before there was a place to send it to is sent now.
    const isUnsent = isSent && (known === undefined || (known.notice_id === null && known.run_id === null))
    if (known && !isUnsent) return { row: known, isNew: false }
    const evidence = await record(tx, io, {
      kind: `${action}.announced`,
      subject: due.entityId,
      body: { owner, why },
    })
    const notice_id = isSent
      ? await intend(tx, io, {
          event: `${action}-announced`,
          identityId,
          ...(action === 'rotate' && { credentialId: due.entityId }),
          owner,
          why,
          due: acts,
          evidence,
        })
      : null
    if (known) {
      await tx.updateTable('automation').set({ notice_id }).where('id', '=', known.id).execute()
      return { row: { ...known, notice_id }, isNew: true }
    }
    const row = { ...newRow(io, due), notice_id, told: goes }
    await tx.insertInto('automation').values(row).execute()
    return { row, isNew: true }
  })
  if (made.isNew) tell({ event: 'announced', action, name, ref, owner, why })
  return made.row
}

function newRow(io: Pick<AutomaticOptions['io'], 'now' | 'random'>, due: Due): Row<'automation'> {
  const at = io.now().getTime()
  return {
    id: newId(io),
    entity_id: due.entityId,
    action: due.action,
    announced_at: at,
    notice_id: null,
    left_at: null,
    next_at: at,
    told: null,
    run_id: null,
    ended_at: null,
  }
}

const GOES = { rotate: 'is rotated', expire: 'goes', suspend: 'is suspended' } as const

interface Acted {
  readonly outcome: 'left' | 'acted' | 'failed'
  readonly why: string
  readonly run?: string
}

async function act(
  db: Db,
  options: AutomaticOptions,
  due: Due,
  row: Row<'automation'>,
  isSent: boolean,
  tell: Tell,
): Promise<Acted | undefined> {
  if (due.action === 'suspend') {
    const { action, identityId, name, ref, owner, why } = due
    const done = await suspendIdentity(db, options, row, why, async (tx, end) => {
      await told(tx, options, { event: 'suspended', identityId, owner, why }, isSent)
      await keep(tx, options, row, end)
    })
    if (done.outcome !== 'acted') return done
    // What it came to was kept with the end of its run.
    tell({ event: 'acted', action, name, ref, owner, why: done.why, run: done.run! })
    return undefined
  }
  if (due.action === 'expire') {
    const request = {
      subject: `identity:${due.entityId}`,
      mode: 'graceful' as const,
      windowSeconds: WINDOW_SECONDS,
    }
    const planned = await offboard(db, options, { ...request, apply: false })
    if (planned.state === 'planned') {
      // What ends goes whether it is live or not: of most there is no value to try.
      const uncovered = planned.credentials.find(credential => credential.uncovered)
      const unseen = uncovered?.why ?? unseenIn(planned)
      if (unseen !== undefined) return { outcome: 'left', why: unseen }
    }
    return ended(await offboard(db, options, { ...request, apply: true }))
  }
  const view = await credentialView(db, options.keys, due.entityId)
  const request = { subject: view.id, mode: 'graceful' as const, windowSeconds: WINDOW_SECONDS }
  const planned = await contain(db, options, { ...request, dryRun: true })
  if (planned.state === 'planned') {
    const unsure = planned.credentials.find(({ state }) => state === 'unknown')
    const unseen =
      unplaced(view) ?? (unsure && `whether it is live is unknown: ${unsure.why}`) ?? unseenIn(planned)
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
function unseenIn({ breaks, notSearched }: ContainReport): string | undefined {
  const [first] = breaks
  if (first !== undefined) return first
  const [gap] = notSearched
  return gap && `${gap.what} was not searched: ${gap.why}`
}

/**
 * Gives whether it is anything new. What is done for good ends the row; what is suspended may be given back. Where another watch has taken
 * it up or ended it meanwhile, what it came to is for that one to say.
 */
async function keep(
  tx: Tx,
  { io }: AutomaticOptions,
  { id, action, entity_id, run_id }: Row<'automation'>,
  { outcome, why, run }: Acted,
): Promise<boolean> {
  const now = io.now().getTime()
  const known = await tx
    .selectFrom('automation')
    .select(['told', 'run_id', 'ended_at'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow()
  if (known.ended_at !== null || (run === undefined && known.run_id !== run_id)) return false
  await tx
    .updateTable('automation')
    .set({
      told: why,
      next_at: outcome === 'acted' ? now : now + AGAIN_MS,
      // A suspension's is written down with the run: what gives it back is another.
      ...(run !== undefined && action !== 'suspend' && { run_id: run }),
      ...(outcome === 'acted' && action !== 'suspend' && { ended_at: now }),
    })
    .where('id', '=', id)
    .execute()
  if (known.told === why) return false
  await record(tx, io, {
    kind: `${action}.${outcome}`,
    subject: entity_id,
    body: { why, ...(run !== undefined && { run }) },
  })
  return true
}
