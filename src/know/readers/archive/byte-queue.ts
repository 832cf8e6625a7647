import { Damaged } from './budget.ts'

const REST_BYTES = 64 * 1024

/** Bytes that come in chunks of any size, taken in pieces of the size that a format asks for. */
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array()
  #at = 0
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** At most `most` bytes, at least one; undefined at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    if (!(await this.#fill())) return undefined
    const piece = this.#chunk.subarray(this.#at, this.#at + most)
    this.#at += piece.length
    return piece
  }

  /** The last of what `some` gave are still to come. */
  giveBack(count: number): void {
    this.#at -= count
  }

  async isEmpty(): Promise<boolean> {
    return !(await this.#fill())
  }

  /** Exactly so many; undefined at the end. Raises Damaged where it ends in their midst. */
  async exactly(count: number): Promise<Uint8Array | undefined> {
    if (!(await this.#fill())) return undefined
    if (this.#chunk.length - this.#at >= count) return (await this.some(count))!
    const whole = new Uint8Array(count)
    for (let filled = 0; filled < count; ) {
      const piece = await this.some(count - filled)
      if (!piece) throw new Damaged('it is cut off')
      whole.set(piece, filled)
      filled += piece.length
    }
    return whole
  }

  async *stretch(count: number): AsyncGenerator<Uint8Array, void> {
    for (let left = count; left > 0; ) {
      const piece = await this.some(Math.min(left, 1024 * 1024))
      if (!piece) throw new Damaged('it is cut off')
      left -= piece.length
      yield piece
    }
  }

  /** So many are passed over. Raises Damaged where it ends before. */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const piece = await this.some(left)
      if (!piece) throw new Damaged('it is cut off')
      left -= piece.length
    }
  }

  async *rest(): AsyncGenerator<Uint8Array, void> {
    for (let piece = await this.some(REST_BYTES); piece; piece = await this.some(REST_BYTES)) yield piece
  }

  async #fill(): Promise<boolean> {
    while (this.#at >= this.#chunk.length && !this.#ended) {
      const next = await this.#source.next()
      if (next.done) this.#ended = true
      else {
        this.#chunk = next.value
        this.#at = 0
      }
    }
    return !this.#ended || this.#at < this.#chunk.length
  }
}

/** Whoever had enough of a stretch left the rest to be passed over. */
export async function drain(stretch: AsyncGenerator<Uint8Array, void>): Promise<void> {
  for (let left = await stretch.next(); !left.done; left = await stretch.next());
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes
}

/** What a field of fixed size holds. */
export function beforeNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0)
  return end < 0 ? bytes : bytes.subarray(0, end)
}
