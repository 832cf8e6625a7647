import type { Candidate, Span } from './candidate.ts'
import type { CompiledRule } from './rules/compiled-rule.ts'
import type { Match } from './interpret.ts'
import type { Text } from './text.ts'

const NEWLINE = 0x0a

/** A line of `user:hash`, as password files hold them; a locked account's `!` before the hash belongs to neither. */
export function readHash(
  text: Text,
  compiled: CompiledRule,
  match: Match,
  depth: number,
): Candidate | undefined {
  const { bytes } = text
  const range = match.groups['value']
  const lineStart = match.start === 0 || bytes[match.start - 1] === NEWLINE
  if (!range || !lineStart || match.keywordAt === match.start) return undefined
  const span = (start: number, end: number): Span => ({
    start,
    end,
    encodings: [],
    bytes: bytes.subarray(start, end),
  })
  const value = span(range[0], range[1])
  if (/(.)\1{9}|\.{3}/.test(value.bytes.toString())) return undefined
  return {
    rule: compiled,
    value,
    id: span(match.start, match.keywordAt),
    confidence: compiled.rule.confidence,
    reasons: ['the hash of a password'],
    depth,
  }
}
