import { type Budget, Damaged } from './budget.ts'
import { ByteQueue } from './byte-queue.ts'
import type { InOrder } from './container.ts'
import { packedIn } from './packed.ts'

const BLOCK_MAGIC = 0x314159265359
const END_MAGIC = 0x177245385090
const RUN_A = 0
const RUN_B = 1
const SYMBOLS_PER_TABLE = 50
const LONGEST_CODE = 20
const PIECE_BYTES = 256 * 1024

/**
 * The format has no other description than its first implementation, bzip2 1.0. Own code, because the package for it
 * holds every unpacked byte as a JavaScript number. Checksums are not compared: what can be read is read.
 */
export const bzip2: InOrder = {
  name: 'bzip2',
  order: 'in order',
  raw: 'nothing',
  packs: true,
  fits(head) {
    if (head.length < 10 || Buffer.from(head.subarray(0, 3)).toString('latin1') !== 'BZh') return false
    const magic = Buffer.from(head.subarray(4, 10)).readUIntBE(0, 6)
    return head[3]! >= 0x31 && head[3]! <= 0x39 && (magic === BLOCK_MAGIC || magic === END_MAGIC)
  },
  async *members(content, context) {
    yield packedIn(context, bunzip2(content.bytes(), context.budget))
  },
}

/** Streams written one after the other are one. Raises Damaged. */
export async function* bunzip2(
  source: AsyncIterable<Uint8Array>,
  budget: Budget,
): AsyncGenerator<Uint8Array, void> {
  const bits = new Bits(new ByteQueue(source))
  for (let streams = 0; ; streams++) {
    const first = await bits.maybeByte()
    if (first === undefined && streams > 0) return
    if (first !== 0x42 || (await bits.read(16)) !== 0x5a68) {
      if (streams > 0) return // what follows the last stream is none
      throw new Damaged('it is damaged')
    }
    const level = (await bits.read(8)) - 0x30
    if (level < 1 || level > 9) throw new Damaged('it is damaged')
    for (;;) {
      budget.checkTime()
      const magic = (await bits.read(24)) * 2 ** 24 + (await bits.read(24))
      await bits.read(16)
      await bits.read(16)
      if (magic === END_MAGIC) break
      if (magic !== BLOCK_MAGIC) throw new Damaged('it is damaged')
      for (const piece of expanded(await block(bits, level * 100_000))) {
        budget.unpack(piece.length)
        yield piece
      }
    }
    bits.alignToByte()
  }
}

/** One block as it was before it was sorted: still with runs of four equal bytes and a count. */
async function block(bits: Bits, most: number): Promise<Uint8Array> {
  if (await bits.read(1)) throw new Damaged('it is of a form that was given up long ago')
  const origin = await bits.read(24)
  const symbols = await usedSymbols(bits)
  const tableCount = await bits.read(3)
  const selectorCount = await bits.read(15)
  if (tableCount < 2 || tableCount > 6 || selectorCount === 0) throw new Damaged('it is damaged')
  const selectors = await readSelectors(bits, selectorCount, tableCount)
  const tables: Huffman[] = []
  for (let i = 0; i < tableCount; i++) tables.push(await readTable(bits, symbols.length + 2))
  const sorted = new Uint32Array(most)
  const counts = new Uint32Array(256)
  const length = await readSymbols(bits, { symbols, selectors, tables, sorted, counts })
  if (origin >= length) throw new Damaged('it is damaged')
  return unsorted(sorted, counts, length, origin)
}

async function usedSymbols(bits: Bits): Promise<Uint8Array> {
  const groups = await bits.read(16)
  const used: number[] = []
  for (let group = 0; group < 16; group++) {
    if (!(groups & (0x8000 >> group))) continue
    const members = await bits.read(16)
    for (let i = 0; i < 16; i++) if (members & (0x8000 >> i)) used.push(group * 16 + i)
  }
  if (used.length === 0) throw new Damaged('it is damaged')
  return Uint8Array.from(used)
}

async function readSelectors(bits: Bits, count: number, tableCount: number): Promise<Uint8Array> {
  const order = Array.from({ length: tableCount }, (_, index) => index)
  const selectors = new Uint8Array(count)
  await bits.need(count * tableCount)
  for (let i = 0; i < count; i++) {
    let at = 0
    while (bits.now(1)) if (++at >= tableCount) throw new Damaged('it is damaged')
    const [table] = order.splice(at, 1)
    order.unshift(table!)
    selectors[i] = table!
  }
  return selectors
}

interface Huffman {
  /** For each code length: the largest code of it, or -1, and what to add to a code to find its symbol. */
  readonly largest: Int32Array
  readonly offset: Int32Array
  readonly symbol: Uint16Array
  readonly shortest: number
}

async function readTable(bits: Bits, symbolCount: number): Promise<Huffman> {
  const lengths = new Uint8Array(symbolCount)
  await bits.need(5 + symbolCount * 2 * (LONGEST_CODE + 1))
  let length = bits.now(5)
  for (let i = 0; i < symbolCount; i++) {
    for (;;) {
      if (length < 1 || length > LONGEST_CODE) throw new Damaged('it is damaged')
      if (!bits.now(1)) break
      length += bits.now(1) ? -1 : 1
    }
    lengths[i] = length
  }
  const symbol = new Uint16Array(symbolCount)
  const largest = new Int32Array(LONGEST_CODE + 1).fill(-1)
  const offset = new Int32Array(LONGEST_CODE + 1)
  let code = 0
  let filled = 0
  for (let bitCount = 1; bitCount <= LONGEST_CODE; bitCount++) {
    offset[bitCount] = filled - code
    for (let i = 0; i < symbolCount; i++) {
      if (lengths[i] !== bitCount) continue
      symbol[filled++] = i
      code++
    }
    if (filled > 0) largest[bitCount] = code - 1
    code <<= 1
  }
  return { largest, offset, symbol, shortest: Math.min(...lengths) }
}

