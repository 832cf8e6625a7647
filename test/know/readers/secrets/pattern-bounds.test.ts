import fc from 'fast-check'
import { expect, test } from 'vitest'
import { longestMatch } from '../../../../src/know/readers/secrets/pattern-bounds.ts'

test.each([
  ['abc', 3],
  ['a|bcd|ef', 3],
  ['[^\\]]{2,5}x?', 6],
  ['(?:ab){3}(?<value>\\x41\\.[a-z]{0,10}?)$', 18],
  ['[[\\]{}]{4}', 4],
])('%s matches at most %i characters', (pattern, length) => {
  expect(longestMatch(pattern)).toBe(length)
})

test.each(['a*', 'a+', 'a{2,}', '(?=a)b', '(?<!a)b', '(a)\\1', '(?:a{1,2}b){2}', '(a', 'a)', '[a', '\\b'])(
  '%s is refused',
  pattern => {
    expect(() => longestMatch(pattern)).toThrow(Error)
  },
)

test('no match of a bounded pattern is longer than its bound', () => {
  const piece = fc.oneof(
    fc.constantFrom('a', 'b', '[ab]', '.', '\\.', '(?:a|bb)', '(?<value>ab?)'),
    fc
      .tuple(fc.constantFrom('a', '[ab]', '.'), fc.nat(3), fc.nat(4))
      .map(([atom, least, more]) => `${atom}{${least},${least + more}}`),
  )
  const pattern = fc.uniqueArray(piece, {
    minLength: 1,
    maxLength: 5,
    selector: part => (part.includes('value') ? 'v' : part),
  })
  fc.assert(
    fc.property(
      pattern,
      fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 60 }),
      (parts, subject) => {
        const source = parts.join('')
        for (const match of subject.matchAll(new RegExp(source, 'g'))) {
          expect(match[0].length).toBeLessThanOrEqual(longestMatch(source))
        }
      },
    ),
    { seed: 7, numRuns: 500 },
  )
})
