import type { Candidate } from './candidate.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { Match } from './interpret.ts'
import type { Text } from './text.ts'

/** A larger document is no key store. */
const LONGEST_FILE = 256 * 1024

/** A key store: the document's first bytes tell its kind, and all of it is the secret. */
export function readWhole(
  text: Text,
  compiled: CompiledRule,
  match: Match,
  depth: number,
): Candidate | undefined {
  const { bytes } = text
  if (match.start !== 0 || !text.whole || bytes.length > LONGEST_FILE) return undefined
  if (bytes[0] === SEQUENCE && !isOneSequence(bytes)) return undefined
  return {
    rule: compiled,
    value: { start: 0, end: bytes.length, encodings: [], bytes },
    confidence: compiled.rule.confidence,
    reasons: [`begins as a ${compiled.rule.name} does`],
    depth,
  }
}

const SEQUENCE = 0x30

/** DER says how long it is (X.690, 8.1.3); BER of indefinite length ends with two zero bytes. */
function isOneSequence(bytes: Buffer): boolean {
  const first = bytes[1]!
  if (first === 0x80) return bytes.length > 4 && bytes.readUInt16BE(bytes.length - 2) === 0
  if (first < 0x80) return bytes.length === 2 + first
  const digits = first & 0x7f
  if (digits > 4 || bytes.length < 2 + digits) return false
  return bytes.length === 2 + digits + bytes.readUIntBE(2, digits)
}
