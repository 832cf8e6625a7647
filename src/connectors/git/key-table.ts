import { hash } from 'node:crypto'

/**
 * A set of texts, or a map from texts to small numbers, in about 20 bytes an entry whatever their length, so that
 * millions of blobs fit. It keeps 64 bits of a salted hash: the salt is what stops a repository from being built
 * so that two of its paths collide and one is hidden.
 */
export class KeyTable {
  readonly #salt: string
  #high = new Uint32Array(1024)
  #low = new Uint32Array(1024)
  #values = new Uint32Array(1024)
  #size = 0

  constructor(salt: Uint8Array) {
    this.#salt = Buffer.from(salt).toString('base64')
  }

  get size(): number {
    return this.#size
  }

  has(text: string): boolean {
    return this.#values[this.#find(...this.#key(text))] !== 0
  }

  get(text: string): number | undefined {
    const value = this.#values[this.#find(...this.#key(text))]!
    return value === 0 ? undefined : value - 1
  }

  /** False where the text was there already; its first value stays. */
  add(text: string, value = 0): boolean {
    const [high, low] = this.#key(text)
    const at = this.#find(high, low)
    if (this.#values[at] !== 0) return false
    this.#put(at, high, low, value + 1)
    if (++this.#size * 3 > this.#values.length * 2) this.#grow()
    return true
  }

  #key(text: string): [number, number] {
    const digest = hash('sha1', this.#salt + text, 'buffer')
    return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
  }

  #find(high: number, low: number): number {
    const mask = this.#values.length - 1
    let at = low & mask
    while (this.#values[at] !== 0 && (this.#high[at] !== high || this.#low[at] !== low)) at = (at + 1) & mask
    return at
  }

  #put(at: number, high: number, low: number, stored: number): void {
    this.#high[at] = high
    this.#low[at] = low
    this.#values[at] = stored
  }

  #grow(): void {
    const [high, low, values] = [this.#high, this.#low, this.#values]
    this.#high = new Uint32Array(values.length * 2)
    this.#low = new Uint32Array(values.length * 2)
    this.#values = new Uint32Array(values.length * 2)
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== 0) this.#put(this.#find(high[i]!, low[i]!), high[i]!, low[i]!, values[i]!)
    }
  }
}
