import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Budget, Damaged } from './budget.ts'
import type { Content } from './content.ts'

const IN_MEMORY_BYTES = 16 * 1024 * 1024
const PIECE_BYTES = 256 * 1024

/**
 * Content that has to be read out of order. What is larger than 16 MiB lies in a file that only this process can open
 * and that has no name any more by the time a byte is in it, so that nothing stays behind however the process ends.
 */
export class Spool {
  readonly size: number
  readonly #memory: Uint8Array | undefined
  readonly #file: number
  readonly #budget: Budget

  private constructor(size: number, memory: Uint8Array | undefined, file: number, budget: Budget) {
    this.size = size
    this.#memory = memory
    this.#file = file
    this.#budget = budget
  }

  static async of(content: Content, budget: Budget): Promise<Spool> {
    if (content.whole) return new Spool(content.whole.length, content.whole, -1, budget)
    const held: Uint8Array[] = []
    let size = 0
    let file = -1
    let counted = 0
    try {
      for await (const chunk of content.bytes()) {
        size += chunk.length
        if (file < 0 && size <= IN_MEMORY_BYTES) {
          held.push(chunk)
          continue
        }
        budget.spool(chunk.length)
        counted += chunk.length
        if (file < 0) {
          file = unnamedFile()
          for (const early of held.splice(0)) writeAll(file, early)
        }
        writeAll(file, chunk)
      }
    } catch (error) {
      if (file >= 0) closeSync(file)
      budget.unspool(counted)
      throw error
    }
    if (file < 0) return new Spool(size, Buffer.concat(held, size), -1, budget)
    budget.unspool(counted - size)
    return new Spool(size, undefined, file, budget)
  }

  /** As many of these bytes as there are. They may be a view: whoever keeps them copies them. */
  read(from: number, length: number): Uint8Array {
    const count = Math.max(0, Math.min(length, this.size - from))
    if (this.#memory) return this.#memory.subarray(from, from + count)
    const bytes = new Uint8Array(count)
    for (let filled = 0; filled < count; ) {
      const more = readSync(this.#file, bytes, filled, count - filled, from + filled)
      if (more === 0) throw new Damaged('what was held aside of it is gone')
      filled += more
    }
    return bytes
  }

  async *bytes(from = 0, to = this.size): AsyncGenerator<Uint8Array, void> {
    for (let at = from; at < to; at += PIECE_BYTES) yield this.read(at, Math.min(PIECE_BYTES, to - at))
  }

  close(): void {
    if (this.#file < 0) return
    closeSync(this.#file)
    this.#budget.unspool(this.size)
  }
}

function unnamedFile(): number {
  const path = join(tmpdir(), `firebreak-${randomBytes(16).toString('hex')}`)
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    const file = openSync(path, flags, 0o600)
    unlinkSync(path)
    return file
  } catch (error) {
    throw noRoom(error)
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
  } catch (error) {
    throw noRoom(error)
  }
}

function noRoom(error: unknown): Damaged {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
  return new Damaged(`it has to be held in the temporary directory to be read, which failed (${code})`)
}
