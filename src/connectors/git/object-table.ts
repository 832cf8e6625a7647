import { NumberTable } from '../../core/contract/number-table.ts'

const DIGITS = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(digit) ? 0 : digit
})

/** Numbers for objects by their ids, in the order in which they are added: 20 bytes an object for its id, and six around it. */
export class ObjectTable {
  readonly #table: NumberTable
  readonly #id: Uint8Array
  readonly #words: Uint32Array

  constructor(hashName: 'sha1' | 'sha256', seed: (bytes: number) => Uint8Array) {
    this.#id = new Uint8Array(hashName === 'sha1' ? 20 : 32)
    this.#words = new Uint32Array(this.#id.buffer)
    this.#table = new NumberTable(this.#words.length, seed)
  }

  get size(): number {
    return this.#table.size
  }

  /** How many characters an id has. */
  get hexLength(): number {
    return this.#id.length * 2
  }

  /** `hex` is git's output, which has an id from `at` on. */
  add(hex: Uint8Array, at = 0): number {
    this.#read(hex, at)
    return this.#table.add(this.#words)
  }

  numberOf(id: string): number | undefined {
    this.#read(Buffer.from(id, 'latin1'), 0)
    return this.#table.numberOf(this.#words)
  }

  id(number: number): string {
    const { buffer, byteOffset, byteLength } = this.#table.key(number)
    return Buffer.from(buffer, byteOffset, byteLength).toString('hex')
  }

  #read(hex: Uint8Array, at: number): void {
    for (let i = 0; i < this.#id.length; i++)
      this.#id[i] = (DIGITS[hex[at + 2 * i]!]! << 4) | DIGITS[hex[at + 2 * i + 1]!]!
  }
}
