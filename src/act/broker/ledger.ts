import { createHash } from 'node:crypto'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { Io } from '../../core/contract/io.ts'
import { type Entry, recordAll } from '../../core/evidence/evidence.ts'
import { RowInsert } from '../../core/store/row-insert.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { OauthError, type OauthErrorCode } from './oauth-error.ts'
import { Refusals } from './refusals.ts'

const MOST_AT_ONCE = 256
const FEW = 2
const GATHER_MS = 4
const SWEEP_EVERY_MS = 10_000
const SWEPT_AT_ONCE = 2_000

/** What may be presented once. */
export interface Once {
  readonly digest: string
  /** Nobody would take it after that, so that it need not be kept. */
  readonly expiresAt: number
  /** How it is refused a second time. */
  readonly refusedAs: OauthErrorCode
}

/** All that has to be kept before a caller is answered. */
export interface Kept {
  readonly once?: readonly Once[]
  readonly lease?: Row<'lease'>
  readonly entries?: readonly Entry[]
}

interface Waiting {
  readonly kept: Kept
  readonly answer: (refused: OauthError | undefined) => void
  readonly fail: (error: unknown) => void
}

/**
 * Keeps what callers wait for, that of many at once in one transaction (group commit): what was answered is on the disk, and
 * making it so costs as much for a hundred as for one. Each is refused by itself where what it presents was presented before,
 * or the lease that it comes from stands no more.
 */
export class Ledger {
  readonly #db: Db
  readonly #io: Io
  readonly #refusals = new Refusals()
  #waiting: Waiting[] = []
  #running = false
  #sweptAt = 0

  constructor(db: Db, io: Io) {
    this.#db = db
    this.#io = io
  }

  /** Resolves when it is durable. Raises an `OauthError` where it is refused: then nothing of it but `once` is kept. */
  async keep(kept: Kept): Promise<void> {
    const refused = await new Promise<OauthError | undefined>((answer, fail) => {
      this.#waiting.push({ kept, answer, fail })
      if (this.#running) return
      this.#running = true
      // What else arrives with this one goes with it.
      setImmediate(() => void this.#work())
    })
    if (refused) throw refused
  }

  /** That somebody was refused who has proven nothing; it comes among those that are counted where there are too many. */
  async keepRefusal(kind: string, body: Entry['body'] & { readonly error: string }): Promise<void> {
    const entries = this.#refusals.take({ kind, subject: 'broker', body }, this.#io.now().getTime())
    if (entries.length > 0) await this.keep({ entries })
  }

  /** How many more were refused, where it is time to say so, or the end. */
  async keepCounted(atEnd = false): Promise<void> {
    const entries = this.#refusals.counted(this.#io.now().getTime(), atEnd)
    if (entries.length > 0) await this.keep({ entries })
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_AT_ONCE)
      try {
        const verdicts = await transaction(
          this.#db,
          tx =>
            this.#keepAll(
              tx,
              batch.map(({ kept }) => kept),
            ),
          'rows',
        )
        for (const [index, { answer }] of batch.entries()) answer(verdicts[index])
      } catch (error) {
        for (const { fail } of batch) fail(error)
      }
      // Where several came at once more will: they are gathered, since the disk is waited for as long for one as for all.
      await (batch.length > FEW ? wait(GATHER_MS) : turn())
    }
    this.#running = false
  }

  async #keepAll(tx: Tx, batch: readonly Kept[]): Promise<(OauthError | undefined)[]> {
    await this.#sweep(tx)
    const first = await this.#presentedFirst(tx, batch)
    const standing = await standingParents(tx, batch)
    const verdicts = batch.map(({ once = [], lease }) => {
      const again = once.find(each => first.get(each.digest) !== each)
      if (again) return new OauthError(again.refusedAs, 'it was presented before')
      const parent = lease?.parent_id
      return typeof parent === 'string' && !standing.has(parent)
        ? new OauthError('invalid_request', 'the lease that its subject_token is of has ended')
        : undefined
    })
    const good = batch.filter((_, index) => verdicts[index] === undefined)
    await leases.run(
      tx,
      good.flatMap(({ lease }) => (lease ? [lease] : [])),
    )
    await recordAll(
      tx,
      this.#io,
      good.flatMap(({ entries = [] }) => entries),
    )
    return verdicts
  }

  /** Which of those that are presented are the first of their kind. */
  async #presentedFirst(tx: Tx, batch: readonly Kept[]): Promise<Map<string, Once>> {
    const first = new Map<string, Once>()
    for (const { once = [] } of batch)
      for (const each of once) if (!first.has(each.digest)) first.set(each.digest, each)
    if (first.size === 0) return first
    const rows = [...first.values()].map(({ digest, expiresAt }) => ({ digest, expires_at: expiresAt }))
    const inserted = new Set((await presented.run(tx, rows)).map(({ digest }) => digest))
    for (const digest of first.keys()) if (!inserted.has(digest)) first.delete(digest)
    return first
  }

  async #sweep(tx: Tx): Promise<void> {
    const now = this.#io.now().getTime()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    const over = tx
      .selectFrom('presented_token')
      .select('digest')
      .where('expires_at', '<', now)
      .limit(SWEPT_AT_ONCE)
    await tx.deleteFrom('presented_token').where('digest', 'in', over).execute()
  }
}

export function onceOf(what: string, expiresAt: number, refusedAs: OauthErrorCode): Once {
  return { digest: createHash('sha256').update(what).digest('base64url'), expiresAt, refusedAs }
}

/** Held until the commit: a lease that is ended meanwhile finds what was exchanged from it. */
async function standingParents(tx: Tx, batch: readonly Kept[]): Promise<ReadonlySet<string>> {
  const parents = new Set(batch.flatMap(({ lease }) => (lease?.parent_id ? [lease.parent_id] : [])))
  if (parents.size === 0) return parents
  const rows = await tx
    .selectFrom('lease')
    .select(['id', 'state'])
    .where('id', 'in', [...parents].sort())
    .orderBy('id')
    .forShare()
    .execute()
  // Asked for their state as well, SQLite looks through all that are active.
  return new Set(rows.flatMap(({ id, state }) => (state === 'active' ? [id] : [])))
}

const leases = new RowInsert('lease', insert => insert)
const presented = new RowInsert('presented_token', insert =>
  insert.onConflict(conflict => conflict.column('digest').doNothing()).returning('digest'),
)
