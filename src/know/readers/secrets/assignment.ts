import { decodeAs } from '../../../core/contract/slot.ts'
import type { Span } from './candidate.ts'
import type { Text } from './text.ts'

/** The longest value that is read; a longer one is no password. */
export const LONGEST_VALUE = 1024

/** A key with what stands between it and its value: offsets into the text's bytes. */
export interface Key {
  readonly start: number
  readonly end: number
  readonly name: string
  readonly separator: string
  readonly valueAt: number
}

const IN_BASE64 = /[A-Za-z0-9+/=]/

interface Range {
  readonly start: number
  readonly end: number
  readonly encodings: readonly string[]
}

/**
 * The value that a key is given, as this kind of file writes it, with quotes and escapes undone. Undefined where what
 * follows is no literal value: an expression, a nested structure, a comparison. Values of Kubernetes Secrets are
 * decoded from base64 too.
 */
export function readAssigned(text: Text, key: Key): Span | undefined {
  text.turnTo(key.start - 512, key.valueAt + LONGEST_VALUE + 2)
  const range = valueRange(text, key)
  if (!range || range.end <= range.start || range.end - range.start > LONGEST_VALUE) return undefined
  let bytes: Uint8Array = text.bytes.subarray(text.base + range.start, text.base + range.end)
  let encodings = range.encodings
  for (const encoding of encodings) {
    const decoded = decodeAs(bytes, encoding)
    // A backslash that is no known escape stands for itself in most languages: then it is as it stands.
    if (!decoded) {
      encodings = []
      break
    }
    bytes = decoded
  }
  const span = { start: text.base + range.start, end: text.base + range.end, encodings, bytes }
  return looksLikeBase64(bytes) && inSecretManifest(text, key) ? undoBase64(span) : span
}

