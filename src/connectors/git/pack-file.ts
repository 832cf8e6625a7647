import { closeSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { openRegular, stretchOf } from './regular-file.ts'

/** Asked for at once: in the order of a pack, what comes next is in it mostly. */
const WINDOW_BYTES = 1024 * 1024
const HEADER_BYTES = 64
/** Git makes none that are longer; one that came back to itself would have no end. */
const LONGEST_CHAIN = 4095
/** Of what is read, unpacked and made for one object. Git, which keeps more of it, is quicker where it takes more. */
const MOST_WORK = 128 * 1024 * 1024
/** Of a pack, beyond what came of it: it is left to git then, as one that is not as it should be, or of large objects. */
const MOST_IN_VAIN = 1024 * 1024 * 1024
/** What zlib adds to what it cannot compress, by RFC 1950 and RFC 1951: headers, a checksum, five bytes for each block. */
const boundOf = (size: number) => size + (size >> 8) + 128

const PACK = 0x5041434b
const KINDS = ['', 'commit', 'tree', 'blob', 'tag'] as const
const BY_OFFSET = 6
const BY_ID = 7

export interface PackedObject {
  readonly type: 'commit' | 'tree' | 'blob' | 'tag'
  readonly bytes: Buffer
}

interface Entry {
  readonly type: number
  /** Of what is compressed: an object, or what it differs in from another one. */
  readonly size: number
  readonly dataAt: number
  /** Where the object is that it differs from. */
  readonly baseAt: number
}

/** Where an object with this id, as bytes, is in the same pack. */
export type FindBase = (id: Buffer) => number | undefined

/**
 * Objects of a pack (gitformat-pack, versions 2 and 3) by where they begin. Nothing in it is trusted: undefined stands for whatever
 * is not as it should be, and for what is larger than it is asked for.
 */
export class PackFile {
  readonly #file: number
  readonly #number: number
  readonly #size: number
  readonly #idBytes: number
  readonly #find: FindBase
  readonly #large: LargeMemory
  /** What is read one after the other, and what is read in between. */
  readonly #ahead: Window
  readonly #aside: Window
  /** Bytes that were read, unpacked and made for the object that is being read. */
  #work = 0
  #inVain = 0

  /** `number` tells it from others, and is below 64. Raises where there is no such file, or it is no pack. */
  constructor(path: string, number: number, idBytes: number, find: FindBase, large: LargeMemory) {
    this.#number = number
    this.#large = large
    const { file, size } = openRegular(path)
    this.#file = file
    this.#size = size - idBytes
    this.#idBytes = idBytes
    this.#find = find
    this.#ahead = new Window(this.#file)
    this.#aside = new Window(this.#file)
    try {
      const head = this.#at(0, 12)
      const version = head?.readUInt32BE(4)
      if (head?.readUInt32BE(0) !== PACK || (version !== 2 && version !== 3)) throw new Error('no pack')
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    closeSync(this.#file)
  }

  /** Of no more than `most` bytes, made of what has no more than `largest`. Its bytes are there until the next one is read. */
  read(offset: number, recent: Recent, most: number, largest: number): PackedObject | undefined {
    if (this.#inVain > MOST_IN_VAIN) return undefined
    this.#work = 0
    let object: PackedObject | undefined
    try {
      object = this.#read(offset, recent, most, largest)
    } catch {
      // Damaged, or the disk is: git says which.
    }
    this.#inVain = Math.max(0, this.#inVain + (object ? -this.#work : this.#work))
    return object
  }

  #read(offset: number, recent: Recent, most: number, largest: number): PackedObject | undefined {
    const chain: { entry: Entry; offset: number }[] = []
    let base: PackedObject | undefined
    for (let at = offset; ; ) {
      base = recent.of(this.#number, at)
      if (base) break
      const entry = this.#entry(at)
      if (!entry || entry.size > largest) return undefined
      if (entry.baseAt < 0) {
        if (chain.length === 0 && entry.size > most) return undefined
        if (entry.size * chain.length > MOST_WORK) return undefined
        const bytes = this.#inflate(entry)
        if (!bytes) return undefined
        base = { type: KINDS[entry.type] as PackedObject['type'], bytes: recent.copyOf(bytes) }
        recent.keep(this.#number, at, base)
        break
      }
      if (chain.push({ entry, offset: at }) > LONGEST_CHAIN) return undefined
      at = entry.baseAt
    }
    for (let link = chain.pop(); link; link = chain.pop()) {
      const delta = this.#inflate(link.entry)
      const { bytes }: PackedObject = base
      const made: Buffer | undefined =
        delta &&
        applied(bytes, delta, largest, size => {
          this.#take(size)
          return recent.room(size, bytes)
        })
      if (!made) return undefined
      base = { type: base.type, bytes: made }
      recent.keep(this.#number, link.offset, base)
    }
    return base.bytes.length <= most ? base : undefined
  }

  #entry(offset: number): Entry | undefined {
    const head = this.#at(offset, HEADER_BYTES)
    if (!head) return undefined
    let at = 0
    let byte = head[at++]!
    const type = (byte >> 4) & 7
    let size = byte & 15
    for (let scale = 16; byte & 0x80; scale *= 128) {
      byte = head[at++]!
      size += (byte & 0x7f) * scale
      if (at > 10) return undefined
    }
    let baseAt = -1
    if (type === BY_OFFSET) {
      byte = head[at++]!
      let back = byte & 0x7f
      while (byte & 0x80) {
        byte = head[at++]!
        back = (back + 1) * 128 + (byte & 0x7f)
        if (at > 24) return undefined
      }
      if (back === 0 || back > offset) return undefined
      baseAt = offset - back
    } else if (type === BY_ID) {
      const found = this.#find(head.subarray(at, at + this.#idBytes))
      if (found === undefined) return undefined
      baseAt = found
      at += this.#idBytes
    } else if (!KINDS[type]) return undefined
    return { type, size, dataAt: offset + at, baseAt }
  }

  #inflate({ dataAt, size }: Entry): Buffer | undefined {
    const data = this.#at(dataAt, boundOf(size))
    if (!data) return undefined
    this.#take(size)
    // With one byte more of room it sees at once that it is at the end.
    const bytes = inflateSync(data, { chunkSize: Math.max(64, size + 1), maxOutputLength: size + 1 })
    return bytes.length === size ? bytes : undefined
  }

  #take(work: number): void {
    this.#work += work
    if (this.#work > MOST_WORK) throw new Error('too much for one object')
  }

  /** So many bytes, fewer at the end; a view that holds until the next one is asked for. */
  #at(offset: number, length: number): Buffer | undefined {
    const most = Math.min(length, this.#size - offset)
    if (most <= 0) return undefined
    if (most > WINDOW_BYTES) {
      this.#take(most)
      return stretchOf(this.#file, this.#large.of(most), offset, most)
    }
    const window = this.#aside.has(offset, most) || offset < this.#ahead.from ? this.#aside : this.#ahead
    if (!window.has(offset, most)) this.#take(WINDOW_BYTES)
    return window.at(offset, most)
  }
}

/** What is read for one large object, over what was read for the last one: memory of its own for each would stay until it is collected. */
export class LargeMemory {
  #memory = Buffer.alloc(0)

  of(bytes: number): Buffer {
    if (this.#memory.length < bytes) this.#memory = Buffer.allocUnsafeSlow(bytes)
    return this.#memory.subarray(0, bytes)
  }
}

/** A stretch of a file that was read, of 1 MiB at most. */
class Window {
  readonly #file: number
  readonly #memory = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  #bytes: Buffer = this.#memory.subarray(0, 0)
  from = 0

  constructor(file: number) {
    this.#file = file
  }

  has(offset: number, length: number): boolean {
    return offset >= this.from && offset + length <= this.from + this.#bytes.length
  }

  at(offset: number, length: number): Buffer | undefined {
    if (!this.has(offset, length)) {
      this.from = offset
      this.#bytes = this.#memory.subarray(0, 0)
      this.#bytes = stretchOf(this.#file, this.#memory, offset, length)
    }
    return this.has(offset, length)
      ? this.#bytes.subarray(offset - this.from, offset - this.from + length)
      : undefined
  }
}

/**
 * What was read last: in the order of a pack, what differs from an object follows it. All of it is in one stretch of memory that
 * is filled again from its beginning, over what was read first: memory of its own for each object would be half of the time.
 */
export class Recent {
  readonly #memory: Buffer
  #next = 0
  /** In the order in which they lie there, from `#next` on. */
  readonly #objects = new Map<number, PackedObject>()

  constructor(bytes: number) {
    this.#memory = Buffer.allocUnsafeSlow(bytes)
  }

  of(pack: number, offset: number): PackedObject | undefined {
    return this.#objects.get(keyOf(pack, offset))
  }

  /** In it, where there is room. */
  copyOf(bytes: Buffer): Buffer {
    const copy = this.room(bytes.length)
    bytes.copy(copy)
    return copy
  }

  /** So many bytes in it, over what is there; elsewhere, where they are many, or `besides` lies there. */
  room(size: number, besides?: Buffer): Buffer {
    if (size > this.#memory.length / 2) return Buffer.allocUnsafeSlow(size)
    const doesFit = this.#next + size <= this.#memory.length
    const from = doesFit ? this.#next : 0
    if (besides && this.#lies(besides, from, from + size)) return Buffer.allocUnsafeSlow(size)
    if (!doesFit) this.#dropFrom(this.#next, this.#memory.length)
    this.#dropFrom(from, from + size)
    this.#next = from + size
    return this.#memory.subarray(from, from + size)
  }

  /** What has its bytes here. */
  keep(pack: number, offset: number, object: PackedObject): void {
    if (object.bytes.buffer === this.#memory.buffer) this.#objects.set(keyOf(pack, offset), object)
  }

  #lies({ buffer, byteOffset, length }: Buffer, from: number, to: number): boolean {
    return buffer === this.#memory.buffer && byteOffset < to && byteOffset + length > from
  }

  /** Those that begin there, of which the first is next. */
  #dropFrom(from: number, to: number): void {
    for (const [key, { bytes }] of this.#objects) {
      if (bytes.byteOffset < from || bytes.byteOffset >= to) return
      this.#objects.delete(key)
    }
  }
}

/** Offsets are below 2 ** 46. */
function keyOf(pack: number, offset: number): number {
  return pack * 2 ** 46 + offset
}

/** What a delta makes of its base: stretches of it, and bytes of its own (gitformat-pack, "Deltified representation"). */
function applied(
  base: Buffer,
  delta: Buffer,
  largest: number,
  room: (size: number) => Buffer,
): Buffer | undefined {
  let at = 0
  const number = () => {
    let value = 0
    for (let scale = 1; at < delta.length && scale < 2 ** 49; scale *= 128) {
      const byte = delta[at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return -1
  }
  if (number() !== base.length) return undefined
  const size = number()
  if (size < 0 || size > largest) return undefined
  const made = room(size)
  let to = 0
  while (at < delta.length) {
    const code = delta[at++]!
    if (code === 0) return undefined
    if (code < 0x80) {
      if (at + code > delta.length || to + code > size) return undefined
      delta.copy(made, to, at, at + code)
      at += code
      to += code
      continue
    }
    let from = 0
    if (code & 1) from = delta[at++]!
    if (code & 2) from |= delta[at++]! << 8
    if (code & 4) from |= delta[at++]! << 16
    if (code & 8) from += delta[at++]! * 2 ** 24
    let length = 0
    if (code & 16) length = delta[at++]!
    if (code & 32) length |= delta[at++]! << 8
    if (code & 64) length |= delta[at++]! << 16
    if (length === 0) length = 0x10000
    if (!(at <= delta.length && from + length <= base.length && to + length <= size)) return undefined
    base.copy(made, to, from, from + length)
    to += length
  }
  return to === size ? made : undefined
}
