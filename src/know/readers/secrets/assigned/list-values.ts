import { type Assigned, readAssigned } from './assignment.ts'
import type { Key } from './key.ts'
import { keyNameOf, ofList } from './key-name.ts'
import { isQuote } from './quoted-value.ts'
import type { Text } from '../text.ts'

/** How far behind its key a list is read. */
const REACH = 16 * 1024
/** A longer list is a dictionary, of which none is anybody's. */
const MOST_ITEMS = 100
/** What nobody may take for a password: `COMMON_PASSWORDS`. */
const OF_NOBODY =
  /(?:common|weak|bad|forbidden|banned|black|worst|popular|reserved|denied|guess|leaked)[a-z_]{0,16}pass/i

const [NEWLINE, RETURN, BRACKET, PARENTHESIS, BRACE] = [0x0a, 0x0d, 0x5b, 0x28, 0x7b]

const NONE: readonly Assigned[] = []

/** All values that a key is given: one, or those of a list, in brackets or on YAML's lines, or of a map of users. */
export function readValues(text: Text, key: Key): readonly Assigned[] {
  const begins = text.bytes[key.valueAt]
  const ofUsers = begins === BRACE ? allInBraces(text, key) : NONE
  if (ofUsers.length > 0) return ofUsers
  const lines = begins === NEWLINE || begins === RETURN ? linesBelow(text, key) : undefined
  if (lines) return lines.flatMap(valueAt => readAssigned(text, { ...key, valueAt }) ?? [])
  const first = readAssigned(text, key)
  if (!first) return NONE
  // What is in brackets under the name of one is one, over several lines, or something else.
  const isList = (begins === BRACKET || begins === PARENTHESIS) && ofList(key.name) !== undefined
  return isList && first.span.start > key.valueAt ? allInBrackets(text, key, first) : [first]
}

/** Whether the values of a list begin here, whose name is that of several. */
export function opensList(text: Text, at: number): boolean {
  const byte = text.bytes[at]
  if (byte === BRACKET || byte === PARENTHESIS) return true
  if (byte === BRACE) return text.dialect !== 'yaml'
  return (
    (byte === NEWLINE || byte === RETURN) && text.dialect === 'yaml' && BEGINS.test(text.latin1(at, at + 80))
  )
}

/** The first of those on YAML's lines. */
const BEGINS = /^[\r\n]+([ \t]{0,64})-[ \t]/
const NEXT = /^["'`]\s{0,80},\s{0,80}(?:(?:#|\/\/)[^\n]{0,80}\n\s{0,80})?(?=["'`])/
/** Another list or a mapping is no value. */
const NEXT_IN_YAML = /^["']?[ \t]{0,80},\s{0,80}(?=["']|[^\s,[\]{}]{1,128}[ \t]{0,80}[\r\n,\]])/
/** `{ "jo": "x"`, and what follows it. */
const NEXT_OF_USER = /^[{"'`,]{1,2}\s{0,80}(["'`]?)([\w.@ -]{1,64})\1\s{0,8}(?:=>|:)\s{0,8}(?=["'`])/

/** Of `PASSWORDS = {"jo": "x", "mia": "y"}`; what other words give so are the parts of one. */
function allInBraces(text: Text, key: Key): readonly Assigned[] {
  const items: Assigned[] = []
  const one = ofList(key.name)
  if (one === undefined || keyNameOf(one)?.family !== 'password') return NONE
  for (let at = key.valueAt; items.length <= MOST_ITEMS && at - key.valueAt < REACH; ) {
    const next = NEXT_OF_USER.exec(text.latin1(at, at + 256))
    if (!next || keyNameOf(next[2]!)) break
    const item = readAssigned(text, { ...key, valueAt: at + next[0].length })
    if (!item) break
    items.push(item)
    at = item.span.end
  }
  return someoneS(key, items)
}

function allInBrackets(text: Text, key: Key, first: Assigned): readonly Assigned[] {
  const items = [first]
  // Of a map, `['root' => "x"]`, the first is a key.
  if (/^["'`]\s{0,20}(?:=>|:)/.test(text.latin1(first.span.end, first.span.end + 24))) return []
  for (let last = first; items.length <= MOST_ITEMS && last.span.end - key.valueAt < REACH; ) {
    const next = (text.dialect === 'yaml' ? NEXT_IN_YAML : NEXT).exec(
      text.latin1(last.span.end, last.span.end + 256),
    )
    const item = next && readAssigned(text, { ...key, valueAt: last.span.end + next[0].length })
    if (!item || item.span.start < last.span.end) break
    items.push((last = item))
  }
  return someoneS(key, items)
}

/** Where the items begin that stand on lines of their own, each behind a dash; undefined where there are none. */
function linesBelow(text: Text, key: Key): readonly number[] | undefined {
  // What is listed under the name of one, `password:`, is said of it.
  if (
    text.dialect !== 'yaml' ||
    !ofList(key.name) ||
    !key.separator.startsWith(':', key.separator.search(/\S/))
  )
    return undefined
  const below = text.latin1(key.valueAt, key.valueAt + REACH)
  const indent = BEGINS.exec(below)?.[1]
  if (indent === undefined) return undefined
  const items: number[] = []
  for (const { 0: line, index } of below.matchAll(/[^\r\n]+/g)) {
    if (/^[ \t]*#/.test(line)) continue
    if (!line.startsWith(`${indent}- `)) break
    const at = indent.length + 1 + line.slice(indent.length + 1).search(/\S|$/)
    // A mapping is no value.
    if (!isQuote(line[at]) && /:(?:[ \t]|$)/.test(line.slice(at))) return undefined
    if (items.push(key.valueAt + index + at) > MOST_ITEMS) break
  }
  return someoneS(key, items)
}

function someoneS<Item>({ name }: Key, items: readonly Item[]): readonly Item[] {
  return items.length > MOST_ITEMS || OF_NOBODY.test(name) ? [] : items
}
