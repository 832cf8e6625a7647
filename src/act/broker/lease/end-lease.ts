import { isFirebreakError } from '../../../core/contract/errors.ts'
import { type Entry, record, recordAll } from '../../../core/evidence/evidence.ts'
import type { Row } from '../../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../../core/store/store.ts'
import { bringForward, stepsOf, Superseded } from '../../actions/journal.ts'
import { runSteps } from '../../actions/run.ts'
import type { Broker } from '../broker.ts'
import { forsakenLeaseVerbs, leaseVerbs } from './lease-verbs.ts'

const PATIENCE_SECONDS = 10
/** What failed before is not given the place of another for long. */
const LATER_PATIENCE_SECONDS = 1
const FIRST_BACKOFF_MS = 1_000
const LONGEST_BACKOFF_MS = 300_000
const MOST_EXPIRED = 500
const MOST_IN_LIST = 500

type EndWorld = Pick<Broker, 'io' | 'keys' | 'connections' | 'patienceSeconds' | 'onBoundary'> &
  Partial<Pick<Broker, 'atWork'>>

/**
 * Ends a lease: what was issued is revoked, its sessions ended, its death proven; and all that was exchanged from it with it.
 * What cannot be done now is `ending` and done later, for as long as it takes. Gives the lease as it stands then; ending what
 * has ended changes nothing.
 */
export async function endLease(
  db: Db,
  broker: EndWorld,
  leaseId: string,
  why: string,
): Promise<Row<'lease'>> {
  await endAll(db, broker, [leaseId], why)
  return await leaseRow(db, leaseId)
}

/** The same of many, of which those that stand are ended. */
export async function endAll(
  db: Db,
  broker: EndWorld,
  leaseIds: readonly string[],
  why: string,
): Promise<void> {
  const ending = await transaction(db, tx => close(tx, broker, leaseIds, why), 'rows')
  const { atWork } = broker
  // The keeper of this process shall not take from us what we are at.
  const fresh = ending.filter(({ id }) => atWork?.has(id) === false)
  for (const { id } of fresh) atWork?.add(id)
  try {
    for (const lease of ending) await carryOutEnd(db, broker, lease)
  } finally {
    for (const { id } of fresh) atWork?.delete(id)
  }
}

/** Marks them as ending, with all that was exchanged from them: the keeper carries it out at once. For who does not wait for it. */
export async function beginEnd(
  db: Db,
  broker: Pick<Broker, 'io'>,
  leaseIds: readonly string[],
  why: string,
): Promise<void> {
  await transaction(db, tx => close(tx, broker, leaseIds, why), 'rows')
}

/** Ends access tokens whose time is over, some of them at once. Nobody takes them any more, so that there is nothing to revoke. */
export async function endExpiredTokens(db: Db, { io }: Pick<Broker, 'io'>): Promise<number> {
  const now = io.now().getTime()
  return await transaction(
    db,
    async tx => {
      const over = tx
        .selectFrom('lease')
        .select('id')
        .where('state', '=', 'active')
        .where('not_after', '<=', now)
        .where('kind', '=', 'token')
        .orderBy('not_after')
        .limit(MOST_EXPIRED)
        .forUpdate()
      const rows = await tx
        .updateTable('lease')
        .set({ state: 'ended', ended_at: now, ended_why: 'its time is over' })
        .where('id', 'in', over)
        .returning('id')
        .execute()
      const leases = rows.map(({ id }) => id).sort()
      if (leases.length > 0)
        await record(tx, io, { kind: 'lease.expired', subject: 'broker', body: { leases } })
      return leases.length
    },
    'rows',
  )
}

/**
 * Takes a level after the other: a lease is held before what was exchanged from it is looked for, so that nothing comes to it
 * meanwhile. Gives those of which something stands outside.
 */
