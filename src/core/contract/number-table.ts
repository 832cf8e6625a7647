/**
 * Numbers for keys of so many 32-bit words each, counted from 0 in the order in which they are added. A few bytes more than
 * the keys themselves take, and exact: no two keys are taken for one, however they were made. Where a key is looked for
 * depends on a seed, so that nobody can make a source whose keys all meet in one place.
 */
export class NumberTable {
  readonly #width: number
  readonly #factors: Uint32Array
  #keys: Uint32Array
  #slots = new Uint32Array(1024)
  #size = 0

  constructor(width: number, seed: (bytes: number) => Uint8Array) {
    this.#width = width
    this.#keys = new Uint32Array(512 * width)
    this.#factors = new Uint32Array(Uint8Array.from(seed(4 * width)).buffer).map(factor => factor | 1)
  }

  get size(): number {
    return this.#size
  }

  numberOf(key: Uint32Array): number | undefined {
    const stored = this.#slots[this.#slotOf(key)]!
    return stored === 0 ? undefined : stored - 1
  }

  /** Its number, a new one where it was not there yet. */
  add(key: Uint32Array): number {
    const slot = this.#slotOf(key)
    const stored = this.#slots[slot]!
    if (stored !== 0) return stored - 1
    const number = this.#size++
    if (this.#size * this.#width > this.#keys.length) this.#keys = twice(this.#keys)
    this.#keys.set(key, number * this.#width)
    this.#slots[slot] = this.#size
    if (this.#size * 3 > this.#slots.length * 2) this.#grow()
    return number
  }

  key(number: number): Uint32Array {
    return this.#keys.subarray(number * this.#width, (number + 1) * this.#width)
  }

  /** Where the key is, or would be. */
  #slotOf(key: Uint32Array): number {
    let hash = 0
    for (let i = 0; i < this.#width; i++) hash = (hash + Math.imul(key[i]!, this.#factors[i]!)) | 0
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    const mask = this.#slots.length - 1
    let at = (hash ^ (hash >>> 13)) & mask
    while (this.#slots[at] !== 0 && !this.#holds(this.#slots[at]! - 1, key)) at = (at + 1) & mask
    return at
  }

  #holds(number: number, key: Uint32Array): boolean {
    const from = number * this.#width
    for (let i = 0; i < this.#width; i++) if (this.#keys[from + i] !== key[i]) return false
    return true
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let number = 0; number < this.#size; number++)
      this.#slots[this.#slotOf(this.key(number))] = number + 1
  }
}

function twice(values: Uint32Array): Uint32Array {
  const longer = new Uint32Array(values.length * 2)
  longer.set(values)
  return longer
}
