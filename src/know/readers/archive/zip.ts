import { crc32, createInflateRaw, createZstdDecompress, inflateRawSync } from 'node:zlib'
import { pathText } from '../../../core/contract/path-text.ts'
import { type Budget, Damaged } from './budget.ts'
import { ByteQueue } from './byte-queue.ts'
import { bunzip2 } from './bzip2.ts'
import type { Context, Gap, Member, OutOfOrder } from './container.ts'
import { unpacked } from './flow.ts'
import { startsWith } from './packed.ts'
import type { Spool } from './spool.ts'
import { unxz } from './xz.ts'

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const LOCAL_BYTES = 30
const CENTRAL_BYTES = 46
const END_BYTES = 22
const MOST_COMMENT_BYTES = 65_535
/** What is smaller is unpacked at once, which is several times faster. */
const AT_ONCE_BYTES = 256 * 1024

/**
 * PKWARE's APPNOTE 6.3.10, and with it jar, war, apk, whl, nupkg, vsix, docx and all else that is a zip under another
 * name. Read by its directory at the end; where there is none, because it is cut off, by what stands before each member.
 */
export const zip: OutOfOrder = {
  name: 'zip',
  order: 'any',
  raw: 'nothing',
  fits: head => startsWith(head, [0x50, 0x4b, 3, 4]) || startsWith(head, [0x50, 0x4b, 5, 6]),
  members,
}

/** A member as the directory, or what stands before it, describes it. */
interface Entry {
  readonly path: string
  readonly flags: number
  readonly method: number
  /** Undefined where it is only told behind the content. */
  readonly packedBytes: number | undefined
  readonly checksum: number | undefined
  readonly localAt: number
}

async function* members(spool: Spool, { budget }: Context): AsyncGenerator<Member | Gap, void> {
  const directory = findDirectory(spool)
  if (!directory) {
    yield* inOrder(spool, budget)
    throw new Damaged('it is cut off: it has no directory at its end')
  }
  let at = directory.at
  for (let left = directory.entries; left > 0; left--) {
    const found = centralEntry(spool, at)
    if (!found) throw new Damaged(`it is damaged: ${left} members are missing in its directory`)
    at = found.next
    budget.checkTime()
    const { entry } = found
    if (entry.path.endsWith('/')) continue
    // What stands before the archive, as in one that unpacks itself, moves all of it.
    const local = localEntry(spool, entry.localAt + directory.moved)
    if (!local) yield { path: entry.path, gap: 'it is damaged: it is not where the directory says' }
    else yield memberOf(entry, spool, local.contentAt, budget)
  }
}

function memberOf(entry: Entry, spool: Spool, contentAt: number, budget: Budget): Member | Gap {
  const { path, flags, method, checksum } = entry
  if (flags & 1) return { path, gap: 'it is encrypted' }
  const end = contentAt + (entry.packedBytes ?? spool.size - contentAt)
  const unpack = METHODS[method]
  if (!unpack) return { path, gap: `it is packed by a method that is not read (${method})` }
  const bytes = async function* () {
    let sum = 0
    for await (const chunk of unpack(spool, contentAt, Math.min(end, spool.size), budget)) {
      sum = crc32(chunk, sum)
      yield chunk
    }
    if (end > spool.size) throw new Damaged('it is cut off')
    if (checksum !== undefined && sum !== checksum)
      throw new Damaged('it is damaged: its checksum is another one')
  }
  return { path, bytes: bytes() }
}

type Unpack = (spool: Spool, from: number, to: number, budget: Budget) => AsyncIterable<Uint8Array>

const METHODS: Record<number, Unpack> = {
  0: stored,
  8: inflated,
  12: (spool, from, to, budget) => bunzip2(spool.bytes(from, to), budget),
  93: (spool, from, to, budget) =>
    unpacked(new ByteQueue(spool.bytes(from, to)), createZstdDecompress(), budget, 2048),
  95: (spool, from, to, budget) => unxz(spool.bytes(from, to), budget),
}

async function* stored(spool: Spool, from: number, to: number, budget: Budget) {
  for await (const chunk of spool.bytes(from, to)) {
    budget.unpack(chunk.length)
    yield chunk
  }
}

async function* inflated(spool: Spool, from: number, to: number, budget: Budget) {
  if (to - from <= AT_ONCE_BYTES) {
    const whole = inflatedAtOnce(spool.read(from, to - from))
    if (whole) {
      budget.unpack(whole.length)
      yield whole
      return
    }
  }
  yield* unpacked(new ByteQueue(spool.bytes(from, to)), createInflateRaw(), budget, 16 * 1024)
}

function inflatedAtOnce(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return inflateRawSync(bytes, { maxOutputLength: 4 * AT_ONCE_BYTES })
  } catch {
    return undefined // too large or damaged: as a stream it gives what there is
  }
}

interface Directory {
  readonly at: number
  readonly entries: number
  readonly moved: number
}

