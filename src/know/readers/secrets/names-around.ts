import type { Key } from './assigned/key.ts'
import type { Text } from './text.ts'

/** What stands around a key and may say whose it is. */
export interface NameAround {
  readonly text: string
  /** A name, as that of the block which the key is in; words of a line, of which one may be such a name; or a host, as in a URL. */
  readonly is: 'name' | 'words' | 'host'
}

/** How far back it is looked for, in bytes. */
const REACH = 1536
const LINE = 120
const MOST_LINES = 48
const SAID_WITHIN = 400
const HOST_WITHIN = 400
/** On so many lines before and behind it: Go's `NewRequest`, what is done about its error, and the header. */
const LINES_TO_HOST = 4
/** How many of the blocks, elements or parents that it is in are asked. */
const MOST_AROUND = 6

/** Where its value is taken from if it is set: `process.env.HEROKU_API_KEY || 'x'`. */
const VARIABLE = /\b[A-Z][A-Z\d]{0,30}_[A-Z\d_]{2,60}/

/** Up to the end of a statement, an object or an element. */
const CLOSED = /^[^]*(?:[;}]|<\/[^<>]*>)/

const OF_SECTIONS: ReadonlySet<Text['dialect']> = new Set(['ini', 'toml', 'text'])

/** Nearest first: its own name, what stands on its line, the blocks that it is in, URLs near it, a comment above it, its file. */
export function* namesAround(
  text: Text,
  key: Pick<Key, 'start' | 'end' | 'name'>,
  value: { readonly start: number; readonly end: number },
): Generator<NameAround> {
  yield { text: key.name, is: 'name' }
  const before = text.latin1(key.start - REACH, key.start)
  const between = text.latin1(key.end, value.start)
  const variable = between.length <= LINE ? VARIABLE.exec(between)?.[0] : undefined
  if (variable) yield { text: variable, is: 'name' }
  else if (between.length <= LINE && /[A-Za-z]/.test(between)) yield { text: between, is: 'words' }
  const lineAt = before.lastIndexOf('\n') + 1
  const blocks = text.dialect === 'yaml' ? [] : [...bracesAround(before)]
  // What is closed before the key is another thing's.
  const own = before.slice(Math.max(lineAt, before.length - LINE, blocks[0]?.to ?? 0))
  yield { text: own.replace(CLOSED, ''), is: 'words' }
  if (blocks[0]) yield* saidIn(before.slice(Math.max(blocks[0].to, before.length - SAID_WITHIN)))
  for (const { name } of blocks) yield { text: name, is: 'name' }
  if (text.dialect === 'yaml') yield* indentedAround(before)
  if (text.dialect === 'xml') {
    yield* saidBeside(before)
    yield* elementsAround(before)
  }
  const section = OF_SECTIONS.has(text.dialect) ? sectionAbove(before) : undefined
  if (section) yield { text: section, is: 'name' }
  const host = nearestHost(before.slice(-HOST_WITHIN), text.latin1(value.end, value.end + HOST_WITHIN))
  if (host) yield { text: host, is: 'host' }
  const comment = commentAbove(before.slice(0, lineAt))
  // More words speak of something.
  const words = comment?.match(/[A-Za-z]+/g)?.length ?? 0
  if (comment && words <= 5) yield { text: comment, is: words <= 2 ? 'name' : 'words' }
  yield { text: text.path.slice(text.path.lastIndexOf('/') + 1), is: 'name' }
}

/** The section of settings that the key is in: `[heroku]`, `[profile "heroku"]`. */
function sectionAbove(before: string): string | undefined {
  for (const line of before.split('\n').slice(0, -1).reverse()) {
    const section = /^[ \t]{0,8}\[{1,2}([^[\]]{2,60})\]{1,2}[ \t]{0,8}\r?$/.exec(line)?.[1]
    if (section) return section
  }
  return undefined
}

