export interface Known {
  /** Whether a key that is not given is absent; else nothing is known of it. A list has the beginnings of such keys. */
  readonly complete: boolean | readonly string[]
  /** Beginnings of keys that whoever asks can choose, such as the region: no condition on them keeps anyone out. */
  readonly chosen?: readonly string[]
}

/** The condition keys of one request. Names are compared without regard to case. */
export class Context {
  readonly #values = new Map<string, readonly string[]>()
  readonly #complete: boolean | readonly string[]
  readonly #chosen: readonly string[]

  /** What is null has no value, and it is known that it has none. */
  constructor(values: Readonly<Record<string, string | readonly string[] | null>>, known: Known) {
    for (const [key, value] of Object.entries(values))
      this.#values.set(key.toLowerCase(), value === null ? [] : [value].flat())
    const { complete, chosen = [] } = known
    this.#complete = typeof complete === 'boolean' ? complete : complete.map(key => key.toLowerCase())
    this.#chosen = chosen.map(key => key.toLowerCase())
  }

  /** The key's values. What depends on an `unknown` one stays undecided. */
  get(key: string): readonly string[] | 'absent' | 'unknown' | 'chosen' {
    const name = key.toLowerCase()
    const values = this.#values.get(name)
    if (values) return values.length === 0 ? 'absent' : values
    if (this.#chosen.some(start => name.startsWith(start))) return 'chosen'
    const complete =
      typeof this.#complete === 'boolean'
        ? this.#complete
        : this.#complete.some(start => name.startsWith(start))
    return complete ? 'absent' : 'unknown'
  }
}