function findDirectory(spool: Spool): Directory | undefined {
  const from = Math.max(0, spool.size - END_BYTES - MOST_COMMENT_BYTES)
  const tail = view(spool.read(from, spool.size - from))
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue
    const size = tail.getUint32(at + 12, true)
    const start = tail.getUint32(at + 16, true)
    const entries = tail.getUint16(at + 10, true)
    const large = findDirectory64(spool, from + at)
    if (large) return large
    const actual = from + at - size
    const found = { at: actual, entries, moved: actual - start }
    if (actual >= 0 && (entries === 0 || centralEntry(spool, actual))) return found
  }
  return undefined
}

function findDirectory64(spool: Spool, endAt: number): Directory | undefined {
  if (endAt < 20) return undefined
  const locator = view(spool.read(endAt - 20, 20))
  if (locator.getUint32(0, true) !== LOCATOR_64) return undefined
  const recordAt = safe(locator.getBigUint64(8, true))
  if (recordAt === undefined || recordAt + 56 > spool.size) return undefined
  const record = view(spool.read(recordAt, 56))
  if (record.getUint32(0, true) !== END_64) return undefined
  const entries = safe(record.getBigUint64(32, true))
  const at = safe(record.getBigUint64(48, true))
  if (entries === undefined || at === undefined || at >= spool.size) return undefined
  return { at, entries, moved: 0 }
}

function centralEntry(spool: Spool, at: number): { entry: Entry; next: number } | undefined {
  if (at < 0 || at + CENTRAL_BYTES > spool.size) return undefined
  const header = view(spool.read(at, CENTRAL_BYTES))
  if (header.getUint32(0, true) !== CENTRAL) return undefined
  const nameBytes = header.getUint16(28, true)
  const extraBytes = header.getUint16(30, true)
  const name = spool.read(at + CENTRAL_BYTES, nameBytes)
  const extra = view(spool.read(at + CENTRAL_BYTES + nameBytes, extraBytes))
  const packed = header.getUint32(20, true)
  const local = header.getUint32(42, true)
  const large = largeFields(extra, header.getUint32(24, true), packed, local)
  const entry = {
    path: pathText(name),
    flags: header.getUint16(8, true),
    method: header.getUint16(10, true),
    packedBytes: large.packed,
    checksum: header.getUint32(16, true),
    localAt: large.local,
  }
  return { entry, next: at + CENTRAL_BYTES + nameBytes + extraBytes + header.getUint16(32, true) }
}

/** What does not fit into 32 bits stands in the extra field 1, in this order. */
function largeFields(extra: DataView, unpackedBytes: number, packed: number, local: number) {
  const full = { packed, local }
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const length = extra.getUint16(at + 2, true)
    if (extra.getUint16(at, true) === 1) {
      let field = at + 4
      const end = Math.min(extra.byteLength, field + length)
      const next = (present: number) => {
        if (present !== 0xffffffff || field + 8 > end) return present
        field += 8
        return safe(extra.getBigUint64(field - 8, true)) ?? present
      }
      next(unpackedBytes)
      full.packed = next(packed)
      full.local = next(local)
      return full
    }
    at += 4 + length
  }
  return full
}

function localEntry(spool: Spool, at: number): { entry: Entry; contentAt: number } | undefined {
  if (at < 0 || at + LOCAL_BYTES > spool.size) return undefined
  const header = view(spool.read(at, LOCAL_BYTES))
  if (header.getUint32(0, true) !== LOCAL) return undefined
  const nameBytes = header.getUint16(26, true)
  const extraBytes = header.getUint16(28, true)
  const extra = view(spool.read(at + LOCAL_BYTES + nameBytes, extraBytes))
  const flags = header.getUint16(6, true)
  const { packed } = largeFields(extra, header.getUint32(22, true), header.getUint32(18, true), 0)
  const entry = {
    path: pathText(spool.read(at + LOCAL_BYTES, nameBytes)),
    flags,
    method: header.getUint16(8, true),
    packedBytes: flags & 8 && packed === 0 ? undefined : packed,
    checksum: flags & 8 ? undefined : header.getUint32(14, true),
    localAt: at,
  }
  return { entry, contentAt: at + LOCAL_BYTES + nameBytes + extraBytes }
}

/** Member after member, as far as their sizes are told before them; the next one is looked for where they are not. */
async function* inOrder(spool: Spool, budget: Budget): AsyncGenerator<Member | Gap, void> {
  for (let at = 0; at < spool.size; ) {
    budget.checkTime()
    const local = localEntry(spool, at)
    if (!local) return
    const { entry, contentAt } = local
    const next =
      entry.packedBytes === undefined
        ? nextLocal(spool, contentAt)
        : Math.min(spool.size, contentAt + entry.packedBytes)
    if (!entry.path.endsWith('/')) yield memberOf(entry, spool, contentAt, budget)
    at = next
    if (at < spool.size && !localEntry(spool, at)) at = nextLocal(spool, at)
  }
}

function nextLocal(spool: Spool, from: number): number {
  const piece = 1024 * 1024
  for (let at = from; at < spool.size; at += piece) {
    const bytes = Buffer.from(spool.read(at, piece + 3))
    const found = bytes.indexOf(Buffer.from([0x50, 0x4b, 3, 4]))
    if (found >= 0) return at + found
  }
  return spool.size
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function safe(value: bigint): number | undefined {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
}
