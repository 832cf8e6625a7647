import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { holderName, isFree } from '../../core/store/holder.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { connectedSources } from '../connections/registry.ts'

/** A claim that is not renewed for so long is free for another process. */
const CLAIM_MS = 30_000
const RENEW_MS = 5_000

/** A source that this process alone observes, until it says `done`. */
export interface ClaimedSource {
  readonly sourceId: string
  /** How often it failed in a row until now. */
  readonly failures: number
  /** Aborted when the claim was lost: another process observes the source then. */
  readonly lost: AbortSignal
  /** Without an error the run counts as whole. */
  done(next: { readonly at: Ms; readonly error?: string }): Promise<void>
  /** It was broken off, and is due as before. */
  release(): Promise<void>
}

/** Gives every source a place in the schedule; a new one is due at once. */
export async function enrol(db: Db, io: Pick<Io, 'now'>): Promise<void> {
  const absent = await connectedSources(db)
    .leftJoin('watch', 'watch.source_id', 'source.id')
    .select(['source.id', 'source.observed_at'])
    .where('watch.source_id', 'is', null)
    .execute()
  for (const { id, observed_at } of absent) {
    const enter = (tx: Tx) =>
      tx
        .insertInto('watch')
        .values({
          source_id: id,
          next_at: io.now().getTime(),
          failures: 0,
          error: null,
          baseline_at: observed_at,
          claimed_by: null,
          claim_epoch: 0,
          claim_until: null,
        })
        .onConflict(conflict => conflict.doNothing())
        .execute()
    await transaction(db, enter, 'rows')
  }
}

/**
 * Nothing waits longer than `latest` says: not for what another watch, that looks more seldom, has in mind, and not for a clock that was
 * set back. It is given when the source was last read to the end, and how often it failed since.
 */
export async function hasten(
  db: Db,
  sourceIds: readonly string[],
  latest: (source: { readonly id: string; readonly observed_at: Ms | null; readonly failures: number }) => Ms,
): Promise<void> {
  // In one statement: what was read just now has a new time and its next one, or neither.
  const rows = await db
    .selectFrom('watch')
    .innerJoin('source', 'source.id', 'watch.source_id')
    .select(['source.id', 'source.observed_at', 'watch.failures', 'watch.next_at'])
    .where('source.id', 'in', sourceIds)
    .execute()
  for (const row of rows) {
    const at = latest(row)
    if (row.next_at <= at) continue
    const write = (tx: Tx) =>
      tx
        .updateTable('watch')
        .set({ next_at: at })
        .where('source_id', '=', row.id)
        .where('next_at', '=', row.next_at)
        .execute()
    await transaction(db, write, 'rows')
  }
}

/** When the next of these sources is due; undefined where there is none. */
export async function nextDue(db: Db, sourceIds: readonly string[]): Promise<Ms | undefined> {
  const row = await db
    .selectFrom('watch')
    .select(({ fn }) => fn.min('next_at').as('at'))
    .where('source_id', 'in', sourceIds)
    .where('claimed_by', 'is', null)
    .executeTakeFirst()
  return row?.at ?? undefined
}

/** Claims the source that has been due the longest; with `now`, whichever nobody else observes. */
export async function claimSource(
  db: Db,
  io: Pick<Io, 'now'>,
  sourceIds: readonly string[],
  due: 'due' | 'now' = 'due',
): Promise<ClaimedSource | undefined> {
  const claim = async (tx: Tx) => {
    const now = io.now().getTime()
    let query = tx.selectFrom('watch').selectAll().where('source_id', 'in', sourceIds)
    if (due === 'due') query = query.where('next_at', '<=', now)
    query = query.orderBy('next_at').orderBy('source_id').forUpdate()
    // What another process is claiming at this moment is left to it; who asks once only has to know what it took.
    if (due === 'due') query = query.skipLocked()
    const rows = await query.execute()
    const free = rows.find(row => isFree(row, now))
    if (!free) return undefined
    const change = {
      claimed_by: holderName(),
      claim_epoch: free.claim_epoch + 1,
      claim_until: now + CLAIM_MS,
    }
    await tx.updateTable('watch').set(change).where('source_id', '=', free.source_id).execute()
    return { ...free, ...change }
  }
  const row = await transaction(db, claim, 'rows')
  return row && held(db, io, row)
}

function held(db: Db, io: Pick<Io, 'now'>, row: Row<'watch'>): ClaimedSource {
  const lost = new AbortController()
  const change = async (values: Partial<Row<'watch'>>) => {
    const write = (tx: Tx) =>
      tx
        .updateTable('watch')
        .set(values)
        .where('source_id', '=', row.source_id)
        .where('claim_epoch', '=', row.claim_epoch)
        .executeTakeFirst()
    return (await transaction(db, write, 'rows')).numUpdatedRows > 0n
  }
  const renew = async () => {
    if (!(await change({ claim_until: io.now().getTime() + CLAIM_MS })))
      lost.abort(new Error('the claim was lost'))
  }
  // A renewal that fails is tried at the next tick.
  const timer = setInterval(() => void renew().catch(() => {}), RENEW_MS)
  timer.unref()
  const left = { claimed_by: null, claim_until: null }
  return {
    sourceId: row.source_id,
    failures: row.failures,
    lost: lost.signal,
    async done({ at, error }) {
      clearInterval(timer)
      if (error !== undefined) {
        await change({ ...left, next_at: at, failures: row.failures + 1, error })
        return
      }
      const source = await db
        .selectFrom('source')
        .select('observed_at')
        .where('id', '=', row.source_id)
        .executeTakeFirstOrThrow()
      const baseline_at = row.baseline_at ?? source.observed_at
      await change({ ...left, next_at: at, failures: 0, error: null, baseline_at })
    },
    async release() {
      clearInterval(timer)
      await change(left)
    },
  }
}
