const ESCAPE = /\\x([0-9A-F]{2})/g
const LOOKS_ESCAPED = /^\\x[0-9A-F]{2}/
// oxlint-disable-next-line no-control-regex -- a terminal would obey them
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/**
 * A path as text, and back. Linux allows any bytes in names: those that are not UTF-8 are written `\xE9`, control
 * characters, which a terminal would obey, `\x1B`, and a backslash that would then be mistaken for such an escape `\x5C`,
 * so that two paths never become the same text.
 */
export function pathText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  if (!text.includes('\ufffd') && !text.includes('\\x') && !CONTROL.test(text)) return text
  let out = ''
  for (let at = 0; at < buffer.length; ) {
    const length = [1, 2, 3, 4].find(length => isOneCharacter(buffer.subarray(at, at + length)))
    const character = length === undefined ? '' : buffer.toString('utf8', at, at + length)
    const escape =
      length === undefined ||
      CONTROL.test(character) ||
      LOOKS_ESCAPED.test(buffer.toString('latin1', at, at + 4))
    out += escape ? `\\x${hex(buffer[at]!)}` : character
    at += escape ? 1 : length
  }
  return out
}

export function pathBytes(text: string): Buffer {
  const parts: Buffer[] = []
  let from = 0
  for (const match of text.matchAll(ESCAPE)) {
    parts.push(Buffer.from(text.slice(from, match.index)), Buffer.from(match[1]!, 'hex'))
    from = match.index + match[0].length
  }
  return Buffer.concat([...parts, Buffer.from(text.slice(from))])
}

function isOneCharacter(bytes: Buffer): boolean {
  const text = bytes.toString('utf8')
  return [...text].length === 1 && Buffer.from(text).equals(bytes)
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
