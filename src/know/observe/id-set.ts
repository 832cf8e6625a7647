import { hash } from 'node:crypto'
import type { Io } from '../../core/contract/io.ts'
import { NumberTable } from '../../core/contract/number-table.ts'

const WORDS = 5

/** What an id begins with that is a digest already. */
const DIGEST = /^(?:git|sha256):(?=[0-9a-f]{40,64}$)/

/** Ids of documents, of which there may be millions: by 160 bits of their digest, in a quarter of what the strings would take. */
export class IdSet {
  readonly #table: NumberTable
  readonly #words = new Uint32Array(WORDS)
  readonly #bytes = Buffer.from(this.#words.buffer)

  constructor(io: Pick<Io, 'random'>) {
    this.#table = new NumberTable(WORDS, bytes => io.random(bytes))
  }

  /** Gives whether it is new. */
  add(id: string): boolean {
    const { size } = this.#table
    return this.#table.add(this.#key(id)) === size
  }

  get size(): number {
    return this.#table.size
  }

  has(id: string): boolean {
    return this.#table.size > 0 && this.#table.numberOf(this.#key(id)) !== undefined
  }

  #key(id: string): Uint32Array {
    const digest = DIGEST.exec(id)
    if (digest) this.#bytes.write(id.slice(digest[0].length), 'hex')
    else this.#bytes.set(hash('sha256', id, 'buffer').subarray(0, this.#bytes.length))
    return this.#words
  }
}
