import type { Key } from './key.ts'
import { LONGEST_VALUE, quotedEncoding, type Range } from './quoted-value.ts'
import type { Text } from '../text.ts'

/** How far before its name a value may stand. */
const REACH = 320

/**
 * The value of an entry whose name comes second: `value: x` before `name: DB_PASSWORD`, `value="x" key="password"`,
 * `{"value": "x", "name": "password"}`.
 */
export function valueBefore(text: Text, key: Key, before: string): Range | undefined {
  if (before !== '"' && before !== "'" && before !== ' ') return undefined
  const { page, dialect } = text
  const keyAt = key.start - text.base
  const lead = page.slice(Math.max(0, keyAt - REACH), keyAt)
  // Most stand behind another word, which is told sooner than by all of it.
  if (!/[:=][ \t]{0,4}["']?$/.test(lead.slice(-6))) return undefined
  const found =
    /["']?\bvalue["']?[ \t]{0,4}[:=][ \t]{0,4}(?:"([^"\n]{1,256})"|'([^'\n]{1,256})'|([^\s"',{}[\]]{1,256}))(?:,\s{0,60}|\s{1,60})["']?(?:name|key)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?$/i.exec(
      lead,
    )
  if (!found) return undefined
  const value = found[1] ?? found[2] ?? found[3]!
  const start = keyAt - lead.length + found.index + found[0].indexOf(value, found[0].search(/[:=]/))
  const encoding = found[3] === undefined ? quotedEncoding(dialect, found[2] !== undefined) : undefined
  return { start, end: start + value.length, encodings: encoding ? [encoding] : [], isInString: true }
}

/** What stands in the element that was just opened, up to any end tag. */
export function followingElement(page: string, at: number): Range | undefined {
  const close = page.indexOf('<', at)
  if (close < 0 || close - at > LONGEST_VALUE || !page.startsWith('</', close)) return undefined
  const value = page.slice(at, close)
  const lead = value.length - value.trimStart().length
  return { start: at + lead, end: at + value.trimEnd().length, encodings: ['xml'], isInString: true }
}
