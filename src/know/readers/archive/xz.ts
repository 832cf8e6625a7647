import { type Budget, Damaged } from './budget.ts'
import { ByteQueue } from './byte-queue.ts'
import type { InOrder } from './container.ts'
import { History, LzmaDecoder } from './lzma.ts'
import { packedIn, startsWith } from './packed.ts'

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]
/** As `xz -9` has it. A header can ask for 4 GiB. */
const MOST_DICTIONARY_BYTES = 64 * 1024 * 1024
const LZMA2 = 0x21
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64]

/**
 * The .xz file format 1.2.1 (tukaani.org/xz/xz-file-format.txt). Own code, because the package for it reads one stream at
 * a time in a process, so that one xz within another would wait for itself. Checksums are not compared.
 */
export const xz: InOrder = {
  name: 'xz',
  order: 'in order',
  raw: 'nothing',
  packs: true,
  fits: head => startsWith(head, MAGIC),
  async *members(content, context) {
    yield packedIn(context, unxz(content.bytes(), context.budget))
  },
}

/** Streams written one after the other are one. Raises Damaged. */
export async function* unxz(
  source: AsyncIterable<Uint8Array>,
  budget: Budget,
): AsyncGenerator<Uint8Array, void> {
  const input = new Input(new ByteQueue(source))
  for (let streams = 0; ; streams++) {
    const header = await input.header(streams > 0)
    if (!header) return
    if (!startsWith(header, MAGIC)) throw new Damaged('it is damaged: what follows is no xz stream')
    const checkBytes = CHECK_BYTES[header[7]! & 0x0f]!
    for (;;) {
      budget.checkTime()
      const started = input.taken
      const size = (await input.byte()) * 4
      if (size === 0) break
      const dictionaryBytes = dictionaryOf(await input.bytes(size + 3))
      yield* lzma2(input, dictionaryBytes, budget)
      await input.bytes((4 - ((input.taken - started) % 4)) % 4)
      await input.bytes(checkBytes)
    }
    await skipIndex(input)
  }
}

/** The block header behind its first byte: flags, sizes where told, and the filters, of which only LZMA2 is read. */
function dictionaryOf(header: Uint8Array): number {
  const flags = header[0]!
  let at = 1
  const number = () => {
    let value = 0
    for (let shift = 0; shift < 63 && at < header.length; shift += 7) {
      const byte = header[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new Damaged('it is damaged')
  }
  if (flags & 0x40) number()
  if (flags & 0x80) number()
  if ((flags & 3) !== 0 || number() !== LZMA2 || number() !== 1)
    throw new Damaged('it is packed by a filter that is not read')
  const bits = header[at]!
  const bytes = bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11)
  if (!(bits <= 40 && bytes <= MOST_DICTIONARY_BYTES))
    throw new Damaged('it needs a dictionary of more than 64 MiB')
  return bytes
}

/** A chunk says itself how large it is, packed and unpacked: at most 64 KiB and 2 MiB. */
async function* lzma2(
  input: Input,
  dictionaryBytes: number,
  budget: Budget,
): AsyncGenerator<Uint8Array, void> {
  const history = new History(dictionaryBytes)
  const decoder = new LzmaDecoder()
  let hasProperties = false
  let hasDictionary = false
  for (;;) {
    const control = await input.byte()
    if (control === 0) return
    budget.checkTime()
    if (control === 1 || control >= 0xe0) {
      history.start = history.end
      decoder.resetPosition()
      hasDictionary = true
    }
    if (!hasDictionary || (control > 2 && control < 0x80)) throw new Damaged('it is damaged')
    if (control < 0x80) {
      const count = (await input.uint16()) + 1
      history.makeRoom(count)
      history.bytes.set(await input.bytes(count), history.end)
      history.end += count
      decoder.moveOn(count)
      budget.unpack(count)
      yield history.bytes.slice(history.end - count, history.end)
      continue
    }
    const count = (control & 0x1f) * 0x10000 + (await input.uint16()) + 1
    const packed = (await input.uint16()) + 1
    if (control >= 0xc0) {
      decoder.setProperties(await input.byte())
      hasProperties = true
    } else if (control >= 0xa0) decoder.resetState()
    if (!hasProperties) throw new Damaged('it is damaged')
    budget.unpack(count)
    history.makeRoom(count)
    decoder.decode(await input.bytes(packed), history, count)
    yield history.bytes.slice(history.end - count, history.end)
  }
}

/** Behind the blocks: how large each was. */
async function skipIndex(input: Input): Promise<void> {
  const started = input.taken - 1
  const records = await input.number()
  for (let i = 0; i < records * 2; i++) await input.number()
  await input.bytes((4 - ((input.taken - started) % 4)) % 4)
  await input.bytes(4 + 12)
}

class Input {
  readonly #queue: ByteQueue
  taken = 0

  constructor(queue: ByteQueue) {
    this.#queue = queue
  }

  /** A stream's header; between streams there may be zeros, in fours. */
  async header(isLater: boolean): Promise<Uint8Array | undefined> {
    for (;;) {
      const first = await this.#queue.exactly(4)
      if (!first) {
        if (isLater) return undefined
        throw new Damaged('it is cut off')
      }
      if (isLater && first.every(byte => byte === 0)) continue
      const kept = Uint8Array.from(first)
      return Buffer.concat([kept, await this.bytes(8)])
    }
  }

  async bytes(count: number): Promise<Uint8Array> {
    if (count === 0) return new Uint8Array()
    const bytes = await this.#queue.exactly(count)
    if (!bytes) throw new Damaged('it is cut off')
    this.taken += count
    return bytes
  }

  async byte(): Promise<number> {
    return (await this.bytes(1))[0]!
  }

  async uint16(): Promise<number> {
    const [high, low] = await this.bytes(2)
    return high! * 256 + low!
  }

  async number(): Promise<number> {
    let value = 0
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = await this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new Damaged('it is damaged')
  }
}
