/**
 * The calls that reach a system in memory. They are counted, and one of them can be told to break off: whether its effect took place
 * before that is the fault's choice, and who called is not told.
 */
export class BreakableCalls {
  /** That reached the system or would have, since the start. */
  calls = 0
  reachable = true
  #fault: { at: number; when: 'before' | 'after' } | undefined
  readonly #broken: () => Error

  /** `broken` makes what the caller gets in place of an answer. */
  constructor(broken: () => Error) {
    this.#broken = broken
  }

  /** The call with this number, counted from now as 1, breaks off: before or after the system has carried it out. */
  failAt(call: number, when: 'before' | 'after'): void {
    this.#fault = { at: this.calls + call, when }
  }

  noFault(): void {
    this.#fault = undefined
  }

  /** One round trip. */
  run<T>(effect: () => T): T {
    const breaks = this.#fault?.at === ++this.calls ? this.#fault.when : undefined
    if (!this.reachable || breaks === 'before') throw this.#broken()
    const result = effect()
    if (breaks !== 'after') return result
    const breakOff = () => {
      throw this.#broken()
    }
    return result instanceof Promise ? (result.then(breakOff) as T) : breakOff()
  }
}

/** As `fetch` rejects where the connection broke off. */
export function brokenFetch(): Error {
  return new TypeError('fetch failed', {
    cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
  })
}
