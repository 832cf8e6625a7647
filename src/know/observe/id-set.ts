import { hash } from 'node:crypto'
import type { Io } from '../../core/contract/io.ts'
import { NumberTable } from '../../core/contract/number-table.ts'

const WORDS = 5

/** Ids of documents, of which there may be millions: by 160 bits of their digest, in a quarter of what the strings would take. */
export class IdSet {
  readonly #table: NumberTable
  readonly #words = new Uint32Array(WORDS)
  readonly #bytes = new Uint8Array(this.#words.buffer)

  constructor(io: Pick<Io, 'random'>) {
    this.#table = new NumberTable(WORDS, bytes => io.random(bytes))
  }

  add(id: string): void {
    this.#table.add(this.#key(id))
  }

  has(id: string): boolean {
    return this.#table.size > 0 && this.#table.numberOf(this.#key(id)) !== undefined
  }

  #key(id: string): Uint32Array {
    this.#bytes.set(hash('sha256', id, 'buffer').subarray(0, this.#bytes.length))
    return this.#words
  }
}
