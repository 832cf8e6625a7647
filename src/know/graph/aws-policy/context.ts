/**
 * The condition keys of one request. Names are compared without regard to case. Where the context is `complete`, a key
 * that is not there is absent; else nothing is known of it, and what depends on it stays undecided.
 */
export class Context {
  readonly complete: boolean
  readonly #values = new Map<string, readonly string[]>()

  constructor(values: Readonly<Record<string, string | readonly string[]>>, complete: boolean) {
    this.complete = complete
    for (const [key, value] of Object.entries(values)) this.#values.set(key.toLowerCase(), [value].flat())
  }

  /** The key's values; `absent`, or `unknown` where it might be there. */
  get(key: string): readonly string[] | 'absent' | 'unknown' {
    return this.#values.get(key.toLowerCase()) ?? (this.complete ? 'absent' : 'unknown')
  }
}
