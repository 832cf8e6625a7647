/** As much of a beginning as tells every container, and as much as is held of a member in memory. */
const HELD_BYTES = 1024 * 1024

/** Bytes whose beginning was looked at. They may be read once, or as often as one likes where `whole` holds them. */
export class Content {
  readonly head: Uint8Array
  readonly #rest: AsyncIterator<Uint8Array> | undefined
  #taken = false

  constructor(head: Uint8Array, rest?: AsyncIterator<Uint8Array>) {
    this.head = head
    this.#rest = rest
  }

  get whole(): Uint8Array | undefined {
    return this.#rest ? undefined : this.head
  }

  /** Whether all of it can still be read. */
  get isThere(): boolean {
    return this.#rest === undefined || !this.#taken
  }

  async *bytes(): AsyncGenerator<Uint8Array, void> {
    if (this.#rest && this.#taken) throw new Error('what comes once was asked for twice')
    this.#taken = true
    if (this.head.length > 0) yield this.head
    if (!this.#rest) return
    for (let next = await this.#rest.next(); !next.done; next = await this.#rest.next()) yield next.value
  }
}

/** Reads the beginning: all of it, where it is small. */
export async function beginContent(bytes: AsyncIterable<Uint8Array>): Promise<Content> {
  const iterator = bytes[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  let size = 0
  while (size < HELD_BYTES) {
    const next = await iterator.next()
    if (next.done) return new Content(joined(chunks, size))
    chunks.push(next.value)
    size += next.value.length
  }
  return new Content(joined(chunks, size), iterator)
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}
