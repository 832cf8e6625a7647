import assert from 'node:assert/strict'

/** What another thread needs to look ids up; it is copied there. */
export interface IdsParts {
  readonly size: number
  readonly words: Uint32Array<ArrayBuffer>
  readonly numbers: Uint32Array<ArrayBuffer>
  readonly slots: Uint32Array<ArrayBuffer>
  readonly texts: ReadonlyMap<string, number>
}

/**
 * Ids of entities as numbers, those of the store (UUIDs in small letters) as their 128 bits in typed arrays: a million of
 * them take 55 MB, and no text is made to look one up. Any other id is kept as text.
 */
export class Ids {
  /** How many numbers there are; an alias has none of its own. */
  size = 0
  #entries = 0
  /** Four words for each entry. */
  #words = new Uint32Array(4 * 1024)
  /** For each entry the number that it means. */
  #numbers = new Uint32Array(1024)
  /** Two words for each slot, twice as many slots as entries at least: a word of the id, and the entry plus one. */
  #slots = new Uint32Array(2 * 4096)
  #texts = new Map<string, number>()
  readonly #textOf = new Map<number, string>()
  readonly #aliases = new Map<number, string[]>()
  readonly #word = new Uint32Array(4)

  /** To look up in only: nothing can be added. */
  static of({ size, words, numbers, slots, texts }: IdsParts): Pick<Ids, 'find'> {
    const ids = new Ids()
    ids.size = size
    ids.#words = words
    ids.#numbers = numbers
    ids.#slots = slots
    ids.#texts = new Map(texts)
    return ids
  }

  parts(): IdsParts {
    const [words, numbers, slots, texts] = [this.#words, this.#numbers, this.#slots, this.#texts]
    return { size: this.size, words, numbers, slots, texts }
  }

  /** Gives the new id's number: they count up from 0. Aliases come after all of them. */
  add(id: string): number {
    assert.equal(this.#entries, this.size)
    this.#put(id, this.size)
    return this.size++
  }

  /** From now on `id` means what has that number. */
  alias(id: string, number: number): void {
    this.#put(id, number)
    const known = this.#aliases.get(number)
    if (known) known.push(id)
    else this.#aliases.set(number, [id])
  }

  numberOf(id: string): number | undefined {
    const text = this.#texts.get(id)
    if (text !== undefined || !this.#read(Buffer.from(id), 0, id.length)) return text
    const number = this.#find()
    return number < 0 ? undefined : number
  }

  /** The number of the id that stands in `bytes` between these places; -1 where there is none. */
  find(bytes: Uint8Array, from: number, to: number): number {
    if (this.#read(bytes, from, to)) return this.#find()
    return this.#texts.get(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString()) ?? -1
  }

  idOf(number: number): string {
    const text = this.#textOf.get(number)
    if (text !== undefined) return text
    const digits = Array.from(this.#words.subarray(4 * number, 4 * number + 4), word =>
      word.toString(16).padStart(8, '0'),
    ).join('')
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }

  /** The other ids that mean the same. */
  aliasesOf(number: number): readonly string[] {
    return this.#aliases.get(number) ?? []
  }

  #put(id: string, number: number): void {
    if (this.#entries * 4 === this.#words.length) this.#grow()
    const entry = this.#entries++
    this.#numbers[entry] = number
    if (this.#read(Buffer.from(id), 0, id.length)) {
      this.#words.set(this.#word, 4 * entry)
      this.#slot(entry)
    } else {
      this.#texts.set(id, number)
      if (entry === number) this.#textOf.set(number, id)
    }
  }

  #grow(): void {
    this.#words = doubled(this.#words)
    this.#numbers = doubled(this.#numbers)
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let entry = 0; entry < this.#entries; entry++) {
      this.#word.set(this.#words.subarray(4 * entry, 4 * entry + 4))
      // Where there is no UUID there are no words.
      if (this.#word[1] !== 0) this.#slot(entry)
    }
  }

  /** Into the first free slot after the one that the words name. */
  #slot(entry: number): void {
    const mask = this.#slots.length / 2 - 1
    let at = this.#hash() & mask
    while (this.#slots[2 * at + 1] !== 0) at = (at + 1) & mask
    this.#slots[2 * at] = this.#word[3]!
    this.#slots[2 * at + 1] = entry + 1
  }

  #find(): number {
    const [words, slots, word] = [this.#words, this.#slots, this.#word]
    const mask = slots.length / 2 - 1
    for (let at = this.#hash() & mask; slots[2 * at + 1] !== 0; at = (at + 1) & mask) {
      if (slots[2 * at] !== word[3]) continue
      const entry = slots[2 * at + 1]! - 1
      const own = 4 * entry
      if (words[own] === word[0] && words[own + 1] === word[1] && words[own + 2] === word[2])
        // Aliases stand behind all others, each of which is its own number.
        return entry < this.size ? entry : this.#numbers[entry]!
    }
    return -1
  }

  /** The last word of a UUID is random in every version that is in use. */
  #hash(): number {
    const hash = Math.imul(this.#word[3]! ^ Math.imul(this.#word[2]!, 0x9e3779b1), 0x85ebca6b)
    return (hash ^ (hash >>> 15)) >>> 0
  }

  /** Whether it is a UUID; its words are then in `#word`. */
  #read(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from !== 36) return false
    const word = this.#word
    let [at, bad] = [from, 0]
    for (let index = 0; index < 4; index++) {
      let value = 0
      for (let digit = 0; digit < 8; digit++) {
        // After digits 8, 12, 16 and 20.
        if ((digit === 0 && (index === 1 || index === 2)) || (digit === 4 && (index === 1 || index === 2)))
          bad |= bytes[at++]! ^ HYPHEN
        const hex = HEX[bytes[at++]!]!
        bad |= hex & 0xf0
        value = (value << 4) | hex
      }
      word[index] = value
    }
    return bad === 0 && word[1] !== 0
  }
}

const HYPHEN = 0x2d
const HEX = new Uint8Array(256).fill(0xf0)
for (const [value, digit] of [...'0123456789abcdef'].entries()) HEX[digit.charCodeAt(0)] = value

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}
