import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { holderName, isFree } from '../../core/store/holder.ts'
import type { RunState } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { lockedRun } from './journal.ts'

/** A claim that is not renewed for so long is free for another process. */
const CLAIM_MS = 30_000
const RENEW_MS = 5_000

/** CONFLICT: whoever holds the run lives, and goes on with it. */
export class Claimed extends FirebreakError {}

export interface Claim {
  /** Results are accepted for this epoch only: a process that lost its claim cannot write any more. */
  readonly epoch: number
  /** In which the run was found. */
  readonly state: Exclude<RunState, 'abandoned'>
  release(): Promise<void>
}

/** Takes the run for this process. CONFLICT while another live process holds it, and where it was abandoned. */
export async function claimRun(db: Db, io: Pick<Io, 'now'>, runId: string): Promise<Claim> {
  const me = holderName()
  const take = async (tx: Tx) => {
    const run = await lockedRun(tx, runId)
    if (!run) throw new FirebreakError('NOT_FOUND', `run ${runId}`, 'firebreak ls runs')
    const { state } = run
    if (state === 'abandoned')
      throw new FirebreakError('CONFLICT', `run ${runId} was abandoned`, 'nobody goes on with it')
    const now = io.now().getTime()
    if (run.claimed_by !== me && !isFree(run, now))
      throw new Claimed(
        'CONFLICT',
        `run ${runId} is being worked on by ${run.claimed_by}`,
        'wait for it to end; if that process is gone, try again in half a minute',
      )
    const next = run.claim_epoch + 1
    await tx
      .updateTable('run')
      .set({ claimed_by: me, claim_epoch: next, claim_until: now + CLAIM_MS })
      .where('id', '=', runId)
      .execute()
    return { epoch: next, state }
  }
  const { epoch, state } = await transaction(db, take, 'rows')
  const mine = (tx: Db) => tx.updateTable('run').where('id', '=', runId).where('claim_epoch', '=', epoch)
  const timer = setInterval(() => {
    // A renewal that fails is tried at the next tick; if the claim is lost, the next write finds out.
    const renew = (tx: Tx) =>
      mine(tx)
        .set({ claim_until: io.now().getTime() + CLAIM_MS })
        .execute()
    transaction(db, renew, 'rows').catch(() => {})
  }, RENEW_MS)
  timer.unref()
  return {
    epoch,
    state,
    async release() {
      clearInterval(timer)
      const leave = (tx: Tx) => mine(tx).set({ claimed_by: null, claim_until: null }).execute()
      await transaction(db, leave, 'rows')
    },
  }
}
