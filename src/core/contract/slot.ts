import { gunzipSync, gzipSync } from 'node:zlib'
import { FirebreakError } from './errors.ts'
import { pathOf, type PlaceRef, type Slot } from './ref.ts'
import { Secret } from './secret.ts'

const MOST_UNZIPPED_BYTES = 64 * 1024 * 1024

/**
 * How a slot's bytes become the part they stand for, and back. `at` is a byte range of the document; `encodings` are
 * undone from left to right:
 *
 * - `base64`, `base64url`: RFC 4648, sections 4 and 5; padded or not.
 * - `url`: percent-encoding (RFC 3986, section 2.1); a plus sign stands for itself, as in the user-info of a URL.
 * - `json`: backslash escapes as in JSON (RFC 8259, section 7), also `\'` and `\xNN`, as most languages have them.
 * - `shell`: what a backslash escapes within double quotes of a shell or .env file.
 * - `yaml`: a single-quoted scalar, where `''` stands for `'`.
 * - `xml`: character and predefined entity references.
 * - `hex`: two digits for each byte.
 * - `qp`: quoted-printable, as mail has it (RFC 2045, section 6.7).
 * - `utf16le`, `utf16be`: UTF-16 for what is otherwise UTF-8.
 * - `gzip`: RFC 1952.
 * - `joined`: literals that a program puts together, `x" + "y`; `at` begins and ends within the outer quotes.
 * - `source`: what a program makes the part of in a way that is not undone: read as it stands, and never written.
 * - `indent:N`: every line after the first is indented by N spaces (a key in a YAML block scalar).
 * - `text:START-END`: of the bytes decoded so far only this range; what is around it stays as it is when written.
 *
 * `['base64', 'text:14-25', 'url']` is a percent-encoded password that is bytes 14 to 25 of a text in base64: `at`
 * covers the whole base64 text, because that is what has to be written again.
 */
export function decodeSlot(document: Uint8Array, slot: Slot): Uint8Array {
  const [start, end] = rangeOf(slot.at, document.length)
  let bytes = document.subarray(start, end)
  for (const encoding of slot.encodings) bytes = decodeOrRefuse(bytes, encoding)
  return bytes
}

/** Raises UNSUPPORTED for a place within an archive: its slots are those of the member, not of the document. */
export function refuseMember(place: PlaceRef): void {
  if (place.member === undefined) return
  throw new FirebreakError(
    'UNSUPPORTED',
    `${pathOf(place)} lies within an archive, image or database`,
    'Give the secret itself; a copy in there goes when what holds it is built anew or deleted.',
  )
}

/** The secret that stands at a place of this document, with its public half where that stands beside it. */
export function secretIn(document: Uint8Array, place: PlaceRef): Secret {
  refuseMember(place)
  const part = (name: Slot['part']) => {
    const slot = place.slots.find(slot => slot.part === name)
    return slot && decodeSlot(document, slot)
  }
  const value = part('value') ?? part('certificate')
  if (!value) throw new FirebreakError('NOT_FOUND', `the place ${place.path} has no slot for a value`)
  const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes)
  return new Secret(value, textOf(part('id')), textOf(part('key-id')))
}

/** The bytes to put in place of the range `slot.at`, so that the slot holds `value`. UNSUPPORTED where it cannot be. */
export function encodeSlot(value: Uint8Array, slot: Slot, document: Uint8Array): Uint8Array {
  return write(value, slot, document).bytes
}

/** The whole document with `value` in the slot. */
export function replaceSlot(document: Uint8Array, slot: Slot, value: Uint8Array): Uint8Array {
  return replaceInPlace(document, [], slot, value).document
}

/**
 * The whole document with `value` in `slot`, and all `slots` of the place as they are then: ranges after the changed
 * one have moved, and one that shares its encoded text has grown or shrunk with it.
 */
