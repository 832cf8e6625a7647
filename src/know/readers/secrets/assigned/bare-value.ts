import { isNoText, isNoWord } from './judge-assignment.ts'
import type { Key } from './key.ts'
import { keyNameOf } from './key-name.ts'
import { isQuote, LONGEST_VALUE, type Range } from './quoted-value.ts'
import type { Text } from '../text.ts'

/** Each bare form ends where its kind of file ends it. The first character must not begin a structure or expression. */
const BARE: Partial<Record<Text['dialect'], RegExp>> = {
  yaml: /(?![[\]{}|>&*!%@`#,?"'])(?:[^\s#]|#)[^\n\r]*/y,
  env: /(?![#])[^\n\r]+/y,
  shell: /[^\s;&|()<>"'`\\#][^\s;&|()<>"'`\\]*/y,
  docker: /[^\s"'`\\#][^\s"'`\\]*/y,
  ini: /[^\s#;][^\n\r]*/y,
  netrc: /\S+/y,
  text: /(?![.#\\,]|\+(?![A-Za-z\d+/]{15})|\$[A-Za-z_])[^\s"'`<>,;()[\]{}|]+/y,
}
/** What Markdown sets off: `_x_`, `**x**`. */
const EMPHASIS = /^([*_]{1,2})[^*_].*\1$/
/** Within a string of keys and values, `Host=db;Password=x` or `host=db password=x`, a value ends at its separator. */
const IN_STRING = /[^\s;&"'`<>\\,(){}]+/y
const TOLD = /[^\s;&"'`<>\\,(){}[\]|]{6,64}/y
const IN_BRACKETS = /[^\s;&"'`<>\\,(){}[\]]+/y
/** Within a string that is a list of arguments or variables, `"DB_PASSWORD=x"`, it ends with the string. */
const TO_QUOTE = /[^"'`\n\r\\]+/y

/** A command that is given variables, `"TOKEN=x node a.js"`: a word of the value would hardly be so. */
const COMMAND =
  /^[^\s"'`]{1,256} {1,4}(?:[A-Z][A-Z\d_]{0,40}=[^\s"'`]{0,256} {1,4}){0,8}(?:node|npm|npx|yarn|pnpm|bunx?|deno|ts-node|tsx|nodemon|python3?|ruby|bundle|rails|php|java|go|cargo|docker(?:-compose)?|sh|bash|env|cross-env|next|nuxt|vite|webpack|react-scripts|jest|vitest|mocha|ava|tap|cypress|playwright|electron|gulp|grunt|make|curl|\.\/[\w./-]{1,80})["'`\s]/

/** A value without quotes around it, as an offset into the page; `before` stands before the key. */
export function bareRange(text: Text, key: Key, at: number, before: string): Range | undefined {
  const { page, dialect } = text
  const separator = key.separator.trim()
  // The token of a badge in a README shows a state to everybody.
  if (
    before === '?' &&
    /(?:badge|shields?)[^\s"'()]{0,80}\?$/.test(page.slice(Math.max(0, at - 160), key.start - text.base))
  )
    return undefined
  // An option in a command over several lines ends with its word.
  if (before === '-' && key.separator === '=' && dialect !== 'shell') return inString(page, at, IN_STRING)
  if (dialect === 'ini' && key.name.startsWith('-') && key.separator === '=')
    return inString(page, at, IN_STRING)
  if (before === ';' ? separator === '=' : '&?'.includes(before) && key.separator === '=')
    return inString(page, at, IN_STRING)
  // Kafka's `SCRAM-SHA-512=[password=x]`.
  if (before === '[' && separator === '=') return inString(page, at, IN_BRACKETS)
  if (isAlone(text, key, before, separator))
    return inString(page, at, COMMAND.test(page.slice(at, at + LONGEST_VALUE)) ? IN_STRING : TO_QUOTE)
  // Ansible's `mysql_user: name=app password=x`, an inventory's hosts, a unit's variables, and Helm's `--set a.password=x,b=y`.
  const lead = key.separator === '=' ? lineBefore(text, key) : ''
  if (
    (dialect === 'yaml' || dialect === 'ini') &&
    before === ' ' &&
    (/\w=\S+\s+$/.test(lead) || key.name.startsWith('ansible_'))
  )
    return inString(page, at, IN_STRING)
  // A file system's options in a command or a table: `username=jo,password=x,uid=1000`.
  if (before === ',' && /\w=[^\s,=]{1,80},$/.test(lead)) return inString(page, at, IN_STRING)
  if (dialect === 'ini' && /^\s*Environment=(?:\S+\s+)*$/.test(lead)) return inString(page, at, IN_STRING)
  if (/--set(?:-string)?[ =]\S*$/.test(lead)) return inString(page, at, IN_STRING)
  if (dialect === 'code' || dialect === 'json' || dialect === 'xml') {
    if (separator === ':' && dialect !== 'json' && isInComment(text, key)) {
      const range = matchBare(page, at, BARE.text!)
      return range && (isLineOfItsOwn(text, key, range) || isToldInComment(text, key, range))
        ? range
        : undefined
    }
    if (dialect === 'code' && key.separator === '=') {
      const range = inString(page, at, IN_STRING)
      const isApart = isQuote(before) || (range && isInBlock(text, key, range))
      if (range && isApart && isMadeUp(key, page.slice(range.start, range.end))) return range
    }
    if (separator === '=' && / |"|'|:|\\/.test(before) && isQuoted(text, key)) {
      const range = inString(page, at, IN_STRING)
      // A line of a file that a program writes, which may be a program itself.
      if (before === '\\') return range && page[range.end] !== '(' ? range : undefined
      // A line of a program within a notebook calls what stands there.
      if ((isOfCommand(key) || besideHost(text, key)) && page[range?.end ?? 0] !== '(') return range
    }
    return dialect === 'json' && /^[:=]$/.test(separator) ? toldInString(page, at) : undefined
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
    // What a test's log says of each case: `PASS: it works`.
    if (/^X?PASS$/.test(key.name) && separator === ':' && !isLineOfItsOwn(text, key, range)) return undefined
    // In prose a plain word after "password:" is the next word of the sentence; a name before a parenthesis is called.
    const word = page.slice(range.start, range.end)
    const marks = EMPHASIS.exec(word)?.[1]!.length
    if (marks !== undefined) return { ...range, start: range.start + marks, end: range.end - marks }
    return page[range.end] === '(' ||
      (/^[A-Za-z.'!?-]+$/.test(word) && separator !== '=' && !isLineOfItsOwn(text, key, range))
      ? undefined
      : { ...range, ...(isVariable(text, key) && { isInString: true, isSetting: true }) }
  }
  if (!range || dialect === 'shell' || dialect === 'docker' || dialect === 'netrc' || dialect === 'text')
    return range
  return trimmed(page, range, dialect, key.start - text.base)
}

/** What a message tells, as JSON of a chat or a tracker holds it, `"text": "the password: x"`. */
function toldInString(page: string, at: number): Range | undefined {
  const range = inString(page, at, TOLD)
  return range && isNoWord(page.slice(range.start, range.end)) ? range : undefined
}

function lineBefore({ page, base }: Text, key: Key): string {
  const keyAt = key.start - base
  return page.slice(Math.max(page.lastIndexOf('\n', keyAt - 1) + 1, keyAt - 256), keyAt)
}

/** A string of its own: `"DB_PASSWORD=x"`, `"--password=x"`, `"X-Api-Key: x"`, as lists of variables and headers have. */
function isAlone(text: Text, key: Key, before: string, separator: string): boolean {
  if (before !== '"' && before !== "'") return false
  if (separator === '=') return /^(?:[A-Z][A-Z\d_]+|--?[a-z][a-z\d-]+)$/.test(key.name)
  return separator === ':' && /^(?:x-|api-?key|private-token)/i.test(key.name) && text.dialect !== 'yaml'
}

/** `KEY=value` at the beginning of a line, wherever it stands, is a setting. */
function isVariable(text: Text, key: Key): boolean {
  // Looked at first: a line may be long.
  if (!/^(?:=|:[ \t]?)$/.test(key.separator) || !/^[A-Z][A-Z\d_]+$/.test(key.name)) return false
  const lineStart = text.page.lastIndexOf('\n', key.start - text.base - 1) + 1
  const lead = text.page.slice(lineStart, key.start - text.base)
  return /^[\s#]*(?:-\s|export\s+|set\s+)?$/i.test(lead)
}

/** `login=jo` and `secret=x`, each on a line of its own: a file of settings in a string of several lines. */
function isInBlock({ page, base }: Text, key: Key, { end }: Range): boolean {
  const lineStart = page.lastIndexOf('\n', key.start - base - 1) + 1
  if (!/^[ \t]*$/.test(page.slice(lineStart, key.start - base)) || !ENDS_LINE.test(page.slice(end, end + 8)))
    return false
  const above = page.slice(page.lastIndexOf('\n', lineStart - 2) + 1, lineStart)
  const below = page.slice(page.indexOf('\n', end) + 1, end + 160)
  return SETTING_LINE.test(above.slice(0, 160)) || SETTING_LINE.test(below)
}

const SETTING_LINE = /^[ \t]*[A-Za-z][\w.-]{0,60}=[^\s"'`();,{}]{1,80}[ \t]*(?:\r?\n|$)/

/** By a machine, or as a password is by a person: neither a word nor a name. */
function isMadeUp({ name }: Key, value: string): boolean {
  return keyNameOf(name)?.family === 'password' ? isNoWord(value) : isNoText(value, false)
}

/** What a line of a list or of a comment begins with, and words that stand out. */
const LEADS = /^[ \t]*(?:#|\/{2,3}|--|\*|;|REM\b)?[ \t]*(?:[-*+][ \t]+)?\*{0,2}$/
const BESIDE_IT =
  /(?:^|\n)[ \t]*(?:#|\/{2,3}|--|\*|;|REM\b)?[ \t]*(?:[-*+][ \t]+)?\*{0,2}(?:user ?(?:name)?|login|e-?mail|host(?:name)?)\*{0,2}[ \t]*:\*{0,2}[ \t]*\S+[ \t]*\r?(?:\n|$)/i

/** `password: x` with nothing else on its line but an aside, and a line like it above or below. */
function isLineOfItsOwn(text: Text, key: Key, range: Range): boolean {
  const { page } = text
  const lineStart = page.lastIndexOf('\n', key.start - text.base - 1) + 1
  if (!LEADS.test(page.slice(lineStart, key.start - text.base))) return false
  if (!/^[ \t]*(?:#.*|\([^()\n]*\))?[ \t]*(?:\r?\n|$)/.test(page.slice(range.end, range.end + 80)))
    return false
  return BESIDE_IT.test(page.slice(Math.max(0, lineStart - 160), range.end + 160))
}

/** `// API key: x`, which ends its line: what looks generated. And `// user: jo, password: x`: what is no word. */
function isToldInComment({ page }: Text, key: Key, { start, end }: Range): boolean {
  const value = page.slice(start, end)
  const after = page.slice(end, end + 8)
  const isEnded =
    keyNameOf(key.name)?.family === 'password'
      ? ENDS_WORD.test(after) && !/[*?:]|[&|]{2}/.test(value)
      : ENDS_LINE.test(after)
  return isEnded && isMadeUp(key, value)
}

const ENDS_LINE = /^[ \t]{0,4}(?:[\r\n]|$)/
const ENDS_WORD = /^(?:[ \t,;)\r\n]|$)/

/** Whether a line of a program begins as one of a comment does, or turns into one; or HTML's is open. */
function isInComment({ page, base, dialect }: Text, key: Key): boolean {
  const keyAt = key.start - base
  const lead = page.slice(Math.max(0, keyAt - 80), keyAt)
  return dialect === 'xml'
    ? lead.lastIndexOf('<!--') > lead.lastIndexOf('-->')
    : /(?:^|\n)[ \t]*(?:#|\/\/|--|\*)[^\n]*$|[ \t](?:#|\/\/|--)[ \t][^\n]*$/.test(lead)
}

export function matchBare(page: string, at: number, expression: RegExp): Range | undefined {
  expression.lastIndex = at
  const match = expression.exec(page)
  return match ? { start: at, end: at + match[0].length, encodings: [] } : undefined
}

function inString(page: string, at: number, expression: RegExp): Range | undefined {
  const range = matchBare(page, at, expression)
  // Java's format of a line ends so.
  const end = range && page.startsWith('%n', range.end - 2) ? range.end - 2 : range?.end
  return range && { ...range, end: end!, isInString: true }
}

/** Cuts a comment, spaces at the end, and what follows the value where the line opened a brace, `{ user: jo, password: x }`. */
export function trimmed(page: string, range: Range, dialect: Text['dialect'], keyAt: number): Range {
  let value = page.slice(range.start, range.end)
  value = value.replace(dialect === 'ini' ? /\s[#;].*$/ : /\s#.*$/, '')
  const lineStart = page.lastIndexOf('\n', keyAt) + 1
  const lead = page.slice(lineStart, range.start)
  if (dialect === 'yaml' ? /[{[]/.test(lead) : /[{[][^{}[\]]*$/.test(lead))
    value = value.replace(dialect === 'yaml' ? /[,}\]].*$/ : /,\s.*$|[}\]](?=\s|$).*$/, '')
  return { ...range, end: range.start + value.trimEnd().length }
}

/** Whether quotes are open where the key stands: outside of them a program has names and expressions. */
function isQuoted({ page, base, dialect }: Text, key: Key): boolean {
  if (dialect !== 'code') return true
  const keyAt = key.start - base
  let open = ''
  for (let at = Math.max(page.lastIndexOf('\n', keyAt - 1) + 1, keyAt - 512); at < keyAt; at++) {
    const character = page[at]!
    if (character === '\\') at++
    else if (open === character) open = ''
    else if (open === '' && isQuote(character)) open = character
  }
  return open !== ''
}

/** A variable set for a command, which stands in a string: `"cross-env DB_PASSWORD=x node a.js"`. */
function isOfCommand({ name, separator }: Key): boolean {
  return separator === '=' && /^[A-Z][A-Z\d_]+$/.test(name)
}

/** Whether the line also names a server or user, as connection strings do. */
function besideHost(text: Text, key: Key): boolean {
  const at = key.start - text.base
  const around = text.page.slice(Math.max(0, at - 200), at + 200)
  return /\b(?:server|host|hostname|data source|user[_ ]?(?:id|name)?|uid|dbname|database|addr|jdbc:\w+)\s?[=:]/i.test(
    around,
  )
}
