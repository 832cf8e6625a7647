interface Sleeper {
  readonly wakeAt: number
  readonly order: number
  readonly wake: () => void
}

/**
 * Time that passes only when everybody waits for it: all that is ready runs first, then the clock leaps to the next one
 * who sleeps. Work in another thread is ready too, though nothing here shows it: `during` keeps the clock still for it.
 */
export class SimulatedTime {
  #now: number
  #order = 0
  #still = 0
  #scheduled = false
  #sleepers: Sleeper[] = []

  constructor(startMs: number) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number): Promise<void> {
    return new Promise(wake => {
      this.#sleepers.push({ wakeAt: this.#now + ms, order: this.#order++, wake })
      this.#go()
    })
  }

  async during<T>(work: Promise<T>): Promise<T> {
    this.#still++
    try {
      return await work
    } finally {
      this.#still--
      this.#go()
    }
  }

  #go(): void {
    if (this.#scheduled || this.#still > 0 || this.#sleepers.length === 0) return
    this.#scheduled = true
    // Behind all promises that can be settled now.
    setImmediate(() => {
      this.#scheduled = false
      if (this.#still > 0) return
      // Who waits for a disk is ready too, however slow it is.
      if (process.getActiveResourcesInfo().some(name => name.startsWith('FSReq'))) return this.#go()
      const next = this.#sleepers.reduce((a, b) =>
        b.wakeAt < a.wakeAt || (b.wakeAt === a.wakeAt && b.order < a.order) ? b : a,
      )
      this.#sleepers = this.#sleepers.filter(sleeper => sleeper !== next)
      this.#now = Math.max(this.#now, next.wakeAt)
      next.wake()
      this.#go()
    })
  }
}