/** What opens before the key and is not closed there, with what it is called: `"heroku": {`, `variable "heroku_key" {`, `new Heroku({`. */
function* bracesAround(before: string): Generator<{ name: string; to: number }> {
  // To look for any is quicker than to go through all.
  if (!/[{([]/.test(before)) return
  let closed = 0
  let around = 0
  for (let at = before.length - 1; at >= 0 && around < MOST_AROUND; at--) {
    const sign = before[at]!
    if (sign === '}' || sign === ')' || sign === ']') closed++
    else if ((sign === '{' || sign === '(' || sign === '[') && closed-- === 0) {
      closed = 0
      around++
      const name = before.slice(Math.max(0, at - LINE), at)
      const from =
        1 + Math.max(...['\n', '{', '}', ';', ',', '['].map(end => name.trimEnd().lastIndexOf(end)))
      yield { name: name.slice(from), to: at + 1 }
    }
  }
}

/** What is beside the key and says of whom it is: `"provider": "sendgrid"`. */
function* saidIn(block: string): Generator<NameAround> {
  const said =
    /(?:^|[^A-Za-z])(?:name|service|provider|vendor|type|platform|system|integration)["']?[ \t]{0,4}(?::|=>?)[ \t]{0,4}["']?([A-Za-z][\w .-]{1,40})/i
  const name = said.exec(block)?.[1]
  if (name) yield { text: name, is: 'name' }
}

/** The lines above that are indented less and less: what YAML calls the parents. */
function* indentedAround(before: string): Generator<NameAround> {
  const lines = before.split('\n')
  let indent = indentOf(lines.pop()!)
  let around = 0
  for (const line of lines.slice(-MOST_LINES).reverse()) {
    if (indent === 0 || around === MOST_AROUND) return
    if (/^\s*(?:#|$)/.test(line) || indentOf(line) > indent) continue
    if (indentOf(line) === indent) {
      yield* saidIn(line)
      continue
    }
    indent = indentOf(line)
    around++
    yield { text: line.slice(0, LINE), is: 'name' }
  }
}

/** A list's items may stand as far to the left as the name of the list. */
function indentOf(line: string): number {
  return /^ *(?:- +)*/.exec(line)![0].length
}

function* elementsAround(before: string): Generator<NameAround> {
  const open: string[] = []
  for (const [, close, name, empty] of before.matchAll(/<(\/?)([A-Za-z][\w:.-]{0,60})[^<>]{0,300}?(\/?)>/g)) {
    if (close) {
      const opened = open.lastIndexOf(name!)
      if (opened >= 0) open.length = opened
    } else if (!empty) open.push(name!)
  }
  for (const name of open.slice(-MOST_AROUND).reverse()) yield { text: name, is: 'name' }
}

/** What elements beside it say of whom it is, in one that both are in: `<id>sendgrid</id>`. */
function* saidBeside(before: string): Generator<NameAround> {
  const near = before.slice(-SAID_WITHIN)
  const said =
    /<(id|name|description|service|provider)>[ \t]{0,8}\{?([A-Za-z][\w .-]{1,40})\}?[ \t]{0,8}<\/\1>/g
  for (const { 0: whole, 2: name, index } of [...near.matchAll(said)].reverse()) {
    if (isClosedWithin(near.slice(index + whole.length))) return
    yield { text: name!, is: 'name' }
  }
}

/** Whether an element ends there that began before. */
function isClosedWithin(text: string): boolean {
  let open = 0
  for (const [, close, empty] of text.matchAll(/<(\/?)[A-Za-z][^<>]{0,300}?(\/?)>/g)) {
    if (close) open--
    else if (!empty) open++
    if (open < 0) return true
  }
  return false
}

/** That of the fewest lines away, where there is one: a request names its own, and whose key goes to another one is another's. */
function nearestHost(before: string, after: string): string | undefined {
  const above = before
    .split('\n')
    .slice(-LINES_TO_HOST - 1)
    .reverse()
  const below = after.split('\n', LINES_TO_HOST + 1)
  for (let lines = 0; lines <= LINES_TO_HOST; lines++) {
    // On its own line the last one before it is the nearer one mostly.
    const host = hostsIn(above[lines] ?? '').at(-1) ?? hostsIn(below[lines] ?? '')[0]
    if (host) return host
  }
  return undefined
}

function hostsIn(line: string): string[] {
  return [...line.matchAll(/https?:\/\/([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4})(?![\w.-])/gi)].map(
    ([, host]) => host!.toLowerCase(),
  )
}

/** The comment that heads the lines which the key is among. */
function commentAbove(lines: string): string | undefined {
  for (const line of lines.split('\n').slice(0, -1).reverse().slice(0, 8)) {
    const comment = /^\s*(?:#+|\/\/+|\/?\*+|;+|--|<!--)\s?(.{3,100})/.exec(line)?.[1]
    if (comment) return comment
    if (/^\s*$/.test(line)) return undefined
  }
  return undefined
}
