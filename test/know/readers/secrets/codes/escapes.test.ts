import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeAs } from '../../../../../src/core/contract/slot.ts'
import { type Escape, unescape } from '../../../../../src/know/readers/secrets/codes/escapes.ts'

/** Each kind of escape as one expression, tried everywhere. */
const FORMS: Record<Escape, RegExp> = {
  json: /\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\["'\\/bfnrt0`$]/g,
  url: /%[0-9A-Fa-f]{2}/g,
  xml: /&(?:#[xX][0-9A-Fa-f]{1,6}|#[0-9]{1,7}|amp|lt|gt|quot|apos);/g,
  qp: /=[0-9A-Fa-f]{2}|=[ \t]{0,8}\r?\n/g,
}

/** Byte by byte, with where each was written: undefined within what one escape stands for. */
function slowly(text: string, escape: Escape): { bytes: number[]; from: (number | undefined)[] } | undefined {
  const [bytes, from]: [number[], (number | undefined)[]] = [[], []]
  let last = 0
  let isAny = false
  const copy = (to: number) => {
    for (let at = last; at < to; at++) {
      bytes.push(text.charCodeAt(at))
      from.push(at)
    }
  }
  for (const match of text.matchAll(FORMS[escape])) {
    const decoded = decodeAs(Buffer.from(match[0], 'latin1'), escape)
    if (!decoded || decoded.length > match[0].length) continue
    isAny = true
    copy(match.index)
    decoded.forEach((byte, index) => {
      bytes.push(byte)
      from.push(index === 0 ? match.index : undefined)
    })
    last = match.index + match[0].length
  }
  copy(text.length)
  from.push(text.length)
  return isAny ? { bytes, from } : undefined
}

const PARTS = [
  'a',
  'Z9',
  'é',
  ' ',
  '\\',
  '%',
  '&',
  '=',
  '\n',
  '\r\n',
  ';',
  'u',
  'x',
  '0041',
  'D8',
  '3d',
  '\\n',
  '\\"',

  '\\$',
  '\\q',
  '\\u0041',
  '\\ud83d\\ude00',
  '\\uD83D',
  '\\u00e',
  '\\x41',
  '\\x4',
  '\\u20ac',
  '%41',
  '%zz',

  '%C3',
  '&amp;',
  '&#65;',
  '&#x20ac;',
  '&#0;',
  '&#9999999;',
  '&lt',
  '&apos;',
  '=3D',
  '=\n',
  '= \t\r\n',
  '=g1',
]

test.each(['json', 'url', 'xml', 'qp'] as const)('%s is undone as one expression would undo it', escape => {
  let undone = 0
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PARTS), { maxLength: 14 }), parts => {
      const text = parts.join('')
      const expected = slowly(text, escape)
      const found = unescape(Buffer.from(text, 'latin1'), escape)
      expect(found && [...found.bytes]).toEqual(expected?.bytes)
      if (!found || !expected) return
      undone++
      expect(expected.from.map((_, offset) => found.at(offset))).toEqual(expected.from)
    }),
    { seed: 3, numRuns: 1500 },
  )
  expect(undone).toBeGreaterThan(200)
})
