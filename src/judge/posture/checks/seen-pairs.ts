/**
 * Which texts were seen beside which number, by hashes of 64 bits: of millions of them a set of strings would be most of what memory
 * holds. Of a million texts, two agree once in ten million times.
 */
export class SeenPairs {
  /** Two numbers for each; both are zero in an empty slot. */
  #slots = new Int32Array(1 << 15)
  #count = 0

  /** Whether it is seen for the first time. */
  add(number: number, high: number, low: number): boolean {
    const [first, second] = [firstOf(number, high), secondOf(number, low)]
    const slot = this.#slotOf(first, second)
    if (this.#slots[slot] === first && this.#slots[slot + 1] === second) return false
    this.#slots[slot] = first
    this.#slots[slot + 1] = second
    if (++this.#count * 4 > this.#slots.length) this.#grow()
    return true
  }

  has(number: number, high: number, low: number): boolean {
    const [first, second] = [firstOf(number, high), secondOf(number, low)]
    const slot = this.#slotOf(first, second)
    return this.#slots[slot] === first && this.#slots[slot + 1] === second
  }

  /** Where it is, or would be. */
  #slotOf(first: number, second: number): number {
    const mask = this.#slots.length - 1
    let at = (second << 1) & mask
    while (
      (this.#slots[at] !== first || this.#slots[at + 1] !== second) &&
      (this.#slots[at] !== 0 || this.#slots[at + 1] !== 0)
    )
      at = (at + 2) & mask
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Int32Array(before.length * 4)
    for (let at = 0; at < before.length; at += 2) {
      const [first, second] = [before[at]!, before[at + 1]!]
      if (first === 0 && second === 0) continue
      const slot = this.#slotOf(first, second)
      this.#slots[slot] = first
      this.#slots[slot + 1] = second
    }
  }
}

function firstOf(number: number, high: number): number {
  return high ^ Math.imul(number, 0x85ebca6b)
}

/** Never zero, which an empty slot has. */
function secondOf(number: number, low: number): number {
  return low ^ Math.imul(number, 0x9e3779b1) || 1
}
