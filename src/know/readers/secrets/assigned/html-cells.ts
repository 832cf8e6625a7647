import type { Candidate } from '../candidate.ts'
import { isNoText, isNoWord } from './judge-assignment.ts'
import type { KeyName } from './key-name.ts'
import type { Key } from './key.ts'
import { type Found, namedCandidate } from './named-candidate.ts'
import { unescaped } from './quoted-value.ts'

/** How far below its header a table is read, and how far before a name its row may begin. */
const REACH = 16 * 1024
const BACK = 2048

/**
 * What closes a label, `Password:</b></td>`, and opens what stands behind it, `<td>`; nothing is opened where a row ends,
 * or where label and value are in one element.
 */
const CLOSES =
  /^[ \t]{0,4}:?[ \t]{0,4}(?:<\/(?:b|strong|em|i|u|span|label|font|code|p)>[\s:]{0,40}){0,3}(?:<\/(?:t[hd]|dt)>\s{0,60}(?:<(t[hd]|dd)(?:\s[^<>]{0,120})?>|<\/tr>))?/
/** One word, perhaps marked up or in quotes, and the end of an element. */
const VALUE =
  /^(?:\s{0,20}<(?:code|b|strong|em|i|u|span|pre|tt|kbd|samp|font|p)(?:\s[^<>]{0,120})?>){0,3}\s{0,20}((?:["']|&(?:quot|apos|#39|#x27);)?)([^\s<>"']{6,256}?)\1\s{0,20}<\//

/**
 * What a page shows beside a label or below a header: `<td>Password</td><td>x</td>`, `<dt>Password</dt><dd>x</dd>`,
 * `<b>Password:</b> x`. Undefined where no element ends behind the name.
 */
export function readHtmlCells(
  found: Found,
  key: Pick<Key, 'start' | 'end'>,
  name: KeyName,
): readonly Candidate[] | undefined {
  const { text } = found
  const after = text.latin1(key.end, key.end + 512)
  const closes = CLOSES.exec(after)![0]
  if (!closes.includes('</')) return undefined
  const isCell = /<\/(?:t[hd]|dt)>/.test(closes)
  if (!isCell && !closes.includes(':')) return []
  const beside = valueIn(found, after.slice(closes.length), key.end + closes.length, name)
  if (beside) return [beside]
  return isCell ? readColumn(found, key, name) : []
}

/** Cells below the one that the name fills, where its row is the first of a table. */
function readColumn(found: Found, key: Pick<Key, 'start' | 'end'>, name: KeyName): readonly Candidate[] {
  const { text } = found
  const above = text.latin1(key.start - BACK, key.start)
  const header = /<table[^<>]{0,200}>\s{0,80}(?:<t(?:head|body)[^<>]{0,80}>\s{0,80})?<tr[^]{0,1500}$/i.exec(
    above.slice(Math.max(0, above.lastIndexOf('<table'))),
  )?.[0]
  if (header === undefined || header.includes('</tr')) return []
  const column = header.match(/<t[hd][\s>]/gi)?.length ?? 0
  const ends = text.bytes.subarray(key.end, key.end + REACH).indexOf('table')
  const below = text.latin1(key.end, key.end + (ends < 0 ? REACH : ends))
  const candidates: Candidate[] = []
  let at = 0
  for (const tag of below.matchAll(/<(tr|t[dh])(?:\s[^<>]{0,200})?>/gi)) {
    at = tag[1]!.toLowerCase() === 'tr' ? 0 : at + 1
    if (at !== column || tag[1]!.length !== 2) continue
    const from = tag.index + tag[0].length
    const candidate = valueIn(found, below.slice(from, from + 512), key.end + from, name)
    if (candidate) candidates.push(candidate)
  }
  return candidates
}

/** The value at the beginning of a cell, if no text about the name would be so. */
function valueIn(found: Found, cell: string, start: number, name: KeyName): Candidate | undefined {
  const value = VALUE.exec(cell)
  const word = value?.[2]
  if (!value || word === undefined) return undefined
  const isPassword = name.family === 'password'
  if (!isNoText(word, isPassword) && !(isPassword && isNoWord(word))) return undefined
  const from = start + value[0].lastIndexOf(word)
  const range = { start: from, end: from + word.length }
  const span = { ...range, ...unescaped(found.text.bytes.subarray(range.start, range.end), ['xml']) }
  return namedCandidate(found, name, span, { how: 'assigned', isSetting: false })
}
