import { createHash } from 'node:crypto'

/** The same seed gives the same run. */
export class SeededRandom {
  readonly #seed: string
  #drawn = 0

  constructor(seed: number | string) {
    this.#seed = String(seed)
  }

  bytes(count: number): Uint8Array {
    const blocks: Uint8Array[] = []
    for (let length = 0; length < count; length += 32)
      blocks.push(
        createHash('sha256')
          .update(`${this.#seed}/${this.#drawn++}`)
          .digest(),
      )
    return new Uint8Array(Buffer.concat(blocks).subarray(0, count))
  }

  /** 0 ≤ x < count, a whole number */
  below(count: number): number {
    return Buffer.from(this.bytes(6)).readUIntBE(0, 6) % count
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}
