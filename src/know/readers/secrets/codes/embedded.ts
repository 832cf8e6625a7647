import { gunzipSync } from 'node:zlib'
import { decodeAs } from '../../../../core/contract/slot.ts'
import { classOf } from '../byte-class.ts'
import type { Candidate, Span } from '../candidate.ts'
import { type Escape, TELLING, unescape } from './escapes.ts'
import type { EncodedForm } from '../prefilter/literals.ts'
import type { Text } from '../text.ts'
import { narrow } from './wide.ts'

/** The longest encoded text that is decoded where a window may cut it: half of what each byte of a window has around it. */
const LONGEST_IN_WINDOW = 16 * 1024
/** And where all of the text is there. */
const LONGEST = 2 * 1024 * 1024
/** Escapes are undone in what stands on one line between brackets and quotes, and in no more of it than this. */
const LONGEST_ESCAPED = 16 * 1024
const MOST_UNZIPPED = 8 * 1024 * 1024
/** A line of base64 that goes on in the next one is at least so long. */
const SHORTEST_FULL_LINE = 56
/** Of a line of quoted-printable. */
const LONGEST_MAIL = 76

/** An encoded text within a text, decoded. */
export interface Embedded {
  readonly start: number
  readonly end: number
  readonly encodings: readonly string[]
  readonly bytes: Uint8Array
  /** Where, from `start` on, a decoded byte was written, if each was written by itself. */
  at?(offset: number): number | undefined
}

type Take = (embedded: Embedded) => void

const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
const IN_BASE64 = classOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_')
const IN_HEX = classOf('0123456789abcdefABCDEF')
/** What ends a stretch in which escapes are undone; each kind of escape has a bit of its own. */
const ENDS = 1
const TOLD = Object.entries(TELLING).map(([escape, signs], index) => ({
  escape: escape as Escape,
  kind: 2 << index,
  signs,
}))
/** Of each byte, what it ends or begins, and of which kinds of escape it may be the second one. */
const IN_STRETCH = new Uint8Array(256)
const GOES_ON = new Uint8Array(256)
for (const byte of Buffer.from('\n\r<>"\'`\0', 'latin1')) IN_STRETCH[byte] = ENDS
for (const { kind, signs } of TOLD)
  for (const sign of signs) {
    IN_STRETCH[sign.charCodeAt(0)]! |= kind
    GOES_ON[sign.charCodeAt(1)]! |= kind
  }

/**
 * What shows, by its first two bytes, that `aroundKeyword` undoes something: any backslash in a string, one of the signs in
 * a stretch, a line that mail broke. It lies on the keyword's line, with no double quote between; a quote that is
 * escaped itself is one. The prefilter looks for these.
 */
export const CODES: readonly string[] = [
  '\\',
  ...TOLD.flatMap(({ signs }) => signs.map(sign => sign.slice(0, 2))),
  '=\n',
  '=\r',
]

/**
 * Finds the encoded texts around hits, each once. Hits come in order, and what is known from the one before is used
 * again, so that a text made of nothing but hits is still walked over only once.
 */
export class EmbeddedTexts {
  readonly #text: Text
  readonly #longest: number
  /** A long string with escapes is a whole file in JSON, most of which can be read as it stands. */
  readonly #longestString: number
  #blob = { start: -1, end: -1 }
  #hex = { start: -1, end: -1 }
  #wide = { start: -1, end: -1 }
  #stretch = { start: -1, end: -1 }
  #string = { hit: -1, open: -1, close: -1 }
  #decodedFrom = -1

  readonly #decoding: { left: number }

  /** `isComplete`: no window cuts the text. `isDecoded`: it was within another. `decoding`: bytes that may still be unzipped. */
  constructor(text: Text, isComplete: boolean, isDecoded: boolean, decoding: { left: number }) {
    this.#text = text
    this.#decoding = decoding
    this.#longest = isComplete ? LONGEST : LONGEST_IN_WINDOW
    this.#longestString = isDecoded ? LONGEST : LONGEST_IN_WINDOW
  }

  /** What stands around a keyword that can be read: a string, or a stretch of a line, with escapes in it. */
  aroundKeyword(hit: number, take: Take): void {
    const string = this.stringAt(hit)
    if (string) take(string)
    this.#stretchAt(hit, take)
  }

