import { decodeAs } from '../../../core/contract/slot.ts'

/** One way of writing single characters, of which a text may hold some between characters that stand for themselves. */
export type Escape = 'json' | 'url' | 'xml' | 'qp'

const PATTERN: Record<Escape, RegExp> = {
  json: /\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\["'\\/bfnrt0`$]/g,
  url: /%[0-9A-Fa-f]{2}/g,
  xml: /&(?:#[xX][0-9A-Fa-f]{1,6}|#[0-9]{1,7}|amp|lt|gt|quot|apos);/g,
  qp: /=[0-9A-Fa-f]{2}|=[ \t]{0,8}\r?\n/g,
}

export interface Unescaped {
  readonly bytes: Uint8Array
  /** Where the byte at an offset was written; undefined within a character that one escape stands for. */
  at(offset: number): number | undefined
}

const WITHIN = 0xffffffff

/** What stands for one byte is told at once; the rest as a slot tells it. */
function decodeEscape(written: string, escape: Escape): Uint8Array | undefined {
  if (escape === 'url') return ONE[Number.parseInt(written.slice(1), 16)]
  const simple = escape === 'json' && written.length === 2 ? SIMPLE[written[1]!] : undefined
  return simple === undefined ? decodeAs(Buffer.from(written, 'latin1'), escape) : ONE[simple]
}

const ONE = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte))
const SIMPLE: Record<string, number> = {
  n: 0x0a,
  '"': 0x22,
  '\\': 0x5c,
  '/': 0x2f,
  t: 0x09,
  r: 0x0d,
  "'": 0x27,
}

/** The text with its escapes undone, or undefined where there are none. What looks like one and is none stays. */
export function unescape(bytes: Uint8Array, escape: Escape): Unescaped | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const plain = new Uint8Array(bytes.length)
  const from = new Uint32Array(bytes.length + 1)
  let length = 0
  let last = 0
  let isAny = false
  const copy = (to: number) => {
    plain.set(bytes.subarray(last, to), length)
    for (let at = last; at < to; at++) from[length++] = at
  }
  for (const match of text.matchAll(PATTERN[escape])) {
    const decoded = decodeEscape(match[0], escape)
    // No escape stands for more bytes than it has itself.
    if (!decoded || decoded.length > match[0].length) continue
    isAny = true
    copy(match.index)
    plain.set(decoded, length)
    decoded.forEach((_, index) => (from[length++] = index === 0 ? match.index : WITHIN))
    last = match.index + match[0].length
  }
  if (!isAny) return undefined
  copy(bytes.length)
  from[length] = bytes.length
  return {
    bytes: plain.subarray(0, length),
    at: offset => (from[offset] === WITHIN ? undefined : from[offset]),
  }
}
