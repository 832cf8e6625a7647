import { createHmac } from 'node:crypto'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import type { Ms } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { record } from '../../core/evidence/evidence.ts'
import { holderName, isFree } from '../../core/store/holder.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { type Notify, requirementsInForce } from '../../judge/requirements/requirements.ts'
import { secretAt } from '../../know/connections/config.ts'

const ANSWER_WITHIN_MS = 10_000
/** Longer than a call may last: whoever holds a claim for so long is gone. */
const CLAIM_MS = 30_000
const FIRST_PAUSE_MS = 10_000
const LONGEST_PAUSE_MS = 3_600_000
/** With these pauses some seven hours. */
const MOST_TRIES = 16
/** So that who waits for the end of it does not wait for ever. */
const MOST_AT_A_TIME = 200

export interface DeliveryEvent {
  readonly event: 'sent' | 'failed' | 'stuck'
  readonly delivery: string
  readonly notice: Row<'notice'>['event']
  readonly tries: number
  readonly why: string
}

interface Options {
  readonly io: Io
}

/**
 * Sends what is due, one after the other, each at least once: what is not known to have been taken is tried again under the same id. Of
 * several processes one sends it. Where one fails, the others wait, too: it is the same place.
 */
export async function deliverNotices(
  db: Db,
  { io }: Options,
  tell: (event: DeliveryEvent) => void,
): Promise<void> {
  for (let count = 0; count < MOST_AT_A_TIME && !io.signal.aborted; count++) {
    const row = await claim(db, io)
    if (!row) return
    const { failure, to } = await attempt(db, { io }, row)
    if (io.signal.aborted && failure !== undefined) {
      await changed(db, row, LEFT)
      return
    }
    const event = await settle(db, io, row, to, failure)
    if (event) tell(event)
    if (failure !== undefined) return
  }
}

/** What was given up is tried anew: whoever puts requirements in force may have mended what was wrong. */
export async function retryStuck(tx: Tx, now: Ms): Promise<void> {
  await tx
    .updateTable('notice')
    .set({ stuck_at: null, tries: 0, next_at: now })
    .where('stuck_at', 'is not', null)
    .execute()
}

async function claim(db: Db, io: Pick<Io, 'now'>): Promise<Row<'notice'> | undefined> {
  const now = io.now().getTime()
  const due = (from: Db) =>
    from
      .selectFrom('notice')
      .selectAll()
      .where('sent_at', 'is', null)
      .where('stuck_at', 'is', null)
      .where('next_at', '<=', now)
      .orderBy('next_at')
      .orderBy('id')
      .limit(20)
  // Mostly there is none, and nobody is to wait for that.
  if ((await due(db).execute()).length === 0) return undefined
  return await transaction(
    db,
    async tx => {
      const rows = await due(tx).forUpdate().skipLocked().execute()
      const free = rows.find(row => isFree(row, now))
      if (!free) return undefined
      const change = {
        claimed_by: holderName(),
        claim_epoch: free.claim_epoch + 1,
        claim_until: now + CLAIM_MS,
      }
      await tx.updateTable('notice').set(change).where('id', '=', free.id).execute()
      return { ...free, ...change }
    },
    'rows',
  )
}

const LEFT = { claimed_by: null, claim_until: null }

async function changed(db: Db, row: Row<'notice'>, values: Partial<Row<'notice'>>): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('notice')
    .set(values)
    .where('id', '=', row.id)
    .where('claim_epoch', '=', row.claim_epoch)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

async function attempt(
  db: Db,
  { io }: Options,
  row: Row<'notice'>,
): Promise<{ to: string | null; failure?: string }> {
  const notify = (await requirementsInForce(db))?.notify
  if (!notify) return { to: null, failure: 'the requirements in force do not say where to any more' }
  const to = new URL(notify.url).host
  try {
    const secret = await secretAt(notify.secret)
    const failure = await post(io, notify, secret, row)
    return { to, ...(failure !== undefined && { failure }) }
  } catch (error) {
    if (!isFirebreakError(error, 'INVALID_CONFIG')) throw error
    return { to, failure: error.message }
  }
}

/** Gives why it was not taken. Nothing of the answer is read but its status, and where it leads is not followed. */
async function post(
  io: Io,
  { url }: Notify,
  secret: Secret,
  { id, event, body }: Row<'notice'>,
): Promise<string | undefined> {
  const bytes = Buffer.from(body)
  const signature = createHmac('sha256', secret.reveal()).update(bytes).digest('hex')
  try {
    const response = await io.fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(ANSWER_WITHIN_MS), io.signal]),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'firebreak',
        'x-firebreak-delivery': id,
        'x-firebreak-event': event,
        'x-firebreak-signature-256': `sha256=${signature}`,
      },
      body: bytes,
    })
    await response.body?.cancel().catch(() => {})
    return response.ok ? undefined : `it was answered with ${response.status}`
  } catch (error) {
    return networkReason(error)
  }
}

/** Gives what is new of it: it was taken, it fails for the first time, or it is given up. */
async function settle(
  db: Db,
  io: Io,
  row: Row<'notice'>,
  to: string | null,
  failure: string | undefined,
): Promise<DeliveryEvent | undefined> {
  const now = io.now().getTime()
  const tries = row.tries + 1
  const event = failure === undefined ? 'sent' : tries >= MOST_TRIES ? 'stuck' : 'failed'
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1))
  const isOurs = await transaction(db, async tx => {
    const isOurs = await changed(tx, row, {
      ...LEFT,
      tries,
      error: failure ?? null,
      next_at: now + pause,
      sent_at: event === 'sent' ? now : null,
      stuck_at: event === 'stuck' ? now : null,
    })
    if (isOurs && event !== 'failed')
      await record(tx, io, {
        kind: `notice.${event}`,
        subject: row.entity_id,
        body: {
          delivery: row.id,
          event: row.event,
          to,
          tries,
          ...(failure !== undefined && { why: failure }),
        },
      })
    return isOurs
  })
  if (!isOurs || (event === 'failed' && tries > 1)) return undefined
  const why = failure ?? `${to} took it`
  return { event, delivery: row.id, notice: row.event, tries, why }
}
