import fc from 'fast-check'
import { expect, test } from 'vitest'
import { beginningOf, longestMatch } from '../../../../../src/know/readers/secrets/rules/pattern-bounds.ts'

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

/** Patterns, and texts of the few characters that they know. */
const pieces = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom('a', 'b', '[ab]', '.', '\\.', '(?:a|bb)', '(?<value>ab?)', '[^a]', 'b?', '(?:a|)'),
    fc
      .tuple(fc.constantFrom('a', '[ab]', '.'), fc.nat(3), fc.nat(4))
      .map(([atom, least, more]) => `${atom}{${least},${least + more}}`),
  ),
  { minLength: 1, maxLength: 5, selector: part => (part.includes('value') ? 'v' : part) },
)
const subjects = fc.string({ unit: fc.constantFrom('a', 'b', '.', 'A', '\n'), maxLength: 60 })

test('no match of a bounded pattern is longer than its bound', () => {
  fc.assert(
    fc.property(pieces, subjects, (parts, subject) => {
      const source = parts.join('')
      for (const match of subject.matchAll(new RegExp(source, 'g'))) {
        expect(match[0].length).toBeLessThanOrEqual(longestMatch(source))
      }
    }),
    { seed: 7, numRuns: 500 },
  )
})

test('every match begins as its pattern is said to begin', () => {
  let told = 0
  let runs = 0
  fc.assert(
    fc.property(pieces, subjects, fc.boolean(), (parts, subject, ignoreCase) => {
      const source = parts.join('')
      const { positions, length, run } = beginningOf(source, ignoreCase)
      told += length
      const expression = new RegExp(source, ignoreCase ? 'iy' : 'y')
      for (let at = 0; at < subject.length; at++) {
        expression.lastIndex = at
        const match = expression.exec(subject)
        if (!match) continue
        expect(match[0].length).toBeGreaterThanOrEqual(length)
        for (let i = 0; i < length; i++)
          expect((positions[subject.charCodeAt(at + i)]! >>> i) & 1, `${source} on ${subject}`).toBe(1)
        if (!run) continue
        runs++
        const from = at + run.at
        let to = from
        while (to < from + run.most && run.of[subject.charCodeAt(to)] === 1) to++
        expect(run.behind[subject.charCodeAt(to)], `${source} on ${subject}`).toBe(1)
      }
    }),
    { seed: 8, numRuns: 2000 },
  )
  expect(told).toBeGreaterThan(500)
  expect(runs).toBeGreaterThan(20)
})

test('what a pattern begins with is told from as many characters as each match has', () => {
  const { positions, length } = beginningOf('EAA[A-Z][a-z]{2,4}(?:x|y{3}z)', false)
  const at = (text: string) =>
    [...text].every((letter, i) => ((positions[letter.charCodeAt(0)]! >>> i) & 1) === 1)
  expect(length).toBe(7)
  expect([at('EAAGabx'), at('EAAGaby'), at('EAAGabcdyyyz'.slice(0, length))]).toEqual([true, true, true])
  expect([at('EAAgabx'), at('EABGabx'), at('EAAGa1x')]).toEqual([false, false, false])
  expect(beginningOf('[a-z]{40}', true).length).toBe(32)
})

test('a run is told where what comes before it is always as long, and what comes behind is none of it', () => {
  const { run } = beginningOf('://(?<user>[^:/]{0,9}):x', false)
  expect(run && [run.at, run.most, run.of[0x61], run.of[0x3a], run.behind[0x3a], run.behind[0x61]]).toEqual([
    3, 9, 1, 0, 1, 0,
  ])
  for (const pattern of ['a[b]{1,9}b', 'a[b]{1,9}c?d', 'a(?:bc){1,2}d', 'a[b]{1,9}', 'abc'])
    expect(beginningOf(pattern, false).run, pattern).toBeUndefined()
})
