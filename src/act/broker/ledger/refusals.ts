import type { Ms } from '../../../core/contract/ref.ts'
import type { Entry } from '../../../core/evidence/evidence.ts'

const MOST_AT_ONCE = 100
const ANOTHER_EVERY_MS = 10_000
const COUNTED_EVERY_MS = 60_000

/** Of one kind of refusal: how many may stand by themselves, and those that were counted since. */
interface Kind {
  left: number
  filledAt: Ms
  countedSince: Ms
  readonly counted: Map<string, number>
}

/**
 * Who has proven nothing can be refused without end, and every entry of the evidence is kept for good. Of each kind a hundred stand by
 * themselves, and another one every ten seconds; more than that are counted by their error, and each count is an entry a minute.
 */
export class Refusals {
  readonly #kinds = new Map<string, Kind>()

  /** What is to be recorded now that this came: itself, or nothing where it was counted. */
  take(entry: Entry & { readonly body: { readonly error: string } }, now: Ms): readonly Entry[] {
    const kind = this.#kinds.get(entry.kind) ?? {
      left: MOST_AT_ONCE,
      filledAt: now,
      countedSince: now,
      counted: new Map<string, number>(),
    }
    this.#kinds.set(entry.kind, kind)
    const more = Math.floor(Math.max(0, now - kind.filledAt) / ANOTHER_EVERY_MS)
    kind.left = Math.min(MOST_AT_ONCE, kind.left + more)
    kind.filledAt += more * ANOTHER_EVERY_MS
    if (kind.left > 0) {
      kind.left--
      return [entry]
    }
    if (kind.counted.size === 0) kind.countedSince = now
    const { error } = entry.body
    kind.counted.set(error, (kind.counted.get(error) ?? 0) + 1)
    return []
  }

  /** Those that were counted, where their minute is over, or of each kind at the end. */
  counted(now: Ms, atEnd: boolean): readonly Entry[] {
    return [...this.#kinds].flatMap(([kind, { counted, countedSince }]) => {
      if (!atEnd && now - countedSince < COUNTED_EVERY_MS) return []
      const entries = [...counted].map(([error, times]) => {
        return { kind, subject: 'broker', body: { error, times, since: countedSince, until: now } }
      })
      counted.clear()
      return entries
    })
  }
}
