import { COMPARES } from './assignment.ts'
import { classOf } from '../byte-class.ts'
import type { Text } from '../text.ts'

const [NEWLINE, RETURN, SPACE, HASH, DOLLAR, PARENTHESIS] = [0x0a, 0x0d, 0x20, 0x23, 0x24, 0x28]
const [HYPHEN, DOT, COLON, EQUALS, BRACKET_END] = [0x2d, 0x2e, 0x3a, 0x3d, 0x5d]
const [BRACE, PIPE, BRACE_END, QUESTION, EXCLAMATION] = [0x7b, 0x7c, 0x7d, 0x3f, 0x21]

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const IN_NAME = classOf(`${LETTERS}0123456789_`)
const IN_REFERENCE = classOf(`${LETTERS}0123456789_.:-`)
const OPENS_REFERENCE = classOf('}?+')
const IN_TOKEN = classOf(`${LETTERS}0123456789_-`)
const IN_WORD = classOf(`${LETTERS}0123456789_$.:`)
const BLANK = classOf(' \t')
const QUOTES = classOf('"\'`')
const ENDS_VALUE = classOf('"\'`();,{}[]')
/** What may open a value: `"x"`, `\\"x\\"` within a string, `{ "jo": "x" }`. */
const OPENS = classOf('"\'`\\{')

/**
 * Whether a name is given nothing that could be a secret, as most are: told on the bytes, before a string is made of any.
 * What else is no value is found out where it is read. The name goes from `start` to `separatorAt`, what it is given
 * begins at `valueAt`.
 */
export function isGivenNothing(text: Text, start: number, separatorAt: number, valueAt: number): boolean {
  const { bytes } = text
  let sign = SPACE
  for (let at = separatorAt; at < valueAt; at++) {
    const byte = bytes[at]!
    if (BLANK[byte]) continue
    if (byte === COLON || byte === EQUALS) sign = byte
    else if (byte === PARENTHESIS || byte === NEWLINE) {
      if (sign !== SPACE) return false
      sign = byte
    } else if (byte === RETURN || (!QUOTES[byte] && byte !== BRACKET_END)) return false
    else if (sign === SPACE) sign = byte
  }
  switch (sign) {
    case COLON:
    case EQUALS:
      return isReplaced(bytes, valueAt) || isExpression(text, start, separatorAt, valueAt)
    case PARENTHESIS:
      return isCalled(text, start, separatorAt, valueAt)
    case NEWLINE:
      return endsLine(text, start)
    case SPACE:
      return goesOn(text, start, valueAt)
    default:
      return false
  }
}

/** So many in a row are in no value that is meant. */
const MANY = 8
const LONGEST_TOKEN = 64

/** `${TOKEN}`, `"$TOKEN"`, `${{ secrets.TOKEN }}`, `key-xxxxxxxx`: what is to be put there is not there. */
function isReplaced(bytes: Buffer, valueAt: number): boolean {
  const quote = QUOTES[bytes[valueAt]!] ? bytes[valueAt] : undefined
  const from = quote === undefined ? valueAt : valueAt + 1
  let at = from
  if (bytes[at] === DOLLAR) {
    if (bytes[at + 1] === BRACE) {
      for (at += 2; IN_NAME[bytes[at]!] || bytes[at] === DOT; ) at++
      // `${OTHER:-x}`: what is taken where the other has nothing.
      if (bytes[at] === COLON && !OPENS_REFERENCE[bytes[at + 1]!]) return false
      while (IN_REFERENCE[bytes[at]!]) at++
      return bytes[at] !== BRACKET_END
    }
    for (at += 1; IN_NAME[bytes[at]!]; ) at++
    if (at < from + 2 || bytes[from + 1]! < 0x41) return false
    if (quote !== undefined) return bytes[at] === quote
    return at >= bytes.length || bytes[at] === NEWLINE || bytes[at] === RETURN
  }
  let run = 0
  for (const end = from + LONGEST_TOKEN; at < end && IN_TOKEN[bytes[at]!]; at++) {
    run = (bytes[at]! | 0x20) === 0x78 ? run + 1 : 0
    if (run === MANY) return true
  }
  return false
}

/** `token(1)`, but not `token("x")`, `token.equals(new String("x"))`. */
function isCalled(text: Text, start: number, separatorAt: number, valueAt: number): boolean {
  if (OPENS[text.bytes[valueAt]!] || text.latin1(valueAt, valueAt + 6) === 'Some("') return false
  return !COMPARES.test(text.latin1(start, separatorAt))
}

