import { classOf } from '../byte-class.ts'
import type { Candidate, Span } from '../candidate.ts'
import { type Assigned, COMPARES } from './assignment.ts'
import { describedAt } from './described-value.ts'
import { isOfSettings } from '../dialect.ts'
import type { Match } from '../interpret.ts'
import { judgeNamed } from './judge-assignment.ts'
import type { Key } from './key.ts'
import { type KeyName, keyNameOf, ofList } from './key-name.ts'
import { opensList, readValues } from './list-values.ts'
import { lookAround, type Neighbours } from './neighbours.ts'
import { isGivenNothing } from './given-nothing.ts'
import type { Found } from './named-candidate.ts'
import { isShownToAll } from './shown-to-all.ts'
import { readCells } from './table.ts'
import type { Text } from '../text.ts'

/** What is given to a name that tells: a value, those of a list, or what stands below it in a table. */
export function readAssignment(found: Found, match: Match): Candidate | readonly Candidate[] | undefined {
  const { text } = found
  const separator = match.groups['separator']
  if (!separator || isOtherName(text, match.start, ...separator)) return undefined
  return isGivenNothing(text, match.start, ...separator)
    ? undefined
    : readGiven(found, match.start, separator)
}

/** The same of any name but another thing's; `separator` is from where to where. */
export function readGiven(
  found: Found,
  at: number,
  separator: readonly [number, number],
): Candidate | readonly Candidate[] | undefined {
  const { text } = found
  const start = text.bytes[at - 1] === BACKSLASH ? behindEscape(text, at, separator[0]) : at
  const name = text.latin1(start, separator[0])
  const named =
    keyNameOf(name.includes('.') ? name.replace(COMPARES, '') : name) ?? listNameOf(text, name, separator[1])
  if (!named) return undefined
  const valueAt = describedAt(text, separator[1])
  const key: Key = {
    start,
    end: separator[0],
    name,
    separator: text.latin1(separator[0], valueAt),
    valueAt,
  }
  const cells = readCells(found, key, named)
  if (cells) return cells
  const values = readValues(text, key)
  const isMap = text.bytes[key.valueAt] === BRACE && ofList(name) !== undefined
  // There is one mostly, or none.
  if (values.length < 2) return values[0] && candidateOf(found, key, named, values[0], isMap)
  return values.flatMap(
    (assigned, index) => candidateOf(found, key, named, assigned, isMap || index > 0) ?? [],
  )
}

/** What is less sure is one of several words that stand in a list for something else. */
const LEAST_OF_LIST = 0.5

function candidateOf(
  { text, rule, depth }: Found,
  key: Key,
  named: KeyName,
  assigned: Assigned,
  isFurther: boolean,
): Candidate | undefined {
  const { how, isLiteral } = assigned
  const isSent = named.family === 'token' || named.family === 'key'
  const value = isSent ? withoutBlanks(text, assigned.span) : assigned.span
  const isSetting = assigned.isSetting || isOfSettings(text.dialect)
  // What stands beside it is dear to find out, and most values are settled without.
  const isNear = named.family === 'password'
  let near: Neighbours | undefined
  const besideIt = () => (near ??= lookAround(text, key.name, key.start, value.encodings.includes('base64')))
  const judged = judgeNamed(named, Buffer.from(value.bytes).toString('latin1'), {
    path: text.path,
    isLiteral,
    isSetting,
    how,
    besides: () => besideIt().beside,
    isMinified: () => text.dialect === 'code' && isLongLine(text, key.start),
  })
  if (!judged || (isFurther && judged.confidence < LEAST_OF_LIST)) return undefined
  if (isShownToAll(text, key.start, named)) return undefined
  const { user, claims } = isNear && how === 'assigned' && !isFurther ? besideIt() : {}
  // What an anonymous user gives is the courtesy of an address.
  if (user && /^(?:anonymous|anonymous@.*)$/i.test(Buffer.from(user.bytes).toString('latin1')))
    return undefined
  return {
    rule,
    value,
    ...(user && { id: user }),
    ...(claims && { claims }),
    confidence: claims ? Math.round(Math.min(0.95, judged.confidence + 0.1) * 100) / 100 : judged.confidence,
    reasons: judged.reasons,
    depth,
    key,
  }
}

/** What a token is sent with has no blanks, which were copied along; those of what is signed with, and of a password, are a part of it. */
function withoutBlanks({ bytes: page }: Text, span: Span): Span {
  let { start, end, bytes } = span
  for (; IS_BLANK[bytes[0]!] && page[start] === bytes[0]; start++) bytes = bytes.subarray(1)
  for (; IS_BLANK[bytes.at(-1)!] && page[end - 1] === bytes.at(-1); end--) bytes = bytes.subarray(0, -1)
  return bytes === span.bytes ? span : { ...span, start, end, bytes }
}

const IS_BLANK = classOf(' \t')

/** `"user=jo\npassword=x"`: the letter of the escape is none of the name's. */
function behindEscape(text: Text, at: number, end: number): number {
  const letter = text.bytes[at]
  const isEscape = letter === LETTER_N || letter === LETTER_R || letter === LETTER_T
  return isEscape && text.bytes[at + 1] !== HYPHEN && keyNameOf(text.latin1(at + 1, end)) ? at + 1 : at
}

/** `tokens = [`; more often they are those of a parser. */
function listNameOf(text: Text, name: string, valueAt: number): KeyName | undefined {
  if (!opensList(text, valueAt)) return undefined
  const one = ofList(name)
  return one === undefined ? undefined : keyNameOf(one)
}

const [HYPHEN, COLON, SLASH, BRACE, BACKSLASH] = [0x2d, 0x3a, 0x2f, 0x7b, 0x5c]
const [LETTER_N, LETTER_R, LETTER_T] = [0x6e, 0x72, 0x74]
const BESIDE_USER =
  /(?:^|[\s(,;])(?:user(?: ?(?:name|id))?|login|id|account|e-?mail)[ \t]?[:=][ \t]?[^\s:/=]{1,48}[ \t]?\/$/i
const BLANK = classOf(' \t"\'')

/** A field of a line, `login:passwd:uid`; a file of which a line is printed, `/etc/passwd:x:0`; a type, `"AWS::IAM::AccessKey":`. */
function isOtherName(text: Text, start: number, separatorAt: number, valueAt: number): boolean {
  const { bytes } = text
  const before = bytes[start - 1]
  if (bytes[separatorAt] === COLON) {
    // But `/password:x` is an option of Windows, and `login:jo/password:x` a note.
    if (before === SLASH)
      return start > 1 && !BLANK[bytes[start - 2]!] && !BESIDE_USER.test(text.latin1(start - 80, start))
    if (valueAt === separatorAt + 1) return before === COLON
  }
  return (
    before === COLON && bytes[start - 2] === COLON && /["']/.test(String.fromCharCode(bytes[separatorAt]!))
  )
}

/** No line break within half a thousand bytes on either side. */
export function isLongLine({ bytes }: Text, at: number): boolean {
  const [before, after] = [at - 500, at + 500]
  return before >= 0 && after <= bytes.length && !bytes.subarray(before, after).includes(0x0a)
}