export function replaceInPlace(
  document: Uint8Array,
  slots: readonly Slot[],
  slot: Slot,
  value: Uint8Array,
): { document: Uint8Array; slots: Slot[] } {
  const [start, end] = rangeOf(slot.at, document.length)
  const written = write(value, slot, document)
  const changed = { start, end, encodings: slot.encodings }
  const now = { start, end: start + written.bytes.length, encodings: written.encodings }
  return {
    document: splice(document, start, end, written.bytes),
    slots: slots.map(other => {
      const [otherStart, otherEnd] = rangeOf(other.at, document.length)
      const moved = follow({ start: otherStart, end: otherEnd, encodings: other.encodings }, changed, now)
      return { ...other, at: `${moved.start}-${moved.end}`, encodings: moved.encodings }
    }),
  }
}

interface Stretch {
  readonly start: number
  readonly end: number
  readonly encodings: readonly string[]
}

/** Where `other` is once `before` has become `after`. */
function follow(other: Stretch, before: Stretch, after: Stretch): Stretch {
  const growth = after.end - before.end
  // An empty slot that is filled lies both before and behind itself.
  const isItself = other.start === before.start && other.end === before.end
  if (!isItself && other.end <= before.start) return other
  if (!isItself && other.start >= before.end)
    return { ...other, start: other.start + growth, end: other.end + growth }
  const text = before.encodings.findIndex(encoding => encoding.startsWith('text:'))
  const same =
    text >= 0 && before.encodings.slice(0, text).every((encoding, i) => encoding === other.encodings[i])
  if (!same || !other.encodings[text]?.startsWith('text:'))
    return { ...other, start: after.start, end: after.end }
  const inner = (stretch: Stretch): Stretch => {
    const [start, end] = rangeOf(stretch.encodings[text]!.slice(5), Number.MAX_SAFE_INTEGER)
    return { start, end, encodings: stretch.encodings.slice(text + 1) }
  }
  const moved = follow(inner(other), inner(before), inner(after))
  const encodings = [
    ...other.encodings.slice(0, text),
    `text:${moved.start}-${moved.end}`,
    ...moved.encodings,
  ]
  return { start: after.start, end: after.end, encodings }
}

function write(value: Uint8Array, slot: Slot, document: Uint8Array): Written {
  const [start, end] = rangeOf(slot.at, document.length)
  const written = encodeInto(value, slot.encodings, document, start, end)
  const check = { ...slot, at: `0-${written.bytes.length}`, encodings: written.encodings }
  if (!sameBytes(decodeSlot(written.bytes, check), value))
    throw refused('it would be read back as another value')
  return written
}

/** Encoded bytes, and the encodings with the ranges that they have then. */
interface Written {
  readonly bytes: Uint8Array
  readonly encodings: readonly string[]
}