/** As offsets into text.page. */
function valueRange(text: Text, key: Key): Range | undefined {
  const { page, dialect } = text
  let at = key.valueAt - text.base
  const before = page[key.start - text.base - 1] ?? '\n'
  const separator = key.separator.trim()
  const next = page[at] ?? ''
  // `"Password:"` is a string that ends there: what follows is outside of it.
  if (isQuote(before) && next === before && !separator.startsWith(before)) return undefined
  if (separator.endsWith('>') && !separator.endsWith('=>')) return elementValue(page, at, key, before)
  if (separator === '=' && (next === '=' || next === '~')) return undefined
  if (separator === ':' && (next === ':' || next === '=')) return undefined
  if (separator.endsWith('(')) return SETTER.test(key.name) ? quotedRange(page, at, dialect) : undefined
  if (separator.endsWith(',')) {
    const call = page.slice(Math.max(0, key.start - text.base - 40), key.start - text.base)
    return TAKES_PAIR.test(call) ? quotedRange(page, at, dialect) : undefined
  }
  if (separator === '') return wordsApart(text, key, at, before)

  const prefix = /^(?:[bBuUrR@]|String\.raw)(?=["'`])/.exec(page.slice(at, at + 12))
  if (prefix && (dialect === 'code' || dialect === 'text')) at += prefix[0].length
  if (isQuote(page[at])) return quotedRange(page, at, dialect)
  return bareRange(text, key, at, before)
}

/** Calls whose argument is the value: `setPassword("x")`, `.password("x")`. */
const SETTER = /(?:^|\.)(?:(?:set|with)[A-Za-z_]*|password|passwd|passphrase|secret|api_?key)$/i
/** Calls that take a name and a value: `define('DB_PASSWORD', 'x')`, `os.Setenv("DB_PASSWORD", "x")`. */
const TAKES_PAIR =
  /(?:define|set|put|add|env|property|option|param|with|header)[A-Za-z_]{0,12}\s{0,2}\(\s{0,4}["']$/i

function quotedRange(page: string, at: number, dialect: Text['dialect']): Range | undefined {
  const quote = page[at]!
  if (!isQuote(quote) || (quote === '`' && dialect !== 'code' && dialect !== 'text')) return undefined
  // Three quotes begin a block; what is in it is looked at by itself.
  if (page.startsWith(quote.repeat(3), at)) return undefined
  const single = quote === "'"
  const encoding = quotedEncoding(dialect, single)
  const escapes = encoding === 'json' || encoding === 'shell'
  const limit = Math.min(page.length, at + LONGEST_VALUE + 2)
  for (let end = at + 1; end < limit; end++) {
    const character = page[end]
    if (character === '\n') return undefined
    if (character === '\\' && escapes) end++
    else if (character === quote) {
      if (encoding === 'yaml' && page[end + 1] === quote) end++
      else return { start: at + 1, end, encodings: encoding ? [encoding] : [] }
    }
  }
  return undefined
}

function quotedEncoding(dialect: Text['dialect'], single: boolean): string | undefined {
  switch (dialect) {
    case 'yaml':
      return single ? 'yaml' : 'json'
    case 'env':
    case 'shell':
    case 'docker':
      return single ? undefined : 'shell'
    case 'toml':
      return single ? undefined : 'json'
    case 'xml':
      return 'xml'
    case 'ini':
    case 'netrc':
      return undefined
    default:
      return 'json'
  }
}

/** Each bare form ends where its kind of file ends it. The first character must not begin a structure or expression. */
const BARE: Partial<Record<Text['dialect'], RegExp>> = {
  yaml: /(?![[\]{}|>&*!%@`#,?"'])(?:[^\s#]|#)[^\n\r]*/y,
  env: /(?![#])[^\n\r]+/y,
  shell: /[^\s;&|()<>"'`\\#][^\s;&|()<>"'`\\]*/y,
  docker: /[^\s"'`\\#][^\s"'`\\]*/y,
  ini: /[^\s#;][^\n\r]*/y,
  netrc: /\S+/y,
  text: /(?![.+#\\,]|\$[A-Za-z_])[^\s"'`<>,;()[\]{}|]+/y,
}
/** Within a string of keys and values, `Host=db;Password=x` or `host=db password=x`, a value ends at its separator. */
const IN_STRING = /[^\s;&"'`<>\\,(){}]+/y

function bareRange(text: Text, key: Key, at: number, before: string): Range | undefined {
  const { page, dialect } = text
  if (';&?'.includes(before) && key.separator === '=') return matchBare(page, at, IN_STRING)
  if (dialect === 'code' || dialect === 'json' || dialect === 'xml') {
    return key.separator === '=' && / |"|'|:/.test(before) && besideHost(text, key)
      ? matchBare(page, at, IN_STRING)
      : undefined
  }
  const block =
    dialect === 'yaml'
      ? /^[|>][-+]?[ \t]*\r?\n([ \t]+)(\S[^\n\r]*)/.exec(page.slice(at, at + LONGEST_VALUE))
      : null
  if (block)
    return {
      start: at + block[0].length - block[2]!.length,
      end: at + block[0].trimEnd().length,
      encodings: [],
    }
  const bare = BARE[dialect]
  if (!bare) return undefined
  const range = matchBare(page, at, bare)
  if (dialect === 'text' && range) {
    // In prose a plain word after "password:" is the next word of the sentence; a name before a parenthesis is called.
    const word = page.slice(range.start, range.end)
    return page[range.end] === '(' || (/^[A-Za-z.'!?-]+$/.test(word) && key.separator !== '=')
      ? undefined
      : range
  }
  if (!range || dialect === 'shell' || dialect === 'docker' || dialect === 'netrc' || dialect === 'text')
    return range
  return trimmed(page, range, dialect, key.start - text.base)
}

function matchBare(page: string, at: number, expression: RegExp): Range | undefined {
  expression.lastIndex = at
  const match = expression.exec(page)
  return match ? { start: at, end: at + match[0].length, encodings: [] } : undefined
}

/** Cuts a comment, spaces at the end, and in YAML's flow style what follows the value. */
function trimmed(page: string, range: Range, dialect: Text['dialect'], keyAt: number): Range {
  let value = page.slice(range.start, range.end)
  value = value.replace(dialect === 'ini' ? /\s[#;].*$/ : /\s#.*$/, '')
  const lineStart = page.lastIndexOf('\n', keyAt) + 1
  if (dialect === 'yaml' && /[{[]/.test(page.slice(lineStart, keyAt))) value = value.replace(/[,}\]].*$/, '')
  return { ...range, end: range.start + value.trimEnd().length }
}

/** A key and a value with only space between: Dockerfile ENV, netrc, and options of a command. */
function wordsApart(text: Text, key: Key, at: number, before: string): Range | undefined {
  const { page, dialect } = text
  const keyAt = key.start - text.base
  const line = page.slice(page.lastIndexOf('\n', keyAt - 1) + 1, keyAt)
  if (dialect === 'docker' && /^\s*ENV\s+$/i.test(line))
    return trimmed(page, matchBare(page, at, /[^\n\r]+/y) ?? never(at), 'env', keyAt)
  // An option of its own, `password "x"`, as some configuration files and build scripts have it.
  if (line.trim() === '' && (dialect === 'ini' || dialect === 'code') && isQuote(page[at])) {
    return quotedRange(page, at, dialect)
  }
  const netrc = dialect === 'netrc' || /\blogin\s+\S+\s+$/.test(page.slice(Math.max(0, keyAt - 120), keyAt))
  if (netrc && key.name === 'password') return matchBare(page, at, /\S+/y)
  // An option's name may have been taken into the key: `--db-password` has its dashes in `lead`.
  if (!/^--[A-Za-z]/.test(key.name) && !(before === '-' && line.endsWith('--'))) return undefined
  if (page[at] === '-') return undefined
  return isQuote(page[at]) ? quotedRange(page, at, 'shell') : matchBare(page, at, /[^\s;&|()<>"'`\\$[\]]+/y)
}

function elementValue(page: string, at: number, key: Key, before: string): Range | undefined {
  const close = page.indexOf('<', at)
  if (close < 0 || close - at > LONGEST_VALUE) return undefined
  const element = before === '<' ? key.name : '[A-Za-z]'
  if (
    !page.startsWith('</', close) ||
    !new RegExp(`^</${element.replace(/[.]/g, '\\.')}`).test(page.slice(close, close + 80))
  )
    return undefined
  const encodings = /encoding="base64"/.test(key.separator) ? ['xml', 'base64'] : ['xml']
  const value = page.slice(at, close)
  const lead = value.length - value.trimStart().length
  return { start: at + lead, end: at + value.trimEnd().length, encodings }
}

/** Whether the line also names a server or user, as connection strings do. */
function besideHost(text: Text, key: Key): boolean {
  const at = key.start - text.base
  const around = text.page.slice(Math.max(0, at - 200), at + 200)
  return /\b(?:server|host|hostname|data source|user id|uid|user|dbname|database|addr|jdbc:\w+)\s?[=:]/i.test(
    around,
  )
}

/** Whether the key stands under `data:` of a Kubernetes Secret, whose values are base64. */
function inSecretManifest(text: Text, key: Key): boolean {
  if (text.dialect !== 'yaml' && text.dialect !== 'json' && text.dialect !== 'text') return false
  const before = text.latin1(key.start - 4096, key.start)
  const section = before
    .match(/(?:^|[\n{,])[ \t-]*["']?(?:data|stringData|binaryData|metadata)["']?[ \t]*:/g)
    ?.at(-1)
  if (!section || !/[^A-Za-z]data["']?[ \t]*:$/.test(`\n${section}`)) return false
  const documentStart = before.lastIndexOf('\n---')
  const after = text.latin1(key.start, key.start + 4096)
  const documentEnd = after.indexOf('\n---')
  const manifest =
    before.slice(documentStart < 0 ? 0 : documentStart) +
    after.slice(0, documentEnd < 0 ? after.length : documentEnd)
  return /["']?kind["']?[ \t]*:[ \t]*["']?Secret["']?\s*(?:[,}\n\r]|$)/.test(manifest)
}

function looksLikeBase64(bytes: Uint8Array): boolean {
  return bytes.length % 4 === 0 && bytes.every(byte => IN_BASE64.test(String.fromCharCode(byte)))
}

/** A line break at the end comes from `echo … | base64` and belongs to no password. */
function undoBase64(span: Span): Span | undefined {
  const bytes = decodeAs(span.bytes, 'base64')
  if (!bytes || bytes.length === 0) return undefined
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  const encodings = [...span.encodings, 'base64']
  if (end < bytes.length) encodings.push(`text:0-${end}`)
  return { ...span, encodings, bytes: bytes.subarray(0, end) }
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'" || character === '`'
}

function never(at: number): Range {
  return { start: at, end: at, encodings: [] }
}