/** At the end of a line a value may stand before its name, in a line of its own or an element, and values below the name of a column. */
function endsLine(text: Text, start: number): boolean {
  const { bytes } = text
  if (mayBeColumn(text, start)) return false
  let at = start - 1
  if (!QUOTES[bytes[at]!] && bytes[at] !== SPACE) return true
  if (bytes[at] !== SPACE) at--
  for (const floor = at - 4; at > floor && BLANK[bytes[at]!]; ) at--
  return bytes[at] !== COLON && bytes[at] !== EQUALS
}

/** Of CSV any name may head one, and of a table in Markdown one with a sign before it. */
function mayBeColumn({ bytes, dialect, path }: Text, start: number): boolean {
  if (dialect !== 'text') return false
  if (path.endsWith('sv') || path.endsWith('SV')) return true
  for (let at = start - 1; at >= 0 && bytes[at] !== NEWLINE; at--) if (bytes[at] === PIPE) return true
  return false
}

/** `secrets.TOKEN }}`; and `next.token of`, which is not a line's first word, nor that of a command or an option. */
function goesOn(text: Text, start: number, valueAt: number): boolean {
  const { bytes, dialect } = text
  const next = bytes[valueAt]!
  if (next === BRACE_END && bytes[valueAt + 1] === BRACE_END) return (bytes[valueAt + 2] ?? NEWLINE) <= SPACE
  if (dialect !== 'code' && (dialect !== 'text' || next === PIPE || next <= SPACE)) return false
  if (OPENS[next] || bytes[start] === HYPHEN) return false
  return (bytes[start - 1] ?? NEWLINE) > SPACE
}

/** What stands before a key within a string, as `bareRange` reads it; and the sign of an escape, `"user=jo\npassword=x"`. */
const IN_STRING = classOf('-;&?"\'\\')
/** How far back it looks. */
const LEAD = 512

/** `secret=x` and nothing else on its line: perhaps one of a file of settings, which a string holds. */
function isWholeLine(bytes: Buffer, start: number, at: number): boolean {
  for (const end = at + LONGEST_TOKEN; at < end && bytes[at]! > SPACE && !ENDS_VALUE[bytes[at]!]; ) at++
  if (bytes[at] !== NEWLINE && bytes[at] !== RETURN) return false
  let before = start - 1
  while (BLANK[bytes[before]!]) before--
  return before < 0 || bytes[before] === NEWLINE
}

/** `isTest ? "x" : "y"`, `stage === 'test' ? "x" : "y"`: a literal may be chosen. */
function isCondition(bytes: Buffer, at: number): boolean {
  if (bytes[at] !== EQUALS && bytes[at] !== EXCLAMATION) return bytes[at] === QUESTION
  for (const end = Math.min(at + 80, bytes.length); at < end && bytes[at] !== NEWLINE; at++)
    if (bytes[at] === QUESTION && bytes[at - 1] === SPACE) return true
  return false
}

/** `token = next()`, as most of what a program gives to such a name. */
function isExpression(
  { bytes, dialect }: Text,
  start: number,
  separatorAt: number,
  valueAt: number,
): boolean {
  if (dialect !== 'code') return false
  let signs = 0
  for (let at = separatorAt; at < valueAt; at++) {
    if (BLANK[bytes[at]!]) continue
    if (bytes[at] !== EQUALS || ++signs > 1) return false
  }
  let at = valueAt
  while (at < bytes.length && IN_WORD[bytes[at]!]) at++
  // Nothing; `new String("x")`; `b"x"`; `r#"x"#`; `q(x)`; `String("x")`.
  if (signs === 0 || at === valueAt || (at === valueAt + 3 && BLANK[bytes[at]!]) || QUOTES[bytes[at]!])
    return false
  if ((bytes[at] === HASH && QUOTES[bytes[at + 1]!]) || (at <= valueAt + 2 && bytes[at - 1] === 0x71))
    return false
  if (bytes[at] === PARENTHESIS && !IN_WORD[bytes[at + 1]!] && bytes[at + 1] !== 0x29) return false
  if (bytes[at] === SPACE && isCondition(bytes, at + 1)) return false
  const before = bytes[start - 1] ?? NEWLINE
  if (IN_STRING[before]) return false
  // In a string, or an option of a command.
  const mayBeQuoted = before === SPACE || before === COLON
  const mayBeOption = valueAt - separatorAt === 1
  if (!mayBeQuoted && !mayBeOption) return true
  if (mayBeOption && signs === 1 && isWholeLine(bytes, start, at)) return false
  for (let back = start - 1; back >= Math.max(0, start - LEAD) && bytes[back] !== NEWLINE; back--) {
    if (mayBeQuoted && QUOTES[bytes[back]!]) return false
    if (mayBeOption && bytes[back] === HYPHEN && bytes[back - 1] === HYPHEN) return false
  }
  return true
}