/** Where one literal ends and the next begins, of many languages: `+` or a dot or ampersand, or nothing between the two. What is escaped stays. */
const JOINT = /(\\[^])|(["'`])\s{0,80}(?:[+&]|\.{1,2})?\s{0,80}\2/g

/** One encoding undone, or undefined where the bytes are not written so. */
export function decodeAs(bytes: Uint8Array, encoding: string): Uint8Array | undefined {
  switch (encoding) {
    case 'base64':
      return decodeBase64(bytes, /^[A-Za-z0-9+/]*$/, 'base64')
    case 'base64url':
      return decodeBase64(bytes, /^[A-Za-z0-9_-]*$/, 'base64url')
    case 'url':
      return decodePercent(bytes)
    case 'json':
      return decodeBackslashes(bytes)
    case 'shell':
      return replaceIn(bytes, /\\(["$`\\])/g, '$1')
    case 'yaml':
      return replaceIn(bytes, /''/g, "'")
    case 'xml':
      return decodeEntities(bytes)
    case 'hex':
      return decodeHex(bytes)
    case 'qp':
      return decodeQuotedPrintable(bytes)
    case 'utf16le':
    case 'utf16be':
      return decodeUtf16(bytes, encoding)
    case 'gzip':
      return decodeGzip(bytes)
    case 'joined':
      return replaceIn(bytes, JOINT, '$1')
    case 'source':
      return bytes
    default:
      return decodeParametric(bytes, encoding)
  }
}

function decodeParametric(bytes: Uint8Array, encoding: string): Uint8Array | undefined {
  const indent = /^indent:(\d{1,3})$/.exec(encoding)
  if (indent) return replaceIn(bytes, new RegExp(`(\\r?\\n) {${indent[1]}}`, 'g'), '$1')
  if (!encoding.startsWith('text:')) return undefined
  const range = /^text:(\d+)-(\d+)$/.exec(encoding)
  if (!range || Number(range[2]) > bytes.length || Number(range[1]) > Number(range[2])) return undefined
  return bytes.subarray(Number(range[1]), Number(range[2]))
}

function encodeInto(
  value: Uint8Array,
  encodings: readonly string[],
  around: Uint8Array,
  start: number,
  end: number,
  outerQuote = '',
): Written {
  const current = around.subarray(start, end)
  const [encoding, ...inner] = encodings
  if (encoding === undefined) return { bytes: plain(value, around, start, end), encodings }
  if (encoding.startsWith('text:')) {
    decodeOrRefuse(current, encoding)
    const [from, to] = rangeOf(encoding.slice(5), current.length)
    const part = encodeInto(value, inner, current, from, to)
    return {
      bytes: splice(current, from, to, part.bytes),
      encodings: [`text:${from}-${from + part.bytes.length}`, ...part.encodings],
    }
  }
  const before = start > 0 ? String.fromCharCode(around[start - 1]!) : outerQuote
  const quote = before === "'" ? "'" : '"'
  const decoded = inner.length > 0 ? decodeOrRefuse(current, encoding) : value
  const content =
    inner.length > 0
      ? encodeInto(value, inner, decoded, 0, decoded.length, encoding === 'joined' ? quote : '')
      : { bytes: value, encodings: [] }
  return {
    bytes: encodeAs(content.bytes, encoding, current, quote),
    encodings: [encoding, ...content.encodings],
  }
}

function encodeAs(bytes: Uint8Array, encoding: string, current: Uint8Array, quote: string): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  switch (encoding) {
    case 'base64':
    case 'base64url':
      return encodeBase64(bytes, encoding, current)
    case 'url':
      return latin1(text.replace(/[^A-Za-z0-9._~-]/g, byte => `%${hex(byte).toUpperCase()}`))
    case 'json':
      return latin1(encodeBackslashes(text, quote))
    case 'shell':
      if (/[\r\n\0]/.test(text)) throw refused('a shell string cannot hold a line break')
      return latin1(text.replace(/["$`\\]/g, '\\$&'))
    case 'yaml':
      if (/[^\t\x20-\xff]/.test(text))
        throw refused('a single-quoted YAML scalar cannot hold control characters')
      return latin1(text.replaceAll("'", "''"))
    case 'xml':
      if (/[^\t\n\r\x20-\xff]/.test(text)) throw refused('XML cannot hold control characters')
      return latin1(text.replace(/[&<>"'\t\n\r]/g, character => `&#${character.charCodeAt(0)};`))
    case 'hex': {
      const written = Buffer.from(bytes).toString('hex')
      return latin1(/[A-F]/.test(Buffer.from(current).toString('latin1')) ? written.toUpperCase() : written)
    }
    case 'qp':
      return latin1(text.replace(/[^A-Za-z0-9._~+/@:-]/g, byte => `=${hex(byte).toUpperCase()}`))
    case 'utf16le':
    case 'utf16be':
      return encodeUtf16(bytes, encoding)
    case 'gzip':
      return new Uint8Array(gzipSync(bytes))
    case 'joined':
      // A quote that is not escaped.
      if (/["'`]/.test(text.replace(/\\[^]/g, '')))
        throw refused('it holds a quote, and stands in literals that are joined')
      return bytes
    case 'source':
      throw refused('what stands there is made by a program in a way of its own')
    default: {
      const indent = /^indent:(\d{1,3})$/.exec(encoding)
      if (!indent) throw refused(`the encoding ${JSON.stringify(encoding)} is not known`)
      return latin1(text.replace(/\n/g, `\n${' '.repeat(Number(indent[1]))}`))
    }
  }
}

/** What stands bare must not end its quotes, its line or its word; what the present value holds is known to be safe. */
function plain(value: Uint8Array, around: Uint8Array, start: number, end: number): Uint8Array {
  if (start === 0 && end === around.length) return value
  const before = around[start - 1]
  const quoted = before !== undefined && before === around[end] && [0x22, 0x27, 0x60].includes(before)
  const present = new Set(around.subarray(start, end))
  for (const byte of value) {
    if (present.has(byte) || byte >= 0x80) continue
    const safe = quoted
      ? byte >= 0x20 && byte !== before && byte !== 0x5c && byte !== 0x24 && byte !== 0x60
      : /[A-Za-z0-9._~+=/@%^,-]/.test(String.fromCharCode(byte))
    if (!safe) throw refused('it holds characters that would end or change what stands around it')
  }
  return value
}

function decodeBase64(
  bytes: Uint8Array,
  alphabet: RegExp,
  name: 'base64' | 'base64url',
): Uint8Array | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  const dense = /\s/.test(text) ? text.replace(/\s+/g, '') : text
  const body = dense.replace(/={1,2}$/, '')
  if (!alphabet.test(body) || body.length % 4 === 1) return undefined
  if (body !== dense && dense.length % 4 !== 0) return undefined
  return new Uint8Array(Buffer.from(body, name))
}

/** Padded, and broken into lines, as the present text is. */
function encodeBase64(bytes: Uint8Array, name: 'base64' | 'base64url', current: Uint8Array): Uint8Array {
  const text = Buffer.from(current).toString('latin1')
  const body = Buffer.from(bytes).toString(name).replace(/=+$/, '')
  const length = text.replace(/\s+/g, '').length
  const padded = text.includes('=') || (name === 'base64' && length % 4 === 0)
  let written = padded ? body.padEnd(Math.ceil(body.length / 4) * 4, '=') : body
  const lineBreak = /^(\S+)(\s+)\S/.exec(text)
  if (lineBreak)
    written = written.replace(new RegExp(`.{${lineBreak[1]!.length}}(?=.)`, 'g'), `$&${lineBreak[2]}`)
  return latin1(written)
}

function decodePercent(bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  return latin1(
    text.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
  )
}

const ESCAPED: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '0': '\0' }

function decodeBackslashes(bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  if (!text.includes('\\')) return bytes
  let broken = false
  const decoded = text.replace(
    /(?:\\u[0-9A-Fa-f]{4})+|\\x([0-9A-Fa-f]{2})|\\([^])?/g,
    (escape: string, byte: string | undefined, single: string | undefined) => {
      if (escape.startsWith('\\u') && escape.length > 2) {
        const units = escape.match(/[0-9A-Fa-f]{4}/g)!.map(unit => Number.parseInt(unit, 16))
        const decodedUnits = String.fromCharCode(...units)
        if (!decodedUnits.isWellFormed()) broken = true
        return Buffer.from(decodedUnits, 'utf8').toString('latin1')
      }
      if (byte !== undefined)
        return Buffer.from(String.fromCharCode(Number.parseInt(byte, 16))).toString('latin1')
      if (single === undefined || !/["'\\/bfnrt0`$]/.test(single)) broken = true
      return ESCAPED[single ?? ''] ?? single ?? ''
    },
  )
  return broken ? undefined : latin1(decoded)
}

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function encodeBackslashes(text: string, quote: string): string {
  return text.replace(/["'\\\0-\x1f\x7f]/g, character => {
    if (character === '\\') return '\\\\'
    if (character === '"' || character === "'") return character === quote ? `\\${character}` : character
    // Single-quoted strings of several languages know no other escapes than of the quote and the backslash.
    if (quote === "'") throw refused('a single-quoted string cannot hold control characters')
    // What reads an escape that stands in no quotes knows the short ones only.
    return SHORT[character] ?? `\\u00${hex(character)}`
  })
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decodeEntities(bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  let broken = false
  const decoded = text.replace(/&(#x?)?([A-Za-z0-9]{1,8});|&/g, (_, numeric?: string, name?: string) => {
    if (numeric && name) {
      const point = Number.parseInt(name, numeric === '#x' ? 16 : 10)
      if (point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff))
        return Buffer.from(String.fromCodePoint(point)).toString('latin1')
    } else if (name && ENTITIES[name]) return ENTITIES[name]
    broken = true
    return ''
  })
  return broken ? undefined : latin1(decoded)
}

function decodeHex(bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  if (text.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(text)) return undefined
  return new Uint8Array(Buffer.from(text, 'hex'))
}

function decodeQuotedPrintable(bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  let broken = false
  const decoded = text.replace(
    /=(?:([0-9A-Fa-f]{2})|([ \t]*\r?\n))?/g,
    (_, digits?: string, soft?: string) => {
      if (digits) return String.fromCharCode(Number.parseInt(digits, 16))
      if (soft === undefined) broken = true
      return ''
    },
  )
  return broken ? undefined : latin1(decoded)
}

function decodeUtf16(bytes: Uint8Array, encoding: 'utf16le' | 'utf16be'): Uint8Array | undefined {
  if (bytes.length % 2 !== 0) return undefined
  const units = Buffer.from(bytes)
  return new Uint8Array(Buffer.from((encoding === 'utf16be' ? units.swap16() : units).toString('utf16le')))
}

function encodeUtf16(bytes: Uint8Array, encoding: 'utf16le' | 'utf16be'): Uint8Array {
  const units = Buffer.from(Buffer.from(bytes).toString('utf8'), 'utf16le')
  return new Uint8Array(encoding === 'utf16be' ? units.swap16() : units)
}

function decodeGzip(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: MOST_UNZIPPED_BYTES }))
  } catch {
    return undefined
  }
}

function decodeOrRefuse(bytes: Uint8Array, encoding: string): Uint8Array {
  const decoded = decodeAs(bytes, encoding)
  if (decoded) return decoded
  throw new FirebreakError(
    'CONFLICT',
    `what stands in the slot is not written as ${JSON.stringify(encoding)}`,
    'The content has changed since it was read: read the place again.',
  )
}

function rangeOf(at: string, length: number): [number, number] {
  const match = /^(\d+)-(\d+)$/.exec(at)
  if (!match) throw new FirebreakError('UNSUPPORTED', `the slot ${JSON.stringify(at)} is not a byte range`)
  const [start, end] = [Number(match[1]), Number(match[2])]
  if (start <= end && end <= length) return [start, end]
  throw new FirebreakError(
    'CONFLICT',
    'the slot lies outside of the content',
    'The content has changed since it was read: read the place again.',
  )
}

function refused(why: string): FirebreakError {
  return new FirebreakError(
    'UNSUPPORTED',
    `the new value cannot be written into this place: ${why}`,
    'Issue a value of letters and digits only, or change the place by hand.',
  )
}

function splice(bytes: Uint8Array, start: number, end: number, insert: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - (end - start) + insert.length)
  result.set(bytes.subarray(0, start))
  result.set(insert, start)
  result.set(bytes.subarray(end), start + insert.length)
  return result
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

function replaceIn(bytes: Uint8Array, pattern: RegExp, replacement: string): Uint8Array {
  return latin1(Buffer.from(bytes).toString('latin1').replace(pattern, replacement))
}

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0')
}