interface Coding {
  readonly symbols: Uint8Array
  readonly selectors: Uint8Array
  readonly tables: readonly Huffman[]
  readonly sorted: Uint32Array
  readonly counts: Uint32Array
}

/** Huffman codes, then moved to the front and run-length coded: fills `sorted`, and gives how many there are. */
async function readSymbols(bits: Bits, coding: Coding): Promise<number> {
  const { symbols, selectors, tables, sorted, counts } = coding
  const front = Uint8Array.from(symbols)
  const end = symbols.length + 1
  let length = 0
  let run = 0
  let weight = 1
  for (let group = 0; ; group++) {
    const table = tables[selectors[group] ?? -1]
    if (!table) throw new Damaged('it is damaged')
    // As many bits as a group can take, so that each code in it is read without waiting.
    await bits.need(SYMBOLS_PER_TABLE * LONGEST_CODE)
    for (let i = 0; i < SYMBOLS_PER_TABLE; i++) {
      const symbol = bits.code(table)
      if (symbol === RUN_A || symbol === RUN_B) {
        run += weight * (symbol + 1)
        weight *= 2
        if (run > sorted.length) throw new Damaged('it is damaged')
        continue
      }
      if (run > 0) {
        if (length + run > sorted.length) throw new Damaged('it is damaged')
        sorted.fill(front[0]!, length, length + run)
        counts[front[0]!]! += run
        length += run
        run = 0
        weight = 1
      }
      if (symbol === end) return length
      if (length >= sorted.length) throw new Damaged('it is damaged')
      const at = symbol - 1
      const byte = front[at]!
      front.copyWithin(1, 0, at)
      front[0] = byte
      sorted[length++] = byte
      counts[byte]!++
    }
  }
}

/** Undoes the Burrows-Wheeler transform. */
function unsorted(sorted: Uint32Array, counts: Uint32Array, length: number, origin: number): Uint8Array {
  let sum = 0
  const starts = counts.map(count => (sum += count) - count)
  for (let i = 0; i < length; i++) sorted[starts[sorted[i]! & 0xff]!++]! |= i << 8
  const plain = new Uint8Array(length)
  let at = sorted[origin]! >>> 8
  for (let i = 0; i < length; i++) {
    const entry = sorted[at]!
    plain[i] = entry & 0xff
    at = entry >>> 8
  }
  return plain
}

/** Four equal bytes are followed by how many more there are. */
function* expanded(bytes: Uint8Array): Generator<Uint8Array, void> {
  let piece = new Uint8Array(PIECE_BYTES)
  let filled = 0
  let equal = 0
  let last = -1
  for (const byte of bytes) {
    if (filled + 256 > piece.length) {
      yield piece.subarray(0, filled)
      piece = new Uint8Array(PIECE_BYTES)
      filled = 0
    }
    if (equal === 4) {
      piece.fill(last, filled, filled + byte)
      filled += byte
      equal = 0
      last = -1
      continue
    }
    equal = byte === last ? equal + 1 : 1
    last = byte
    piece[filled++] = byte
  }
  if (filled > 0) yield piece.subarray(0, filled)
}

/** Bits, the highest of each byte first. Behind the end stand zeros, and whoever uses one of them finds it damaged. */
class Bits {
  readonly #queue: ByteQueue
  #bytes: Uint8Array = new Uint8Array()
  #bit = 0

  constructor(queue: ByteQueue) {
    this.#queue = queue
  }

  async maybeByte(): Promise<number | undefined> {
    await this.need(8)
    return this.#left() < 8 ? undefined : this.#take(8)
  }

  /** At most 24 bits. */
  async read(count: number): Promise<number> {
    if (this.#left() < count) await this.need(count)
    return this.now(count)
  }

  /** The same of bits that were made ready. */
  now(count: number): number {
    return this.#left() < count ? this.#none() : this.#take(count)
  }

  /** Makes so many bits ready, where there are as many. */
  async need(count: number): Promise<void> {
    if (this.#left() >= count) return
    const chunks = [this.#bytes.subarray(this.#bit >> 3)]
    this.#bit &= 7
    let size = chunks[0]!.length
    while (size * 8 - this.#bit < count) {
      const piece = await this.#queue.some(64 * 1024)
      if (!piece) break
      chunks.push(piece)
      size += piece.length
    }
    this.#bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
  }

  /** A symbol by its code; what is behind the end is no code. */
  code({ largest, offset, symbol, shortest }: Huffman): number {
    let code = this.#left() >= shortest ? this.#take(shortest) : this.#none()
    for (let length = shortest; length <= LONGEST_CODE; length++) {
      if (code <= largest[length]! && code + offset[length]! >= 0) {
        const found = symbol[code + offset[length]!]
        if (found !== undefined) return found
      }
      code = code * 2 + (this.#left() >= 1 ? this.#take(1) : this.#none())
    }
    throw new Damaged('it is damaged')
  }

  alignToByte(): void {
    this.#bit = (this.#bit + 7) & ~7
  }

  #none(): never {
    throw new Damaged('it is cut off')
  }

  #left(): number {
    return this.#bytes.length * 8 - this.#bit
  }

  #take(count: number): number {
    let value = 0
    for (let left = count; left > 0; ) {
      const available = 8 - (this.#bit & 7)
      const used = Math.min(available, left)
      const byte = this.#bytes[this.#bit >> 3]!
      value = value * 2 ** used + ((byte >> (available - used)) & ((1 << used) - 1))
      this.#bit += used
      left -= used
    }
    return value
  }
}
