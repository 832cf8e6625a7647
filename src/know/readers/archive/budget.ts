/** What looking into one document may cost. Tests make it small. */
export interface Limits {
  /** Archives within archives. */
  readonly depth: number
  readonly members: number
  /** Unpacked bytes: so many for nothing, and so many for each byte of the document. */
  readonly freeBytes: number
  readonly ratio: number
  /** Time: so much for nothing, and so much for each MiB of the document. */
  readonly freeMs: number
  readonly msPerMib: number
  /** What is held aside because it cannot be read in order; see Spool. */
  readonly spoolBytes: number
}

export const LIMITS: Limits = {
  depth: 10,
  members: 1_000_000,
  freeBytes: 64 * 1024 * 1024,
  ratio: 100,
  freeMs: 20_000,
  msPerMib: 2500,
  spoolBytes: 4 * 1024 ** 3,
}

/** A container that cannot be read on, in words for a person. Its neighbours can. */
export class Damaged extends Error {
  override readonly name = 'Damaged'
}

/** The document has cost what it may: nothing more of it is looked into. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached'
}

/** Counts what one document costs, over everything within it, and raises LimitReached when it is enough. */
export class Budget {
  readonly limits: Limits
  readonly now: () => number
  #startedMs: number
  #input = 0
  #unpacked = 0
  #members = 0
  #spooled = 0

  constructor(limits: Limits = LIMITS, now: () => number = () => performance.now()) {
    this.limits = limits
    this.now = now
    this.#startedMs = now()
  }

  /** Bytes of the document itself. */
  take(bytes: number): void {
    this.#input += bytes
  }

  /** So long its bytes were waited for: a pipe may be slow, and a document that is read from one costs nothing meanwhile. */
  wait(ms: number): void {
    this.#startedMs += ms
  }

  unpack(bytes: number): void {
    this.#unpacked += bytes
    const { freeBytes, ratio } = this.limits
    if (this.#unpacked > freeBytes + ratio * this.#input)
      throw new LimitReached(
        `it unpacks to more than ${Math.round(freeBytes / 1024 ** 2)} MiB and ${ratio} times its size: the rest was not looked into`,
      )
    this.checkTime()
  }

  member(): void {
    if (++this.#members > this.limits.members)
      throw new LimitReached(`it has more than ${this.limits.members} members: the rest was not looked into`)
    this.checkTime()
  }

  spool(bytes: number): void {
    this.#spooled += bytes
    if (this.#spooled > this.limits.spoolBytes)
      throw new Damaged(`more than ${this.limits.spoolBytes} bytes would have to be held aside to read it`)
  }

  unspool(bytes: number): void {
    this.#spooled -= bytes
  }

  checkTime(): void {
    const { freeMs, msPerMib } = this.limits
    if (this.now() - this.#startedMs > freeMs + (msPerMib * this.#input) / 1024 ** 2)
      throw new LimitReached('looking into it took too long: the rest was not looked into')
  }
}
