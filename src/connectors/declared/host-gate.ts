import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'

const MOST_AT_ONCE = 2

/** What is asked of one host: a few calls at once, and none before the time that it asked for. */
export class HostGate {
  readonly #io: Io
  #atWork = 0
  #pausedUntil: Ms = 0
  readonly #waiting: (() => void)[] = []

  constructor(io: Io) {
    this.#io = io
  }

  /** How long the host still asks to be left alone. */
  get pauseMs(): Ms {
    return Math.max(0, this.#pausedUntil - this.#io.now().getTime())
  }

  pauseFor(ms: Ms): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#io.now().getTime() + ms)
  }

  async pass<T>(call: () => Promise<T>): Promise<T> {
    // Whoever leaves hands its place on, so that nobody who comes meanwhile takes it.
    if (this.#atWork >= MOST_AT_ONCE) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#atWork++
    try {
      return await call()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#atWork--
    }
  }
}
