import { closeSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { LargeMemory, PackFile, type PackedObject, Recent } from './pack-file.ts'
import { openRegular, stretchOf } from './regular-file.ts'

/** Kept open and in memory; what other packs have, git reads. */
const MOST_PACKS = 64
const MOST_INDEX_BYTES = 128 * 1024 * 1024
const RECENT_BYTES = 16 * 1024 * 1024
const LARGEST_BASE = 16 * 1024 * 1024

interface Pack {
  readonly index: PackIndex
  readonly file: PackFile
}

/**
 * The objects of a repository's packs, read without a process: half of what a history takes is git's unpacking, and half of
 * that is how it gets here. What is not found here, or is not as it should be, is for git to read, and to complain of.
 */
export class Packs {
  readonly #packs: Pack[]
  #recent: Recent | undefined

  /** Of an object directory, whose ids have so many bytes. */
  constructor(objects: string, idBytes: number) {
    this.#packs = openPacks(join(objects, 'pack'), idBytes)
  }

  get isEmpty(): boolean {
    return this.#packs.length === 0
  }

  /** Of no more than so many bytes, which are there until the next one is read. */
  read(id: string, most: number): PackedObject | undefined {
    const bytes = Buffer.from(id, 'hex')
    for (const [number, { index, file }] of this.#packs.entries()) {
      const offset = index.offsetOf(bytes)
      if (offset === undefined) continue
      // What follows is in the same pack mostly.
      if (number > 0) this.#packs.unshift(...this.#packs.splice(number, 1))
      this.#recent ??= new Recent(RECENT_BYTES)
      return file.read(offset, this.#recent, most, LARGEST_BASE)
    }
    return undefined
  }

  close(): void {
    for (const { file } of this.#packs) file.close()
    this.#packs.length = 0
  }
}

function openPacks(folder: string, idBytes: number): Pack[] {
  const packs: Pack[] = []
  const large = new LargeMemory()
  let room = MOST_INDEX_BYTES
  for (const name of namesIn(folder)) {
    if (packs.length === MOST_PACKS) break
    try {
      const index = new PackIndex(join(folder, name), idBytes, room)
      const pack = join(folder, name.replace(/idx$/, 'pack'))
      const file = new PackFile(pack, packs.length, idBytes, id => index.offsetOf(id), large)
      packs.push({ index, file })
      room -= index.bytes
    } catch {
      // Git says what is wrong with it.
    }
  }
  return packs
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => /^pack-[0-9a-f]+\.idx$/.test(name))
  } catch {
    return []
  }
}

const MAGIC = 0xff744f63
const FANOUT_AT = 8
const IDS_AT = FANOUT_AT + 256 * 4

/** Where a pack's objects begin (gitformat-pack, index of version 2). */
class PackIndex {
  readonly #table: Buffer
  readonly #idBytes: number
  readonly #count: number

  /** Raises where there is no such index, or one of another form or of more than `most` bytes. */
  constructor(path: string, idBytes: number, most: number) {
    this.#table = contentOf(path, most)
    this.#idBytes = idBytes
    const isKnown = this.#table.readUInt32BE(0) === MAGIC && this.#table.readUInt32BE(4) === 2
    this.#count = isKnown ? this.#before(256) : 0
    if (!isKnown || this.#table.length < IDS_AT + this.#count * (idBytes + 8) + 2 * idBytes)
      throw new Error('no index')
  }

  get bytes(): number {
    return this.#table.length
  }

  offsetOf(id: Buffer): number | undefined {
    const word = id.readUInt32BE(0)
    let from = this.#before(id[0]!)
    let to = Math.min(this.#before(id[0]! + 1), this.#count)
    while (from < to) {
      const middle = (from + to) >>> 1
      const at = IDS_AT + middle * this.#idBytes
      const order =
        word - this.#table.readUInt32BE(at) ||
        id.compare(this.#table, at, at + this.#idBytes, 0, this.#idBytes)
      if (order === 0) return this.#offset(middle)
      if (order < 0) to = middle
      else from = middle + 1
    }
    return undefined
  }

  /** How many ids begin with a smaller byte. */
  #before(byte: number): number {
    return byte === 0 ? 0 : this.#table.readUInt32BE(FANOUT_AT + (byte - 1) * 4)
  }

  #offset(number: number): number | undefined {
    const offsetsAt = IDS_AT + this.#count * (this.#idBytes + 4)
    const offset = this.#table.readUInt32BE(offsetsAt + number * 4)
    if (offset < 0x80000000) return offset
    // Beyond 2 GiB it is in a table of its own.
    const at = offsetsAt + this.#count * 4 + (offset - 0x80000000) * 8
    if (at + 8 > this.#table.length) return undefined
    const far = Number(this.#table.readBigUInt64BE(at))
    return Number.isSafeInteger(far) ? far : undefined
  }
}

/** All of a file. */
function contentOf(path: string, most: number): Buffer {
  const { file, size } = openRegular(path)
  try {
    if (size > most) throw new Error('a large file')
    return stretchOf(file, Buffer.allocUnsafeSlow(size), 0, size)
  } finally {
    closeSync(file)
  }
}
