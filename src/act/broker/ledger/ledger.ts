import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { Io } from '../../../core/contract/io.ts'
import { type Entry, evidenceRows } from '../../../core/evidence/evidence.ts'
import type { Row } from '../../../core/store/schema.ts'
import { OauthError } from '../oauth-error.ts'
import type { Batch, Keeping, NotKept, Once } from './keep-all.ts'
import { Refusals } from './refusals.ts'

const MOST_AT_ONCE = 256
const FEW = 2
const GATHER_MS = 2
const FORGET_EVERY_MS = 10_000

/** All that has to be kept before a caller is answered. */
export interface Kept {
  readonly once?: readonly Once[]
  readonly lease?: Row<'lease'>
  readonly entries?: readonly Entry[]
}

/** How a batch comes onto the disk: in this thread, or another one. */
export type Keep = (batch: Batch) => Promise<readonly (NotKept | undefined)[]>

interface Waiting {
  readonly keeping: Keeping
  readonly answer: (notKept: NotKept | undefined) => void
  readonly fail: (error: unknown) => void
}

/**
 * Keeps what callers wait for, that of many at once in one transaction (group commit): what was answered is on the disk, and
 * making it so costs as much for a hundred as for one.
 */
export class Ledger {
  readonly #keep: Keep
  readonly #io: Io
  readonly #refusals = new Refusals()
  #waiting: Waiting[] = []
  #running = false
  #forgotAt = 0

  constructor(keep: Keep, io: Io) {
    this.#keep = keep
    this.#io = io
  }

  /** Resolves when it is durable. Raises an `OauthError` where it is refused: then nothing of it but `once` is kept. */
  async keep({ once = [], lease, entries = [] }: Kept): Promise<void> {
    const keeping = { once, lease, entries: evidenceRows(this.#io, entries) }
    const notKept = await new Promise<NotKept | undefined>((answer, fail) => {
      this.#waiting.push({ keeping, answer, fail })
      if (this.#running) return
      this.#running = true
      // What else arrives with this one goes with it.
      setImmediate(() => void this.#work())
    })
    if (notKept) throw new OauthError(notKept.code, notKept.why)
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
        const kept = batch.map(({ keeping }) => keeping)
        const verdicts = await this.#keep({ kept, forgetBefore: this.#forgetBefore() })
        for (const [index, { answer }] of batch.entries()) answer(verdicts[index])
      } catch (error) {
        for (const { fail } of batch) fail(error)
      }
      // Where several came at once more will: they are gathered, since the disk is waited for as long for one as for all.
      await (batch.length > FEW ? wait(GATHER_MS) : turn())
    }
    this.#running = false
  }

  #forgetBefore(): number | undefined {
    const now = this.#io.now().getTime()
    if (now - this.#forgotAt < FORGET_EVERY_MS) return undefined
    this.#forgotAt = now
    return now
  }
}
