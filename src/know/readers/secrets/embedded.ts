import { decodeAs } from '../../../core/contract/slot.ts'
import type { Candidate, Span } from './candidate.ts'
import type { Text } from './text.ts'

/** The longest encoded text that is decoded, in bytes: half of what stands before and after any byte of a window. */
export const LONGEST_EMBEDDED = 16 * 1024

/** An encoded text within a text, decoded. */
export interface Embedded {
  readonly start: number
  readonly end: number
  readonly encoding: string
  readonly bytes: Uint8Array
}

const NEWLINE = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const IN_BASE64 = new Uint8Array(256)
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_'))
  IN_BASE64[byte] = 1

/**
 * Finds the encoded texts around hits, each once. Hits come in order, and what is known from the one before is used
 * again, so that a text made of nothing but hits is still walked over only once.
 */
export class EmbeddedTexts {
  readonly #text: Text
  #blob = { start: -1, end: -1 }
  #string = { hit: -1, open: -1, close: -1 }
  #decodedFrom = -1

  constructor(text: Text) {
    this.#text = text
  }

  /** The base64 text that a literal at `hit` stands in, `offset` characters after a multiple of four. */
  base64At(hit: number, offset: number): Embedded | undefined {
    if (hit >= this.#blob.start && hit < this.#blob.end) return undefined
    const { bytes } = this.#text
    let start = hit
    while (start > 0 && hit - start < LONGEST_EMBEDDED && IN_BASE64[bytes[start - 1]!]) start--
    let end = hit
    const limit = Math.min(bytes.length, start + LONGEST_EMBEDDED + 1)
    while (end < limit && IN_BASE64[bytes[end]!]) end++
    this.#blob = { start, end }
    if (end - start > LONGEST_EMBEDDED || end - start < 8) return undefined
    // A path or a word may stand right before it: then the text begins at the next character in step with the hit.
    start += (hit - offset - start) & 3
    for (let padding = 0; padding < 2 && bytes[end] === 0x3d && (end - start) % 4 !== 0; padding++) end++
    const encoding = /[-_]/.test(this.#text.latin1(start, end)) ? 'base64url' : 'base64'
    const decoded = decodeAs(bytes.subarray(start, end), encoding)
    return decoded && isText(decoded) ? { start, end, encoding, bytes: decoded } : undefined
  }

  /** The double-quoted string with escapes that `hit` stands in. */
  stringAt(hit: number): Embedded | undefined {
    const { bytes } = this.#text
    const open = this.#openingQuote(hit)
    const known = open === this.#string.open && this.#string.close >= hit ? this.#string.close : -1
    const close = open < 0 ? -1 : known >= 0 ? known : this.#closingQuote(open, hit)
    this.#string = { hit, open, close }
    if (close < 0 || open === this.#decodedFrom || close - open > LONGEST_EMBEDDED) return undefined
    const inside = bytes.subarray(open + 1, close)
    if (!inside.includes(BACKSLASH)) return undefined
    this.#decodedFrom = open
    const decoded = decodeAs(inside, 'json')
    return decoded && { start: open + 1, end: close, encoding: 'json', bytes: decoded }
  }

  #openingQuote(hit: number): number {
    const { bytes } = this.#text
    const floor = Math.max(0, hit - LONGEST_EMBEDDED)
    for (let at = hit - 1; at >= floor; at--) {
      if (at < this.#string.hit) return this.#string.open >= floor ? this.#string.open : -1
      if (bytes[at] === NEWLINE) return -1
      if (bytes[at] === QUOTE && !isEscaped(bytes, at)) return at
    }
    return -1
  }

  #closingQuote(open: number, hit: number): number {
    const { bytes } = this.#text
    const limit = Math.min(bytes.length, open + LONGEST_EMBEDDED)
    for (let at = hit; at < limit; at++) {
      if (bytes[at] === NEWLINE) return -1
      if (bytes[at] === QUOTE && !isEscaped(bytes, at)) return at
    }
    return -1
  }
}

/** A find within the decoded text as one in the text around it. */
export function lift(embedded: Embedded, found: Candidate): Candidate {
  const span = (inner: Span): Span => {
    const whole = inner.start === 0 && inner.end === embedded.bytes.length
    const part = whole ? [] : [`text:${inner.start}-${inner.end}`]
    return {
      start: embedded.start,
      end: embedded.end,
      encodings: [embedded.encoding, ...part, ...inner.encodings],
      bytes: inner.bytes,
    }
  }
  return { ...found, value: span(found.value), ...(found.id && { id: span(found.id) }) }
}

/** An even number of backslashes before a quote are escaped backslashes. */
function isEscaped(bytes: Uint8Array, at: number): boolean {
  let backslashes = 0
  while (at - backslashes > 0 && backslashes < 64 && bytes[at - 1 - backslashes] === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

function isText(bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false
    if (byte === 0x7f) return false
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
