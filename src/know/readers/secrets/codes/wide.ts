/** UTF-16, with the lower or the higher byte first. */
export type Wide = 'utf16le' | 'utf16be'

const SAMPLE_BYTES = 8192
const SHORTEST_BYTES = 16

/** Told by its mark, else by every second byte being zero beside a character of ASCII. */
export function wideOf(head: Uint8Array): Wide | undefined {
  const [first, second, third, fourth] = head
  // Four bytes to a character begin like two.
  if (first === 0xff && second === 0xfe) return third === 0 && fourth === 0 ? undefined : 'utf16le'
  if (first === 0xfe && second === 0xff) return 'utf16be'
  const length = Math.min(head.length, SAMPLE_BYTES) & ~1
  if (length < SHORTEST_BYTES || !head.includes(0)) return undefined
  let little = 0
  let big = 0
  for (let at = 0; at < length; at += 2) {
    if (isAscii(head[at]!) && head[at + 1] === 0) little++
    if (isAscii(head[at + 1]!) && head[at] === 0) big++
  }
  const enough = (length / 2) * 0.8
  return little >= enough ? 'utf16le' : big >= enough ? 'utf16be' : undefined
}

export interface Narrowed {
  /** UTF-8. */
  readonly bytes: Buffer
  /** Where the character at an offset of these bytes was written. */
  at(offset: number): number
}

/** The same text in UTF-8. An odd byte at the end is left out. */
export function narrow(bytes: Uint8Array, wide: Wide): Narrowed {
  const even = Buffer.from(bytes.subarray(0, bytes.length & ~1))
  const text = (wide === 'utf16be' ? even.swap16() : even).toString('utf16le')
  const narrowed = Buffer.from(text)
  if (narrowed.length === text.length) return { bytes: narrowed, at: offset => 2 * offset }
  const from = new Uint32Array(narrowed.length + 1)
  let offset = 0
  let unit = 0
  for (const character of text) {
    const length = Buffer.byteLength(character)
    from.fill(2 * unit, offset, offset + length)
    offset += length
    unit += character.length
  }
  from[offset] = 2 * unit
  return { bytes: narrowed, at: offset => from[offset]! }
}

function isAscii(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
