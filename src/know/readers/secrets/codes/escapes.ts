import { decodeAs } from '../../../../core/contract/slot.ts'

/** One way of writing single characters, of which a text may hold some between characters that stand for themselves. */
export type Escape = 'json' | 'url' | 'xml' | 'qp'

/** What shows that there may be more than can be read: codes that begin or end an assignment or a word. */
export const TELLING: Readonly<Record<Escape, readonly string[]>> = {
  url: ['%2', '%3', '%4', '%5', '%6', '%7'],
  xml: ['&#', '&quot;', '&amp;', '&apos;'],
  json: ['\\u00', '\\x'],
  qp: ['=3D'],
}

/** What begins an escape, and how the whole of it looks. */
const SIGN: Record<Escape, number> = { json: 0x5c, url: 0x25, xml: 0x26, qp: 0x3d }
const FORM: Record<'xml' | 'qp' | 'pair', RegExp> = {
  xml: /^&(?:#[xX][0-9A-Fa-f]{1,6}|#[0-9]{1,7}|amp|lt|gt|quot|apos);/,
  qp: /^=(?:[0-9A-Fa-f]{2}|[ \t]{0,8}\r?\n)/,
  pair: /^\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}/,
}
const LONGEST_FORM = 12

export interface Unescaped {
  readonly bytes: Uint8Array
  /** Where the byte at an offset was written; undefined within a character that one escape stands for. */
  at(offset: number): number | undefined
}

/** How many bytes the escape has that begins at `at`; 0 where none does. */
function lengthAt(bytes: Buffer, at: number, escape: Escape): number {
  if (escape === 'url') return areHex(bytes, at + 1, 2) ? 3 : 0
  if (escape !== 'json')
    return FORM[escape].exec(bytes.toString('latin1', at, at + LONGEST_FORM))?.[0].length ?? 0
  const next = bytes[at + 1]!
  if (next === 0x75) {
    if (!areHex(bytes, at + 2, 4)) return 0
    return bytes[at + 6] === 0x5c && FORM.pair.test(bytes.toString('latin1', at, at + LONGEST_FORM)) ? 12 : 6
  }
  if (next === 0x78) return areHex(bytes, at + 2, 2) ? 4 : 0
  return SINGLE[next] !== undefined ? 2 : 0
}

/** What stands for one byte is told at once; the rest as a slot tells it. */
function decoded(bytes: Buffer, at: number, length: number, escape: Escape): Uint8Array | undefined {
  if (escape === 'url') return ONE[(HEX[bytes[at + 1]!]! << 4) | HEX[bytes[at + 2]!]!]
  if (escape === 'json' && length === 2) return SINGLE[bytes[at + 1]!]
  return decodeAs(bytes.subarray(at, at + length), escape)
}

const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = Number.parseInt(String.fromCharCode(byte), 16)
  return Number.isNaN(digit) ? 255 : digit
})

function areHex(bytes: Uint8Array, from: number, count: number): boolean {
  if (from + count > bytes.length) return false
  for (let at = from; at < from + count; at++) if (HEX[bytes[at]!] === 255) return false
  return true
}

const ONE = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte))
/** By what follows the backslash. */
const SINGLE: (Uint8Array | undefined)[] = []
for (const [escaped, byte] of Object.entries({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', 0: '\0' }))
  SINGLE[escaped.charCodeAt(0)] = ONE[byte.charCodeAt(0)]
for (const itself of '"\'\\/`$') SINGLE[itself.charCodeAt(0)] = ONE[itself.charCodeAt(0)]

/** The text with its escapes undone, or undefined where there are none. What looks like one and is none stays. */
export function unescape(bytes: Uint8Array, escape: Escape): Unescaped | undefined {
  const sign = SIGN[escape]
  const first = bytes.indexOf(sign)
  if (first < 0) return undefined
  const written = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const plain = Buffer.allocUnsafe(written.length)
  plain.set(written.subarray(0, first))
  let length = first
  const undone = new Undone()
  for (let at = first; at < written.length; ) {
    const taken = written[at] === sign ? lengthAt(written, at, escape) : 0
    const byte = taken === 0 ? undefined : decoded(written, at, taken, escape)
    // No escape stands for more bytes than it has itself.
    if (byte === undefined || byte.length > taken) {
      // Nor does another one begin within what only looks like one.
      for (const past = at + Math.max(1, taken); at < past; ) plain[length++] = written[at++]!
      continue
    }
    undone.add(length, byte.length, at, taken)
    if (byte.length === 1) plain[length] = byte[0]!
    else plain.set(byte, length)
    length += byte.length
    at += taken
  }
  return undone.isEmpty
    ? undefined
    : { bytes: plain.subarray(0, length), at: offset => undone.writtenAt(offset) }
}

/** Which bytes of a text stand for which escapes, in their order. Hardly ever asked, and often made: it is cheap to make. */
class Undone {
  readonly #four: number[] = []

  get isEmpty(): boolean {
    return this.#four.length === 0
  }

  add(at: number, length: number, writtenAt: number, writtenLength: number): void {
    this.#four.push(at, length, writtenAt, writtenLength)
  }

  /** Where the byte at an offset was written. */
  writtenAt(offset: number): number | undefined {
    let [low, high] = [0, this.#four.length / 4]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#four[4 * middle]! <= offset) low = middle + 1
      else high = middle
    }
    if (low === 0) return offset
    const [at, length, writtenAt, writtenLength] = this.#four.slice(4 * low - 4, 4 * low) as [
      number,
      number,
      number,
      number,
    ]
    if (offset >= at + length) return writtenAt + writtenLength + offset - at - length
    return offset === at ? writtenAt : undefined
  }
}
