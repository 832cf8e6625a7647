import { looksLikeBase64, undoBase64 } from './assignment.ts'
import type { Candidate, Span } from '../candidate.ts'
import type { Match } from '../interpret.ts'
import { keyNameOf } from './key-name.ts'
import { type Found, namedCandidate } from './named-candidate.ts'
import { quotedEncoding, unescaped } from './quoted-value.ts'
import type { Text } from '../text.ts'

/** How far around its kind a manifest is read. */
const REACH = 16 * 1024
/** `data:` or `stringData:` with nothing behind it. */
const SECTION = /^([ \t]*(?:- )?)(data|stringData):[ \t]*$/
const ENTRY = /^([ \t]+)(["']?)([\w.-]{1,253})\2:[ \t]+(["']?)([^\s"'|>&*!{[#][^"'\r]*)\4$/
/** Each run of spaces is looked at once. */
const TRAILING = /(?<![ \t])[ \t]+$/
/** What stands in a Secret for convenience, beside what is secret. */
const NO_SECRET =
  /user|login|host|port|ur[li]|addr|endpoint|server|name|database|^db$|mail|region|bucket|domain|path|file|version|level|mode|type|enabled|ttl|schema|\.(?:crt|cer|pub)$/i

/** The values of a Kubernetes Secret whose names do not tell: that they stand there does. */
export function readManifest(found: Found, match: Match): readonly Candidate[] {
  const entries = found.text.bytes[match.start] === 0x22 ? entriesOfJson : entriesOfYaml
  return entries(found.text, match).flatMap(({ name, ...entry }) => {
    if (NO_SECRET.test(name) || keyNameOf(name)) return []
    const value = valueOf(found.text, entry)
    return (value && judged(found, value)) ?? []
  })
}

/** One of those that a section has, as it stands there. */
interface Entry {
  readonly name: string
  readonly start: number
  readonly end: number
  readonly encoding: string | undefined
  /** Of `data`, not of `stringData`. */
  readonly isBase64: boolean
}

/** Each on a line. */
function entriesOfYaml(text: Text, match: Match): Entry[] {
  const from = Math.max(0, match.start - REACH)
  const around = text.latin1(from, match.end + REACH)
  const kindAt = match.start - from
  const lineStart = around.lastIndexOf('\n', kindAt - 1)
  const indent = kindAt - (lineStart + 1)
  if (!/^(?:[ \t]|- )*$/.test(around.slice(lineStart + 1, kindAt))) return []
  // Another kind of the same depth is of another mapping, and a text that is full of them is not read again for each.
  const borders = ['\n---', `\n${' '.repeat(indent)}kind:`, `\n${' '.repeat(Math.max(0, indent - 2))}- kind:`]
  const documentStart = Math.max(0, ...borders.map(border => around.lastIndexOf(border, lineStart - 1)))
  const ends = borders.map(border => around.indexOf(border, kindAt)).filter(end => end >= 0)
  const documentEnd = Math.min(around.length, ...ends)
  const entries: Entry[] = []
  let section: string | undefined
  let depthOfEntries: number | undefined
  for (const { 0: line, index } of around.slice(documentStart, documentEnd).matchAll(/[^\r\n]+/g)) {
    const depth = line.search(/\S/)
    // What stands before or behind the mapping that has the kind is another one's: a ConfigMap beside it in a list.
    if (depth < indent && line[depth] !== '#') {
      if (documentStart + index > kindAt) break
      entries.length = 0
    }
    const begins = SECTION.exec(line)
    if (begins || depth <= indent) {
      section = begins?.[1]!.length === indent ? begins[2] : undefined
      depthOfEntries = undefined
      continue
    }
    const entry = section && ENTRY.exec(line.replace(TRAILING, ''))
    if (!entry) continue
    depthOfEntries ??= entry[1]!.length
    if (entry[1]!.length !== depthOfEntries) continue
    const [quote, written] = [entry[4]!, entry[5]!]
    const start = from + documentStart + index + line.lastIndexOf(`${quote}${written}`) + quote.length
    const encoding = quote === '' ? undefined : quotedEncoding('yaml', quote === "'")
    entries.push({
      name: entry[3]!,
      start,
      end: start + written.length,
      encoding,
      isBase64: section === 'data',
    })
  }
  return entries
}

const JSON_SECTION = /"(data|stringData)"\s*:\s*\{([^{}]*)\}/g
const JSON_ENTRY = /"([\w.-]{1,253})"\s*:\s*"((?:[^"\\\n]|\\.)*)"/g

/** Those of the object that has the kind as a member. */
function entriesOfJson(text: Text, match: Match): Entry[] {
  const from = Math.max(0, match.start - REACH)
  const around = text.latin1(from, match.end + REACH)
  const object = beginOfObject(around, match.start - from)
  // Said twice in one object, it is said once.
  if (object === undefined || lastObject.get(text) === from + object) return []
  lastObject.set(text, from + object)
  const entries: Entry[] = []
  JSON_SECTION.lastIndex = object
  for (let section, looked = 0; looked < MOST_SECTIONS && (section = JSON_SECTION.exec(around)); looked++) {
    if (beginOfObject(around, section.index) !== object) continue
    const at = from + section.index + section[0].lastIndexOf(section[2]!)
    for (const entry of section[2]!.matchAll(JSON_ENTRY)) {
      const end = at + entry.index + entry[0].length - 1
      const isBase64 = section[1] === 'data'
      entries.push({ name: entry[1]!, start: end - entry[2]!.length, end, encoding: 'json', isBase64 })
    }
  }
  return entries
}

/** Its own two, and what may be called so deeper in it. */
const MOST_SECTIONS = 4
const lastObject = new WeakMap<Text, number>()

/** Where the innermost object around a place begins. */
function beginOfObject(text: string, at: number): number | undefined {
  let inString = false
  for (let place = at - 1, open = 0; place >= 0; place--) {
    const sign = text[place]
    if (sign === '"' && text[place - 1] !== '\\') inString = !inString
    else if (inString) continue
    else if (sign === '}') open++
    else if (sign === '{' && open-- === 0) return place
  }
  return undefined
}

function valueOf(text: Text, { start, end, encoding, isBase64 }: Omit<Entry, 'name'>): Span | undefined {
  const span = { start, end, ...unescaped(text.bytes.subarray(start, end), encoding ? [encoding] : []) }
  if (!isBase64) return span
  return looksLikeBase64(span.bytes) ? undoBase64(span) : undefined
}

function judged(found: Found, value: Span): Candidate | undefined {
  if (Buffer.from(value.bytes).some(byte => byte === 0x0a || byte === 0x0d)) return undefined
  const candidate = namedCandidate(found, keyNameOf('secret')!, value, { how: 'assigned', isSetting: true })
  return candidate && { ...candidate, reasons: ['in a Secret of Kubernetes', ...candidate.reasons.slice(1)] }
}
