import { SeededRandom } from '../../simulation/seeded-random.ts'

const AT_ONCE = 512
const BYTES = 6

/** The same, for whoever draws a hundred thousand times: many draws are made of one stretch of bytes. */
export class Draws extends SeededRandom {
  #stretch = Buffer.alloc(0)
  #at = 0

  override below(count: number): number {
    if (this.#at >= this.#stretch.length) {
      this.#stretch = Buffer.from(this.bytes(AT_ONCE * BYTES))
      this.#at = 0
    }
    const drawn = this.#stretch.readUIntBE(this.#at, BYTES)
    this.#at += BYTES
    return drawn % count
  }
}
