import type { Dialect } from './dialect.ts'

const PAGE = 8192
const BACK = 1024

/**
 * Bytes with a Latin-1 string of the part in use, so that one string serves all candidates near each other and an
 * index into it, plus `base`, is a byte offset.
 */
export class Text {
  readonly bytes: Buffer
  readonly dialect: Dialect
  readonly path: string
  /** Whether these are all bytes of a document, as they stand there. */
  readonly whole: boolean
  page = ''
  base = 0

  constructor(bytes: Uint8Array, path: string, dialect: Dialect, whole = false) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.path = path
    this.dialect = dialect
    this.whole = whole
  }

  /** Makes `page` hold at least the bytes [from, to), as far as there are any. */
  turnTo(from: number, to: number): void {
    const start = Math.max(0, from)
    const end = Math.min(this.bytes.length, to)
    if (start >= this.base && end <= this.base + this.page.length) return
    // Some look back from where they are.
    this.base = Math.max(0, start - BACK)
    this.page = this.bytes.toString(
      'latin1',
      this.base,
      Math.min(this.bytes.length, Math.max(end, this.base + PAGE)),
    )
  }

  latin1(from: number, to: number): string {
    if (from >= this.base && to <= this.base + this.page.length)
      return this.page.slice(from - this.base, to - this.base)
    return this.bytes.toString('latin1', Math.max(0, from), Math.min(this.bytes.length, to))
  }
}
