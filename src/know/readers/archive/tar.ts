import { pathText } from '../../../core/contract/path-text.ts'
import { Damaged } from './budget.ts'
import { beforeNul, ByteQueue, drain } from './byte-queue.ts'
import type { Context, Gap, InOrder, Link, Member } from './container.ts'
import type { Content } from './content.ts'

const BLOCK = 512
/** A path is at most 4096 bytes on Linux; what an extended header holds beside it is passed over. */
const MOST_EXTENDED_BYTES = 1024 * 1024

/**
 * POSIX ustar and pax (IEEE 1003.1, pax, "ustar Interchange Format"), GNU long names, and the older form without a magic
 * number, which is told by its checksum. Symbolic links, devices and folders have no content and are passed over; a hard link
 * is another name of what came before it. A name is only ever text here.
 */
export const tar: InOrder = {
  name: 'tar',
  order: 'in order',
  raw: 'nothing',
  fits: head => head.length >= BLOCK && isHeader(head.subarray(0, BLOCK)),
  members,
}

async function* members(content: Content, { budget }: Context): AsyncGenerator<Member | Link | Gap, void> {
  const bytes = new ByteQueue(content.bytes())
  let next: Partial<Record<'path' | 'size' | 'link', string>> = {}
  for (;;) {
    const header = await bytes.exactly(BLOCK)
    if (!header) return
    budget.checkTime()
    if (header.every(byte => byte === 0)) continue // two of them end it; archives written one after the other go on
    if (!isHeader(header)) throw new Damaged('it is damaged: what follows is no tar header')
    const type = String.fromCharCode(header[156]!)
    const size = type !== 'x' && next.size !== undefined ? Number(next.size) : numberAt(header, 124, 12)
    if (!Number.isSafeInteger(size) || size < 0)
      throw new Damaged('it is damaged: a member has no usable size')
    const padding = (BLOCK - (size % BLOCK)) % BLOCK
    if ('xLK'.includes(type) || type === 'g') {
      const extended = await extendedText(bytes, size)
      await bytes.skip(padding)
      if (type === 'L') next.path = pathText(beforeNul(extended))
      else if (type === 'K') next.link = pathText(beforeNul(extended))
      else if (type === 'x') next = { ...next, ...paxRecords(extended) }
      continue
    }
    const path = next.path ?? nameOf(header)
    const linkOf = next.link ?? pathText(beforeNul(header.subarray(157, 257)))
    next = {}
    if (type === '1' && linkOf !== '') yield { path, linkOf }
    const holds = type === '0' || type === '\0' || type === '7' || type === 'S' || !/[1-6]/.test(type)
    // An image's layer says by an empty file what it deletes.
    const isTold = size > 0 || path.includes('.wh.')
    if (holds && isTold && !path.endsWith('/')) {
      const member = bytes.stretch(size)
      yield { path, bytes: member }
      await drain(member)
    } else await bytes.skip(size)
    await bytes.skip(padding)
  }
}

async function extendedText(bytes: ByteQueue, size: number): Promise<Uint8Array> {
  if (size <= MOST_EXTENDED_BYTES) return (await bytes.exactly(size)) ?? new Uint8Array()
  await bytes.skip(size)
  return new Uint8Array()
}

/** `length key=value\n`, the length in bytes and of the whole record. */
function paxRecords(bytes: Uint8Array): { path?: string; size?: string; link?: string } {
  const found: { path?: string; size?: string; link?: string } = {}
  const text = Buffer.from(bytes)
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(0x20, at)
    const length = space < 0 ? Number.NaN : Number(text.toString('latin1', at, space))
    if (!(length > space - at && at + length <= text.length)) break
    const equals = text.indexOf(0x3d, space)
    if (equals < 0 || equals >= at + length) break
    const key = text.toString('latin1', space + 1, equals)
    const value = text.subarray(equals + 1, at + length - 1)
    if (key === 'path' || key === 'GNU.sparse.name') found.path = pathText(value)
    else if (key === 'linkpath') found.link = pathText(value)
    else if (key === 'size' && /^\d{1,15}$/.test(value.toString('latin1')))
      found.size = value.toString('latin1')
    at += length
  }
  return found
}

function nameOf(header: Uint8Array): string {
  const name = beforeNul(header.subarray(0, 100))
  const isPosix = Buffer.from(header.subarray(257, 263)).toString('latin1') === 'ustar\0'
  const prefix = isPosix ? beforeNul(header.subarray(345, 500)) : new Uint8Array()
  return pathText(prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name)
}

/** Octal digits, or GNU's binary form for what does not fit; NaN where it is neither. */
function numberAt(header: Uint8Array, from: number, length: number): number {
  const field = header.subarray(from, from + length)
  if (field[0] === 0x80) {
    let value = 0
    for (const byte of field.subarray(1)) value = value * 256 + byte
    return value
  }
  const text = Buffer.from(field).toString('latin1').replace(/\0.*$/s, '').trim()
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : Number.NaN
}

/** The sum of all bytes, its own field taken as spaces; some old writers added them as signed. */
function isHeader(header: Uint8Array): boolean {
  if (header[0] === 0 && !isUstar(header)) return false
  // What nearly every other file shows at once.
  if (header[148] !== 0x20 && (header[148]! < 0x30 || header[148]! > 0x37)) return false
  const expected = numberAt(header, 148, 8)
  if (!(expected > 0)) return false
  let sum = 0
  let signed = 0
  for (let at = 0; at < BLOCK; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : header[at]!
    sum += byte
    signed += byte >= 0x80 ? byte - 256 : byte
  }
  return sum === expected || signed === expected
}

function isUstar(header: Uint8Array): boolean {
  return Buffer.from(header.subarray(257, 262)).toString('latin1') === 'ustar'
}
