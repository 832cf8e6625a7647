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
    for (let at = start, to = begin; at < end; at++, to++) this.#bytes[to] = from[at]!
    this.#ends[this.#count] = finish
    return this.#count++
  }

  isSame(number: number, other: Uint8Array, start: number, end: number): boolean {
    const begin = this.#begin(number)
    if (this.#ends[number]! - begin !== end - start) return false
    for (let at = start, own = begin; at < end; at++, own++) if (this.#bytes[own] !== other[at]) return false
    return true
  }

  /** Less than zero where it comes before what it is compared with, as UTF-8 sorts. */
  compare(number: number, other: Uint8Array, start: number, end: number): number {
    const begin = this.#begin(number)
    const length = this.#ends[number]! - begin
    const shorter = Math.min(length, end - start)
    for (let at = 0; at < shorter; at++) {
      const difference = this.#bytes[begin + at]! - other[start + at]!
      if (difference !== 0) return difference
    }
    return length - (end - start)
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
  readonly hashes: Int32Array
}

const HASHED = 16

/** Keeps each text once, and finds it again. */
export class ByteTexts {
  readonly #heap: ByteHeap
  /** The number of a text, and one more, where its hash says; zero where there is none. */
  #slots: Int32Array
  #hashes: Int32Array

  constructor(kept?: TextsKept) {
    this.#heap = new ByteHeap(kept)
    this.#slots = kept?.slots ?? new Int32Array(1 << 10)
    this.#hashes = kept?.hashes ?? new Int32Array(1 << 8)
  }

  get count(): number {
    return this.#heap.count
  }

  get kept(): TextsKept {
    return { ...this.#heap.kept, slots: this.#slots, hashes: this.#hashes }
  }

  /** Its number: the next one where it is new. */
  add(from: Uint8Array, start: number, end: number): number {
    const hash = hashOf(from, start, end)
    const slot = this.#slotOf(hash, from, start, end)
    const known = this.#slots[slot]!
    if (known > 0) return known - 1
    const number = this.#heap.keep(from, start, end)
    if (number === this.#hashes.length) this.#hashes = widened(this.#hashes, new Int32Array(number * 2))
    this.#hashes[number] = hash
    this.#slots[slot] = number + 1
    if ((number + 1) * 2 > this.#slots.length) this.#grow()
    return number
  }

  numberOf(text: string): number | undefined {
    const bytes = Buffer.from(text)
    const known = this.#slots[this.#slotOf(hashOf(bytes, 0, bytes.length), bytes, 0, bytes.length)]!
    return known > 0 ? known - 1 : undefined
  }

  textOf(number: number): string {
    return this.#heap.textOf(number)
  }

  /** Where it is, or would be. */
  #slotOf(hash: number, from: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const number = this.#slots[at]! - 1
      if (number < 0) return at
      if (this.#hashes[number] === hash && this.#heap.isSame(number, from, start, end)) return at
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4)
    const mask = this.#slots.length - 1
    for (let number = 0; number < this.count; number++) {
      let at = this.#hashes[number]! & mask
      while (this.#slots[at] !== 0) at = (at + 1) & mask
      this.#slots[at] = number + 1
    }
  }
}

/** Of the end alone: what is kept are ids and fingerprints, which differ there. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start)
  for (let at = Math.max(start, end - HASHED); at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash ^ (hash >>> 15)
}

export function widened<Numbers extends { set(from: Numbers): void }>(from: Numbers, to: Numbers): Numbers {
  to.set(from)
  return to
}
