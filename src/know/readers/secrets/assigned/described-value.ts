import type { Text } from '../text.ts'

const REACH = 2048
const [NEWLINE, RETURN, BRACE, COLON, SPACE, TAB] = [0x0a, 0x0d, 0x7b, 0x3a, 0x20, 0x09]

/** `{ "type": "string", "defaultValue": "x"`, also of a file that only gives values to such parameters. */
const IN_BRACES =
  /^\{\s{0,40}(?:[^{}]{0,300}?[\s,])?["']?(?:[dD]efault(?:Value)?|value)["']?[ \t]{0,4}:[ \t]{0,8}/
/** `Default: x` among the lines of YAML that say what a parameter is; any other word could be the next one's. */
const BELOW =
  /^\r?\n[ \t]{1,20}(?:["']?(?:[dD]escription|[tT]ype|[nN]oEcho|[hH]idden|[lL]abel|[rR]equired|[sS]ensitive|[fF]ormat|M(?:in|ax)Length|AllowedPattern|ConstraintDescription)["']?:[^\n]{0,200}\n[ \t]{1,20}){0,8}["']?(?:[dD]efault|defaultValue|[vV]alue)["']?:[ \t]{1,8}/

/** Where the value is that a parameter has of itself, where what is said of it begins at `at`; else `at`. */
export function describedAt(text: Text, at: number): number {
  const { bytes } = text
  const opens = bytes[at]
  if (opens !== BRACE && opens !== NEWLINE && opens !== RETURN) return at
  let before = at - 1
  while (bytes[before] === SPACE || bytes[before] === TAB) before--
  if (bytes[before] !== COLON) return at
  const found = (opens === BRACE ? IN_BRACES : BELOW).exec(text.latin1(at, at + REACH))
  return at + (found?.[0].length ?? 0)
}
