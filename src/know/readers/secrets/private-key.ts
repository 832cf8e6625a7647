import { decodeAs } from '../../../core/contract/slot.ts'
import type { Text } from './text.ts'

/**
 * A key in a YAML block scalar has every line indented alike, which is no part of the key; and one that a string holds,
 * or several that are joined, has escapes where its lines end. Undefined for one that JSON has line by line in a list: the
 * reader of notebooks, which are written so, gives its lines as they are shown.
 */
export function writtenAs(text: Text, [start, end]: [number, number]): string[] | undefined {
  // Most values are tokens, of which no string is needed.
  if (text.bytes[start] !== HYPHEN && !text.bytes.subarray(start, end).includes(NEWLINE)) return []
  const content = text.latin1(start, end)
  if (content.startsWith('-----BEGIN ') && OF_PROGRAM.test(content)) {
    const plain = Buffer.from(decodeAs(Buffer.from(content, 'latin1'), 'joined')!).toString('latin1')
    if (!/\\[nr]/.test(plain) || /[\n"']/.test(plain)) return text.dialect === 'json' ? undefined : ['source']
    return plain === content ? ['json'] : ['joined', 'json']
  }
  const indent = /\n( +)\S/.exec(content)?.[1]
  if (
    !indent ||
    content
      .split('\n')
      .slice(1)
      .some(line => !line.startsWith(indent))
  )
    return []
  return [`indent:${indent.length}`]
}

const [HYPHEN, NEWLINE] = [0x2d, 0x0a]
/** A quote or a backslash, in a line that is no header of the key's. */
const OF_PROGRAM = /^(?![ \t]{0,80}[\w-]{1,40}: ).*["'\\]/m
