import { isFirebreakError } from '../../core/contract/errors.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { bringForward, stepsOf } from '../actions/journal.ts'
import { runSteps } from '../actions/run.ts'
import type { Broker } from './broker.ts'
import { forsakenLeaseVerbs, leaseVerbs } from './lease-verbs.ts'

const PATIENCE_SECONDS = 10
/** What failed before is not given the place of another for long. */
const LATER_PATIENCE_SECONDS = 1
const FIRST_BACKOFF_MS = 1_000
const LONGEST_BACKOFF_MS = 300_000

type EndWorld = Pick<Broker, 'io' | 'keys' | 'connections' | 'patienceSeconds' | 'onBoundary'>

/**
 * Ends a lease: what was issued is revoked, its sessions ended, its death proven. What cannot be done now is `ending` and
 * done later, for as long as it takes. Gives the lease as it stands then; ending what has ended changes nothing.
 */
export async function endLease(
  db: Db,
  broker: EndWorld,
  leaseId: string,
  why: string,
): Promise<Row<'lease'>> {
  const { io } = broker
  const lease = await transaction(
    db,
    async tx => {
      const row = await tx
        .selectFrom('lease')
        .selectAll()
        .where('id', '=', leaseId)
        .forUpdate()
        .executeTakeFirstOrThrow()
      if (row.state !== 'active' && row.state !== 'issuing') return row
      const now = io.now().getTime()
      // Nothing stands outside that could be revoked: it is known here as ended, and to whoever asks here.
      const over = row.run_id === null
      const change = over
        ? { state: 'ended' as const, ended_at: now, ended_why: why }
        : { state: 'ending' as const, ended_why: why }
      await tx.updateTable('lease').set(change).where('id', '=', leaseId).execute()
      if (row.run_id !== null) await bringForward(tx, io, row.run_id)
      await record(tx, io, {
        kind: over ? 'lease.ended' : 'lease.ending',
        subject: leaseId,
        body: {
          why,
          ...(over && { acceptedOfflineUntil: row.not_after }),
        },
      })
      return { ...row, ...change }
    },
    'rows',
  )
  return lease.state === 'ending' ? await carryOutEnd(db, broker, lease) : lease
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
