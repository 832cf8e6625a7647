import type { Candidate } from './candidate.ts'
import { holds } from './rules/checksum.ts'
import type { CompiledRule } from './rules/compiled-rule.ts'
import type { Match } from './interpret.ts'
import type { Text } from './text.ts'

/** A larger document is no key store. */
const LONGEST_FILE = 256 * 1024

const JKS = 0xfeedfeed
/** Of an entry: a certificate that is trusted. Another one is a key. */
const TRUSTED = 2

/**
 * Whether a store of Java's has nothing but certificates that are trusted, as `cacerts` has: entries one after the other, each with a tag, an
 * alias, a time, and a certificate with its kind. False where it is no such store, or ends too soon.
 */
function holdsOnlyCertificates(bytes: Buffer): boolean {
  if (bytes.length < 12 || bytes.readUInt32BE(0) !== JKS) return false
  const [version, count] = [bytes.readUInt32BE(4), bytes.readUInt32BE(8)]
  let at = 12
  const skip = (lengthBytes: 2 | 4) => {
    if (at + lengthBytes <= bytes.length) at += lengthBytes + bytes.readUIntBE(at, lengthBytes)
    else at = bytes.length + 1
  }
  for (let entry = 0; entry < count; entry++) {
    if (at + 4 > bytes.length || bytes.readUInt32BE(at) !== TRUSTED) return false
    at += 4
    skip(2)
    at += 8
    if (version === 2) skip(2)
    skip(4)
  }
  return count > 0 && at <= bytes.length
}

/** A key store: the document's first bytes tell its kind, and all of it is the secret. */
export function readWhole(
  text: Text,
  compiled: CompiledRule,
  match: Match,
  depth: number,
): Candidate | undefined {
  const { bytes } = text
  if (match.start !== 0 || !text.whole || bytes.length > LONGEST_FILE) return undefined
  if (match.keywordAt < (compiled.rule.lead?.least ?? 0)) return undefined
  if (holdsOnlyCertificates(bytes)) return undefined
  const { checksum } = compiled.rule.checks
  if (checksum && holds(checksum, bytes.toString('latin1')) === false) return undefined
  return {
    rule: compiled,
    value: { start: 0, end: bytes.length, encodings: [], bytes },
    confidence: compiled.rule.confidence,
    reasons: [`begins as a ${compiled.rule.name} does`],
    depth,
  }
}
