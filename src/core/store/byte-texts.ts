/** Texts one after another, by number: of millions, strings of their own would be most of what memory holds. A thread can send it. */
export interface BytesKept {
  readonly bytes: Uint8Array
  readonly ends: Int32Array
  readonly count: number
}

/** Keeps what it is given, each time anew. */
export class ByteHeap {
  #bytes: Uint8Array
  #ends: Int32Array
  #count: number

  constructor({ bytes, ends, count }: BytesKept = none()) {
    this.#bytes = bytes
    this.#ends = ends
    this.#count = count
  }

  get count(): number {
    return this.#count
  }

  get kept(): BytesKept {
    return { bytes: this.#bytes, ends: this.#ends, count: this.#count }
  }

  keep(from: Uint8Array, start: number, end: number): number {
    const begin = this.#begin(this.#count)
    const finish = begin + end - start
    if (finish > this.#bytes.length) this.#bytes = widened(this.#bytes, new Uint8Array(finish * 2))
    if (this.#count === this.#ends.length) this.#ends = widened(this.#ends, new Int32Array(this.#count * 2))
    // For the few bytes that a text has, a call costs more.
    const bytes = this.#bytes
    for (let at = start, to = begin; at < end; at++, to++) bytes[to] = from[at]!
    this.#ends[this.#count] = finish
    return this.#count++
  }

  isSame(number: number, other: Uint8Array, start: number, end: number): boolean {
    const begin = this.#begin(number)
    if (this.#ends[number]! - begin !== end - start) return false
    const bytes = this.#bytes
    for (let at = start, own = begin; at < end; at++, own++) if (bytes[own] !== other[at]) return false
    return true
  }

  /** Less than zero where it comes before what it is compared with, as UTF-8 sorts. */
  compare(number: number, other: Uint8Array, start: number, end: number): number {
    const begin = this.#begin(number)
    const length = this.#ends[number]! - begin
    const shorter = Math.min(length, end - start)
    const bytes = this.#bytes
    for (let at = 0; at < shorter; at++) {
      const difference = bytes[begin + at]! - other[start + at]!
      if (difference !== 0) return difference
    }
    return length - (end - start)
  }

  /** Of several, the number of the one that comes first. */
  least(numbers: readonly number[]): number {
    return numbers.reduce((least, other) =>
      this.compare(least, this.#bytes, this.#begin(other), this.#ends[other]!) > 0 ? other : least,
    )
  }

  textOf(number: number): string {
    const begin = this.#begin(number)
    const { buffer, byteOffset } = this.#bytes
    return Buffer.from(buffer, byteOffset + begin, this.#ends[number]! - begin).toString()
  }

  #begin(number: number): number {
    return number === 0 ? 0 : this.#ends[number - 1]!
  }
}

function none(): BytesKept {
  return { bytes: new Uint8Array(1 << 10), ends: new Int32Array(1 << 8), count: 0 }
}

export interface TextsKept extends BytesKept {
  readonly slots: Int32Array
}

/** Ids and fingerprints differ there. */
const AT_THE_END = 16

/** Keeps each text once, and finds it again: by a hash of so many bytes at its end. */
export class ByteTexts {
  readonly #heap: ByteHeap
  readonly #hashed: number
  /** Two for each: where its hash says, the number of a text and one more, zero where there is none; and the hash. */
  #slots: Int32Array

  constructor(kept?: TextsKept, hashed = AT_THE_END) {
    this.#heap = new ByteHeap(kept)
    this.#hashed = hashed
    this.#slots = kept?.slots ?? new Int32Array(1 << 11)
  }

  get count(): number {
    return this.#heap.count
  }

  get kept(): TextsKept {
    return { ...this.#heap.kept, slots: this.#slots }
  }

  /** Its number: the next one where it is new. */
  add(from: Uint8Array, start: number, end: number): number {
    const hash = this.#hashOf(from, start, end)
    const slot = this.#slotOf(hash, from, start, end)
    const known = this.#slots[slot]!
    if (known > 0) return known - 1
    const number = this.#heap.keep(from, start, end)
    this.#slots[slot] = number + 1
    this.#slots[slot + 1] = hash
    if ((number + 1) * 4 > this.#slots.length) this.#grow()
    return number
  }

  isSame(number: number, other: Uint8Array, start: number, end: number): boolean {
    return this.#heap.isSame(number, other, start, end)
  }

  numberOf(text: string): number | undefined {
    const bytes = Buffer.from(text)
    return this.find(bytes, 0, bytes.length)
  }

  find(from: Uint8Array, start: number, end: number): number | undefined {
    const known = this.#slots[this.#slotOf(this.#hashOf(from, start, end), from, start, end)]!
    return known > 0 ? known - 1 : undefined
  }

  textOf(number: number): string {
    return this.#heap.textOf(number)
  }

  /** Where it is, or would be. */
  #slotOf(hash: number, from: Uint8Array, start: number, end: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const number = slots[at]! - 1
      if (number < 0 || (slots[at + 1] === hash && this.#heap.isSame(number, from, start, end))) return at
    }
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Int32Array(before.length * 4)
    const mask = this.#slots.length - 1
    for (let from = 0; from < before.length; from += 2) {
      if (before[from] === 0) continue
      let at = (before[from + 1]! << 1) & mask
      while (this.#slots[at] !== 0) at = (at + 2) & mask
      this.#slots[at] = before[from]!
      this.#slots[at + 1] = before[from + 1]!
    }
  }

  #hashOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5 ^ (end - start)
    for (let at = Math.max(start, end - this.#hashed); at < end; at++)
      hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
    return hash ^ (hash >>> 15)
  }
}

export function widened<Numbers extends { set(from: Numbers): void }>(from: Numbers, to: Numbers): Numbers {
  to.set(from)
  return to
}
