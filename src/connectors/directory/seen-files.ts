import type { Ms } from '../../core/contract/ref.ts'

const PREFIX = 'sha256:'
const DIGEST_BYTES = 32
/** How long the path is, when it was changed, and its digest. */
const HEAD_BYTES = 4 + 8 + DIGEST_BYTES
const PIECE_BYTES = 256 * 1024

export interface SeenFile {
  readonly path: string
  /** `sha256:` and 64 digits. */
  readonly id: string
  readonly changedAt: Ms
}

/** The files of a walk, in its order. There may be millions: each takes its path and 44 bytes, where strings took hundreds. */
export class SeenFiles {
  readonly #pieces: Buffer[] = []
  #used = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  add({ path, id, changedAt }: SeenFile): void {
    const text = Buffer.from(path)
    const bytes = HEAD_BYTES + text.length
    let piece = this.#pieces.at(-1)
    if (!piece || this.#used + bytes > piece.length) {
      // What is left of the one before stays zero, which is no path's length.
      piece = Buffer.alloc(Math.max(bytes, PIECE_BYTES))
      this.#pieces.push(piece)
      this.#used = 0
    }
    let at = piece.writeUInt32LE(text.length, this.#used)
    at = piece.writeDoubleLE(changedAt, at)
    at += piece.write(id.slice(PREFIX.length), at, DIGEST_BYTES, 'hex')
    piece.set(text, at)
    this.#used = at + text.length
    this.#length++
  }

  *[Symbol.iterator](): Generator<SeenFile, void> {
    for (const piece of this.#pieces)
      for (let at = 0; at + HEAD_BYTES <= piece.length; ) {
        const length = piece.readUInt32LE(at)
        if (length === 0) break
        const text = at + HEAD_BYTES
        yield {
          path: piece.toString('utf8', text, text + length),
          id: PREFIX + piece.toString('hex', text - DIGEST_BYTES, text),
          changedAt: piece.readDoubleLE(at + 4),
        }
        at = text + length
      }
  }
}
