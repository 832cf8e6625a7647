/** A number of 53 bits that is another for nearly every other text: of a million texts, two agree once in ten thousand times. */
export function hashOf(text: string): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}

/**
 * Which texts were seen beside which number, by their hashes: of millions of them a set of strings would be most of what memory
 * holds.
 */
export class SeenPairs {
  #slots = new Float64Array(1 << 14)
  #count = 0

  /** Whether it is seen for the first time. */
  add(number: number, hash: number): boolean {
    const key = keyOf(number, hash)
    const slot = this.#slotOf(key)
    if (this.#slots[slot] === key) return false
    this.#slots[slot] = key
    if (++this.#count * 2 > this.#slots.length) this.#grow()
    return true
  }

  has(number: number, hash: number): boolean {
    const key = keyOf(number, hash)
    return this.#slots[this.#slotOf(key)] === key
  }

  /** Where it is, or would be. */
  #slotOf(key: number): number {
    const mask = this.#slots.length - 1
    let at = (key % 2 ** 32) & mask
    while (this.#slots[at] !== 0 && this.#slots[at] !== key) at = (at + 1) & mask
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Float64Array(before.length * 4)
    for (const key of before) if (key !== 0) this.#slots[this.#slotOf(key)] = key
  }
}

function keyOf(number: number, hash: number): number {
  const low = (hash % 2 ** 32) >>> 0
  const high = Math.floor(hash / 2 ** 32)
  const own = (high ^ (Math.imul(number, 0x85ebca6b) & 0x1fffff)) * 2 ** 32
  // Zero is what an empty slot has.
  return own + ((low ^ Math.imul(number, 0x9e3779b1)) >>> 0) || 1
}
