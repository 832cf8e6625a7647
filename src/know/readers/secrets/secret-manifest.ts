import { looksLikeBase64, undoBase64 } from './assignment.ts'
import type { Candidate, Span } from './candidate.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { Match } from './interpret.ts'
import { judgeNamed } from './judge-assignment.ts'
import { keyNameOf } from './key-name.ts'
import { quotedEncoding, unescaped } from './quoted-value.ts'
import type { Text } from './text.ts'

/** How far around its kind a manifest is read. */
const REACH = 16 * 1024
/** `data:` or `stringData:` with nothing behind it. */
const SECTION = /^([ \t]*(?:- )?)(data|stringData):[ \t]*$/
const ENTRY = /^([ \t]+)(["']?)([\w.-]{1,253})\2:[ \t]+(["']?)([^\s"'|>&*!{[#][^"'\r]*?)\4[ \t]*$/
/** What stands in a Secret for convenience, beside what is secret. */
const NO_SECRET =
  /user|login|host|port|ur[li]|addr|endpoint|server|name|database|^db$|mail|region|bucket|domain|path|file|version|level|mode|type|enabled|ttl|schema|\.(?:crt|cer|pub)$/i

/** The values of a Kubernetes Secret whose names do not tell: that they stand there does. In YAML, each on a line. */
export function readManifest(text: Text, compiled: CompiledRule, match: Match, depth: number): Candidate[] {
  const from = Math.max(0, match.start - REACH)
  const around = text.latin1(from, match.end + REACH)
  const kindAt = match.start - from
  const documentStart = Math.max(0, around.lastIndexOf('\n---', kindAt))
  const documentEnd = around.indexOf('\n---', kindAt)
  const indent = kindAt - (around.lastIndexOf('\n', kindAt - 1) + 1)
  const found: Candidate[] = []
  let section: string | undefined
  let depthOfEntries: number | undefined
  for (const { 0: line, index } of around
    .slice(documentStart, documentEnd < 0 ? undefined : documentEnd)
    .matchAll(/[^\r\n]+/g)) {
    const begins = SECTION.exec(line)
    if (begins || line.search(/\S/) <= indent) {
      section = begins?.[1]!.length === indent ? begins[2] : undefined
      depthOfEntries = undefined
      continue
    }
    const entry = section && ENTRY.exec(line)
    if (!entry) continue
    depthOfEntries ??= entry[1]!.length
    const name = entry[3]!
    if (entry[1]!.length !== depthOfEntries || NO_SECRET.test(name) || keyNameOf(name)) continue
    const start = from + documentStart + index + line.lastIndexOf(`${entry[4]}${entry[5]}`) + entry[4]!.length
    const value = valueOf(text, start, start + entry[5]!.length, entry[4]!, section === 'data')
    const judged = value && judge(text, value)
    if (judged)
      found.push({
        rule: compiled,
        value,
        confidence: judged.confidence,
        reasons: ['in a Secret of Kubernetes', ...judged.reasons.slice(1)],
        depth,
      })
  }
  return found
}

function valueOf(text: Text, start: number, end: number, quote: string, isBase64: boolean): Span | undefined {
  const encoding = quote === '' ? undefined : quotedEncoding('yaml', quote === "'")
  const span = { start, end, ...unescaped(text.bytes.subarray(start, end), encoding ? [encoding] : []) }
  if (!isBase64) return span
  return looksLikeBase64(span.bytes) ? undoBase64(span) : undefined
}

function judge(text: Text, value: Span) {
  const plain = Buffer.from(value.bytes).toString('latin1')
  if (/[\r\n]/.test(plain)) return undefined
  return judgeNamed(keyNameOf('secret')!, plain, {
    path: text.path,
    isLiteral: true,
    isSetting: true,
    how: 'assigned',
    besides: () => undefined,
    isMinified: () => false,
  })
}