async function close(
  tx: Tx,
  { io }: Pick<Broker, 'io'>,
  leaseIds: readonly string[],
  why: string,
): Promise<Row<'lease'>[]> {
  const now = io.now().getTime()
  const ending: Row<'lease'>[] = []
  let by: 'id' | 'parent_id' = 'id'
  let reason = why
  for (let wanted = leaseIds; wanted.length > 0; ) {
    const level: Row<'lease'>[] = []
    for (let at = 0; at < wanted.length; at += MOST_IN_LIST)
      level.push(...(await held(tx, by, wanted.slice(at, at + MOST_IN_LIST))))
    const standing = level.filter(({ state }) => state === 'active' || state === 'issuing')
    const entries: Entry[] = []
    for (const row of standing) {
      // Nothing stands outside that could be revoked: it is known here as ended, and to whoever asks here.
      const over = row.run_id === null
      const change = over
        ? { state: 'ended' as const, ended_at: now, ended_why: reason }
        : { state: 'ending' as const, ended_why: reason }
      await tx.updateTable('lease').set(change).where('id', '=', row.id).execute()
      if (row.run_id !== null) await bringForward(tx, io, row.run_id)
      entries.push({
        kind: over ? 'lease.ended' : 'lease.ending',
        subject: row.id,
        body: { why: reason, ...(over && { acceptedOfflineUntil: row.not_after }) },
      })
      if (!over) ending.push({ ...row, ...change })
    }
    ending.push(...level.filter(({ state }) => by === 'id' && state === 'ending'))
    await recordAll(tx, io, entries)
    wanted = standing.map(({ id }) => id)
    by = 'parent_id'
    reason = 'the lease that it was exchanged from ended'
  }
  return ending
}

async function held(tx: Tx, by: 'id' | 'parent_id', values: readonly string[]): Promise<Row<'lease'>[]> {
  return await tx.selectFrom('lease').selectAll().where(by, 'in', values).orderBy('id').forUpdate().execute()
}

/** Carries the run of a lease that is to end to its end, from wherever it was left. */
export async function carryOutEnd(db: Db, broker: EndWorld, lease: Row<'lease'>): Promise<Row<'lease'>> {
  const { io, keys, connections } = broker
  const runId = lease.run_id!
  const issue = (await stepsOf(db, runId)).find(({ key }) => key === 'issue')
  const isThere = issue?.state === 'verified' || issue?.state === 'called'
  try {
    await runSteps(db, runId, {
      io,
      keys,
      connections,
      // What nobody got is not made any more.
      handlers: isThere ? leaseVerbs : forsakenLeaseVerbs,
      patienceSeconds:
        lease.failures === 0 ? (broker.patienceSeconds ?? PATIENCE_SECONDS) : LATER_PATIENCE_SECONDS,
      ...(broker.onBoundary && { onBoundary: broker.onBoundary }),
      whenDone: tx => ended(tx, broker, lease, isThere),
    })
  } catch (error) {
    // Somebody else of this process took it, who goes on with it.
    if (error instanceof Superseded) return await leaseRow(db, lease.id)
    // Another process is at it.
    if (!isFirebreakError(error, 'CONFLICT')) throw error
  }
  const now = await leaseRow(db, lease.id)
  if (now.state !== 'ending') return now
  const backoff = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(now.failures, 12))
  await transaction(
    db,
    tx =>
      tx
        .updateTable('lease')
        .set({ failures: now.failures + 1, next_at: io.now().getTime() + backoff })
        .where('id', '=', lease.id)
        .where('state', '=', 'ending')
        .execute(),
    'rows',
  )
  return await leaseRow(db, lease.id)
}

export async function leaseRow(db: Db, leaseId: string): Promise<Row<'lease'>> {
  return await db.selectFrom('lease').selectAll().where('id', '=', leaseId).executeTakeFirstOrThrow()
}

async function ended(tx: Tx, { io }: Pick<Broker, 'io'>, lease: Row<'lease'>, was: boolean): Promise<void> {
  await tx
    .updateTable('lease')
    .set({ state: was ? 'ended' : 'refused', ended_at: io.now().getTime(), next_at: null })
    .where('id', '=', lease.id)
    .execute()
  await record(tx, io, {
    kind: was ? 'lease.ended' : 'lease.refused',
    subject: lease.id,
    body: { why: lease.ended_why ?? '', run: lease.run_id },
  })
}
