import type { Candidate } from './candidate.ts'
import { holds } from './checksum.ts'
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
  if (match.keywordAt < (compiled.rule.lead?.least ?? 0)) return undefined
  const { checksum } = compiled.rule.checks
  if (checksum && !holds(checksum, bytes.toString('latin1'))) return undefined
  return {
    rule: compiled,
    value: { start: 0, end: bytes.length, encodings: [], bytes },
    confidence: compiled.rule.confidence,
    reasons: [`begins as a ${compiled.rule.name} does`],
    depth,
  }
}
