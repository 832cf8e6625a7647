import type { Readable } from 'node:stream'

const LONGEST_RECORD = 16 * 1024 * 1024

/** Cuts a stream into records and counted stretches. Holds one chunk of the stream plus one unfinished record. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>
  readonly #stallMs: number
  #buffer: Buffer = Buffer.alloc(0)

  /** Gives up when the stream is silent for `stallMs`: a repository may hold a named pipe where git expects a file. */
  constructor(stream: Readable, stallMs: number) {
    this.#chunks = stream[Symbol.asyncIterator]()
    this.#stallMs = stallMs
  }

  /** The next record without its delimiter, if it is already here. Costs no promise. */
  buffered(delimiter: number): Buffer | undefined {
    const end = this.#buffer.indexOf(delimiter)
    if (end < 0) return undefined
    const record = this.#buffer.subarray(0, end)
    this.#buffer = this.#buffer.subarray(end + 1)
    return record
  }

  /** The next record, or nothing at the end of the stream. What follows the last delimiter is dropped. */
  async record(delimiter: number): Promise<Buffer | undefined> {
    for (;;) {
      const record = this.buffered(delimiter)
      if (record) return record
      if (this.#buffer.length > LONGEST_RECORD) throw new Error('git gave a record longer than 16 MiB')
      if (!(await this.#fill())) return undefined
    }
  }

  /** Exactly so many bytes, or nothing where the stream ends before. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#buffer.length < length) if (!(await this.#fill())) return undefined
    const bytes = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return bytes
  }

  /** What is here, up to `atMost` bytes; waits for one byte at least. Nothing at the end of the stream. */
  async some(atMost: number): Promise<Buffer | undefined> {
    if (this.#buffer.length === 0 && !(await this.#fill())) return undefined
    return await this.take(Math.min(atMost, this.#buffer.length))
  }

  async #fill(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`git was silent for ${this.#stallMs / 1000} s`)),
        this.#stallMs,
      )
    })
    try {
      const next = await Promise.race([this.#chunks.next(), stalled])
      if (next.done) return false
      this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value])
      return true
    } finally {
      clearTimeout(timer)
    }
  }
}