  aroundEncoded(hit: number, form: EncodedForm, take: Take): void {
    const found = form === 'hex' ? this.#hexAt(hit) : form === 'wide' ? this.wideAt(hit) : undefined
    if (found) take(found)
    if (form === 'escapes') this.#stretchAt(hit, take)
  }

  /** The base64 text that a literal at `hit` stands in, `offset` characters after a multiple of four. */
  base64At(hit: number, offset: number): Embedded | undefined {
    if (hit >= this.#blob.start && hit < this.#blob.end) return undefined
    const { bytes } = this.#text
    let start = runStart(bytes, hit, IN_BASE64, this.#longest)
    let end = runEnd(bytes, hit, IN_BASE64, start + this.#longest + 1)
    if (end - start >= SHORTEST_FULL_LINE) [start, end] = this.#overLines(start, end)
    this.#blob = { start, end }
    if (end - start > this.#longest || end - start < 8) return undefined
    // A path or a word may stand right before it: then the text begins at the next character in step with the hit.
    if (!bytes.subarray(start, hit).includes(NEWLINE)) start += (hit - offset - start) & 3
    for (let padding = 0; padding < 2 && bytes[end] === 0x3d; padding++) end++
    return this.#base64(start, end)
  }

  #base64(start: number, end: number): Embedded | undefined {
    const written = this.#text.bytes.subarray(start, end)
    const encoding = written.includes(0x2d) || written.includes(0x5f) ? 'base64url' : 'base64'
    // Most of what is met by chance is told from its beginning.
    const beginning = decodeAs(written.subarray(0, 48), encoding)
    if (written.length > 64 && (!beginning || (!isText(beginning, true) && !isGzip(beginning))))
      return undefined
    const decoded = decodeAs(written, encoding)
    if (!decoded) return undefined
    if (isGzip(decoded)) {
      const unzipped = unzip(decoded, this.#decoding)
      return unzipped && { start, end, encodings: [encoding, 'gzip'], bytes: unzipped }
    }
    return isText(decoded) ? { start, end, encodings: [encoding], bytes: decoded } : undefined
  }

  /** Base64 as mail and `base64` write it: lines of one length, the last one shorter, perhaps all indented. */
  #overLines(start: number, end: number): [number, number] {
    const { bytes } = this.#text
    const length = end - start
    for (;;) {
      const next = pastLineBreak(bytes, end)
      if (next === undefined) break
      const nextEnd = runEnd(bytes, next, IN_BASE64, next + length + 1)
      const isLine = nextEnd > next && nextEnd - next <= length && endsLine(bytes, nextEnd)
      if (!isLine || nextEnd - start > this.#longest) break
      end = nextEnd
      if (nextEnd - next < length) break
    }
    for (;;) {
      const before = beforeLineBreak(bytes, start)
      if (before === undefined) break
      const lineStart = runStart(bytes, before, IN_BASE64, length + 1)
      if (before - lineStart !== length || end - lineStart > this.#longest) break
      start = lineStart
    }
    return [start, end]
  }

  #hexAt(hit: number): Embedded | undefined {
    if (hit >= this.#hex.start && hit < this.#hex.end) return undefined
    const { bytes } = this.#text
    let start = runStart(bytes, hit, IN_HEX, this.#longest)
    const end = runEnd(bytes, hit, IN_HEX, start + this.#longest + 1)
    this.#hex = { start, end }
    if (end - start > this.#longest) return undefined
    start += (hit - start) & 1
    const even = end - ((end - start) & 1)
    const decoded = decodeAs(bytes.subarray(start, even), 'hex')
    if (!decoded || !isText(decoded)) return undefined
    return { start, end: even, encodings: ['hex'], bytes: decoded, at: offset => 2 * offset }
  }

  /** Characters of ASCII in UTF-16 within something else, as programs hold them. */
  wideAt(hit: number): Embedded | undefined {
    if (hit >= this.#wide.start && hit < this.#wide.end) return undefined
    const { bytes } = this.#text
    const isPair = (at: number) => bytes[at + 1] === 0 && isPlain(bytes[at]!)
    let start = hit
    while (start >= 2 && hit - start < LONGEST_IN_WINDOW && isPair(start - 2)) start -= 2
    let end = hit
    while (end + 1 < bytes.length && end - start < LONGEST_IN_WINDOW && isPair(end)) end += 2
    this.#wide = { start, end }
    const { bytes: narrowed, at } = narrow(bytes.subarray(start, end), 'utf16le')
    return { start, end, encodings: ['utf16le'], bytes: narrowed, at }
  }

  /** The double-quoted string with escapes that `hit` stands in. */
  stringAt(hit: number): Embedded | undefined {
    const { bytes } = this.#text
    const open = this.#openingQuote(hit)
    // Where none closed it after an earlier hit, none does after this one.
    const isKnown = open === this.#string.open && (this.#string.close >= hit || this.#string.close < 0)
    const close = open < 0 ? -1 : isKnown ? this.#string.close : this.#closingQuote(open, hit)
    this.#string = { hit, open, close }
    if (close < 0 || open === this.#decodedFrom || close - open > this.#longestString) return undefined
    if (!bytes.subarray(open + 1, close).includes(BACKSLASH)) return undefined
    this.#decodedFrom = open
    return this.#unescaped(open + 1, close, 'json')
  }

  /** What stands on the line between quotes or brackets, by each kind of escape that is in it. */
  #stretchAt(hit: number, take: Take): void {
    if (hit >= this.#stretch.start && hit < this.#stretch.end) return
    const { bytes } = this.#text
    let [kinds, seen] = [0, 0]
    let start = hit
    const floor = Math.max(0, hit - LONGEST_ESCAPED / 2)
    for (; start > floor; start--) {
      const what = IN_STRETCH[bytes[start - 1]!]!
      if (what === 0) continue
      if (what === ENDS) break
      kinds |= what
      seen |= what & GOES_ON[bytes[start]!]!
    }
    let end = hit
    const limit = Math.min(bytes.length, hit + LONGEST_ESCAPED / 2)
    for (; end < limit; end++) {
      const what = IN_STRETCH[bytes[end]!]!
      if (what === 0) continue
      if (what === ENDS) break
      kinds |= what
      seen |= what & GOES_ON[bytes[end + 1]!]!
    }
    // Mail breaks a line within a word by an equals sign at its end; a longer line is base64 that ends there.
    const goesOn = () => (bytes[end - 1] === 0x3d ? pastLineBreak(bytes, end) : undefined)
    const isMail = end - start > 60 && isLineOfMail(bytes, end) && goesOn() !== undefined
    while (isMail && end - hit < LONGEST_ESCAPED / 2) {
      const next = goesOn()
      if (next === undefined) break
      end = next
      while (end < bytes.length && IN_STRETCH[bytes[end]!] !== ENDS) end++
    }
    this.#stretch = { start, end }
    if (isMail) seen = kinds
    if (seen === 0) return
    const stretch = bytes.subarray(start, end)
    for (const { escape, kind, signs } of TOLD)
      if ((seen & kind && signs.some(sign => stretch.includes(sign))) || (escape === 'qp' && isMail)) {
        const found = this.#unescaped(start, end, escape)
        if (found) take(found)
      }
  }

  #unescaped(start: number, end: number, escape: Escape): Embedded | undefined {
    const found = unescape(this.#text.bytes.subarray(start, end), escape)
    if (!found) return undefined
    // What is written so is mostly a query, in which an ampersand ends the line.
    const bytes = escape === 'url' ? found.bytes.map(byte => (byte === 0x26 ? NEWLINE : byte)) : found.bytes
    return { start, end, encodings: [escape], bytes, at: found.at }
  }

  #openingQuote(hit: number): number {
    const { bytes } = this.#text
    const floor = Math.max(0, hit - this.#longestString)
    for (let at = hit - 1; at >= floor; at--) {
      if (at < this.#string.hit) return this.#string.open >= floor ? this.#string.open : -1
      if (bytes[at] === NEWLINE) return -1
      if (bytes[at] === QUOTE && !isEscaped(bytes, at)) return at
    }
    return -1
  }

  #closingQuote(open: number, hit: number): number {
    const { bytes } = this.#text
    const limit = Math.min(bytes.length, open + this.#longestString)
    for (let at = hit; at < limit; at++) {
      if (bytes[at] === NEWLINE) return -1
      if (bytes[at] === QUOTE && !isEscaped(bytes, at)) return at
    }
    return -1
  }
}

/** A find within the decoded text as one in the text around it; undefined where it would not be read back. */
export function lift(embedded: Embedded, found: Candidate, around: Text): Candidate | undefined {
  const span = (inner: Span): Span | undefined => {
    const { start, end, encodings, bytes } = embedded
    const [from, to] = [embedded.at?.(inner.start), embedded.at?.(inner.end)]
    if (from !== undefined && to !== undefined) {
      const exact = { start: start + from, end: start + to }
      const written = decodeAs(around.bytes.subarray(exact.start, exact.end), encodings[0]!)
      const decoded = bytes.subarray(inner.start, inner.end)
      if (!written || Buffer.compare(written, decoded) !== 0) return undefined
      return { ...exact, encodings: [...encodings, ...inner.encodings], bytes: inner.bytes }
    }
    // Only what stands for one text as a whole can be told by a range within it.
    if (embedded.at) return undefined
    const whole = inner.start === 0 && inner.end === bytes.length
    const part = whole ? [] : [`text:${inner.start}-${inner.end}`]
    return { start, end, encodings: [...encodings, ...part, ...inner.encodings], bytes: inner.bytes }
  }
  const value = span(found.value)
  const id = found.id && span(found.id)
  const keyId = found.keyId && span(found.keyId)
  if (!value) return undefined
  const { id: _, keyId: __, ...rest } = found
  return { ...rest, value, ...(id && { id }), ...(keyId && { keyId }) }
}

function runStart(bytes: Uint8Array, from: number, table: Uint8Array, most: number): number {
  let start = from
  while (start > 0 && from - start < most && table[bytes[start - 1]!]) start--
  return start
}

function runEnd(bytes: Uint8Array, from: number, table: Uint8Array, limit: number): number {
  let end = from
  while (end < bytes.length && end < limit && table[bytes[end]!]) end++
  return end
}

/** Where the next line's text begins, if the line ends here. */
function pastLineBreak(bytes: Uint8Array, at: number): number | undefined {
  let next = bytes[at] === RETURN ? at + 1 : at
  if (bytes[next] !== NEWLINE) return undefined
  next++
  while (bytes[next] === SPACE || bytes[next] === 0x09) next++
  return next < bytes.length ? next : undefined
}

/** Whether the line that ends here is as short as RFC 2045 has one in quoted-printable. */
function isLineOfMail(bytes: Uint8Array, end: number): boolean {
  return end <= LONGEST_MAIL || bytes.subarray(end - LONGEST_MAIL - 1, end).includes(NEWLINE)
}

function beforeLineBreak(bytes: Uint8Array, at: number): number | undefined {
  let before = at
  while (before > 0 && (bytes[before - 1] === SPACE || bytes[before - 1] === 0x09)) before--
  if (bytes[before - 1] !== NEWLINE) return undefined
  before--
  return bytes[before - 1] === RETURN ? before - 1 : before
}

function endsLine(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at]
  return (
    byte === undefined ||
    byte === NEWLINE ||
    byte === RETURN ||
    byte === 0x3d ||
    byte === QUOTE ||
    byte === 0x27
  )
}

/** An even number of backslashes before a quote are escaped backslashes. */
function isEscaped(bytes: Uint8Array, at: number): boolean {
  let backslashes = 0
  while (at - backslashes > 0 && backslashes < 64 && bytes[at - 1 - backslashes] === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

function isPlain(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === NEWLINE || byte === RETURN
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8
}

/** Many small texts may unpack to a lot each: what was unpacked in vain counts here, the rest where it is looked at. */
function unzip(bytes: Uint8Array, decoding: { left: number }): Uint8Array | undefined {
  const most = Math.min(MOST_UNZIPPED, decoding.left)
  if (most <= 0) return undefined
  try {
    const unzipped = gunzipSync(bytes, { maxOutputLength: most })
    if (isText(unzipped)) return unzipped
    decoding.left -= unzipped.length
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    decoding.left -= isTooLarge ? most : bytes.length
  }
  return undefined
}

/** `isCut`: a character may be broken at its end. */
function isText(bytes: Uint8Array, isCut = false): boolean {
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 0x09 && byte !== NEWLINE && byte !== RETURN) return false
    if (byte === 0x7f) return false
  }
  if (isCut) return true
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
