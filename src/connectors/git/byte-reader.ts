import { GitFailure } from './git-failure.ts'

const LONGEST_RECORD = 16 * 1024 * 1024
/** What is taken in ahead of what is asked for: the other end can go on while this one is busy elsewhere. */
const MOST_AHEAD = 1024 * 1024

/** What is read from: a pipe of Node's, or an outlet. */
export interface ByteSource {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'close', listener: () => void): unknown
  pause(): unknown
  resume(): unknown
  isPaused(): boolean
  /** Memory that is not that of these chunks may be used again. */
  release?(needed: readonly Buffer[]): void
}

/**
 * Cuts a stream into records and counted stretches. They are views into the stream's own chunks; only what lies in several of
 * them is copied.
 */
export class ByteReader {
  readonly #stream: ByteSource
  readonly #stallMs: number
  readonly #chunks: Buffer[] = []
  /** Where in the first chunk the next byte is. */
  #at = 0
  #held = 0
  #ended = false
  #failure: unknown
  #wake = () => {}

  /** Gives up when the stream is silent for `stallMs`: a repository may hold a named pipe where git expects a file. */
  constructor(stream: ByteSource, stallMs: number) {
    this.#stream = stream
    this.#stallMs = stallMs
    stream.on('data', (chunk: Buffer) => {
      if (chunk.length === 0) return
      this.#take(chunk)
      if (this.#held >= MOST_AHEAD) stream.pause()
      this.#wake()
    })
    stream.on('error', error => {
      this.#failure = error
    })
    const end = () => {
      this.#ended = true
      this.#wake()
    }
    stream.on('end', end)
    stream.on('close', end)
  }

  /** What was given before is needed no more: its memory may be used again. */
  release(): void {
    this.#stream.release?.(this.#chunks)
  }

  /** What goes on where the last chunk ends, in the same memory, is one with it. */
  #take(chunk: Buffer): void {
    this.#held += chunk.length
    const last = this.#chunks.at(-1)
    if (last?.buffer !== chunk.buffer || last.byteOffset + last.length !== chunk.byteOffset)
      this.#chunks.push(chunk)
    else
      this.#chunks[this.#chunks.length - 1] = Buffer.from(
        last.buffer,
        last.byteOffset,
        last.length + chunk.length,
      )
  }

  /** The next record without its delimiter, if it is already here. Costs no promise. */
  buffered(delimiter: number): Buffer | undefined {
    return this.#record(delimiter, 0)
  }

  /** The next record, or nothing at the end of the stream. What follows the last delimiter is dropped. */
  async record(delimiter: number): Promise<Buffer | undefined> {
    for (let searched = 0; ; ) {
      const record = this.#record(delimiter, searched)
      if (record) return record
      searched = this.#held
      if (searched > LONGEST_RECORD) throw new GitFailure('git gave a record longer than 16 MiB')
      if (!(await this.#more())) return undefined
    }
  }

  /** Exactly so many bytes, if they are already here. */
  here(length: number): Buffer | undefined {
    return this.#held >= length ? this.#cut(length) : undefined
  }

  /** Exactly so many bytes, or nothing where the stream ends before. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#held < length) if (!(await this.#more())) return undefined
    return this.#cut(length)
  }

  /** What is here, up to `atMost` bytes; waits for one byte at least. Nothing at the end of the stream. */
  async some(atMost: number): Promise<Buffer | undefined> {
    while (this.#held === 0) if (!(await this.#more())) return undefined
    return this.#cut(Math.min(atMost, this.#chunks[0]!.length - this.#at))
  }

  /** `searched` bytes are known to hold no delimiter. */
  #record(delimiter: number, searched: number): Buffer | undefined {
    let before = -this.#at
    for (const chunk of this.#chunks) {
      const from = Math.max(searched - before, before < 0 ? this.#at : 0)
      const end = from < chunk.length ? chunk.indexOf(delimiter, from) : -1
      if (end >= 0) {
        const record = this.#cut(before + end)
        this.#drop(1)
        return record
      }
      before += chunk.length
    }
    return undefined
  }

  #cut(length: number): Buffer {
    const first = this.#chunks[0]
    if (!first || length <= first.length - this.#at) {
      const bytes = first?.subarray(this.#at, this.#at + length) ?? Buffer.alloc(0)
      this.#drop(length)
      return bytes
    }
    const bytes = Buffer.allocUnsafe(length)
    for (let filled = 0; filled < length; ) {
      const chunk = this.#chunks[0]!
      const part = Math.min(length - filled, chunk.length - this.#at)
      chunk.copy(bytes, filled, this.#at, this.#at + part)
      filled += part
      this.#drop(part)
    }
    return bytes
  }

  /** So many bytes of the first chunk. */
  #drop(length: number): void {
    this.#at += length
    this.#held -= length
    if (this.#at === this.#chunks[0]?.length) {
      this.#chunks.shift()
      this.#at = 0
    }
    if (this.#held < MOST_AHEAD / 2 && this.#stream.isPaused()) this.#stream.resume()
  }

  /** Waits for more than is here. False at the end of the stream. */
  async #more(): Promise<boolean> {
    const before = this.#held
    let stalled = false
    const timer = setTimeout(() => {
      stalled = true
      this.#wake()
    }, this.#stallMs)
    try {
      this.#stream.resume() // one record may be longer than what is taken in ahead
      while (this.#held === before && !this.#ended && !stalled)
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
    } finally {
      clearTimeout(timer)
    }
    if (this.#failure !== undefined) throw this.#failure
    if (stalled) throw new GitFailure(`git was silent for ${this.#stallMs / 1000} s`)
    return this.#held > before
  }
}
