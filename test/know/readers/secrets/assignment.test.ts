import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isExpression, readAssigned } from '../../../../src/know/readers/secrets/assignment.ts'
import { SEPARATOR } from '../../../../src/know/readers/secrets/separator.ts'
import { Text } from '../../../../src/know/readers/secrets/text.ts'

/** What decides, and what would be a value. */
const PIECES =
  'const |--set |--|a.|,|;|&|?|:| |\t|"|\'|`|(|{|\n|host=db |Server=db;|new |str(|String::from(|b|u8|@|\\|$|[]byte(|next()|' +
  '=|k81hx02mzq|.x|)|\xa0|>|helm --set |x=1 '
const piece = fc.constantFrom(...PIECES.split('|'))
const pieces = (most: number) => fc.array(piece, { maxLength: most }).map(parts => parts.join(''))
const blanks = fc.constantFrom('', ' ', '\t', '  ', ' '.repeat(17), ' '.repeat(65))

/** The expression whose separator is read at the name's end. */
const separated = new RegExp(`token${SEPARATOR}`, 'dy')

test('what is told to be an expression has no value that would be read', () => {
  let expressions = 0
  fc.assert(
    fc.property(
      pieces(6),
      blanks,
      fc.constantFrom('=', '==', '=>', ':=', ''),
      blanks,
      pieces(6),
      (...parts) => {
        const [lead, before, sign, after, rest] = parts
        const written = `${lead}token${before}${sign}${after}${rest}`
        separated.lastIndex = lead.length
        const groups = separated.exec(written)?.indices?.groups
        const [separatorAt, valueAt] = groups?.['separator'] ?? []
        const bytes = Buffer.from(written, 'latin1')
        if (separatorAt === undefined || valueAt === undefined) return
        const start = lead.length - /[\w.-]*$/.exec(lead)![0].length
        const text = new Text(bytes, 'a.js', 'code', true)
        if (!isExpression(text, start, separatorAt, valueAt)) return
        expressions++
        const key = {
          start,
          end: separatorAt,
          name: written.slice(start, separatorAt),
          separator: written.slice(separatorAt, valueAt),
          valueAt,
        }
        expect(readAssigned(text, key)).toBeUndefined()
      },
    ),
    { seed: 5, numRuns: 60_000 },
  )
  expect(expressions).toBeGreaterThan(1000)
})
