import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Literal, newHits, Prefilter } from '../../../../src/know/readers/secrets/prefilter.ts'

/** What to find, told in the simplest way: every literal at every position. */
function everywhere(literals: readonly Literal[], bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString('latin1')
  const fold = (value: string) => value.replace(/[A-Z]/g, letter => letter.toLowerCase())
  const found: string[] = []
  literals.forEach((literal, index) => {
    for (let at = 0; at + literal.text.length <= text.length; at++) {
      const there = text.slice(at, at + literal.text.length)
      if (literal.atStart && at > 0) break
      if (there === literal.text || (literal.ignoreCase && fold(there) === fold(literal.text)))
        found.push(`${at} ${index}`)
    }
  })
  return found.sort()
}

function prefiltered(literals: readonly Literal[], bytes: Uint8Array): string[] {
  const hits = newHits(1)
  // In the middle of other bytes, some of which would go on with a literal.
  const [from, around] = [bytes.length % 3, Buffer.from('ab_ABC')]
  const to = from + bytes.length
  const all = Buffer.concat([around.subarray(0, from), bytes, around])
  new Prefilter(literals).scan(all, from, to, hits)
  for (let i = 0; i < hits.count; i++) hits.start[i]! -= from
  for (let i = 1; i < hits.count; i++) expect(hits.start[i]!).toBeGreaterThanOrEqual(hits.start[i - 1]!)
  return Array.from({ length: hits.count }, (_, i) => `${hits.start[i]} ${hits.literal[i]}`).sort()
}

test('finds every literal, overlapping and nested ones too', () => {
  const letters = fc.constantFrom('a', 'A', 'b', 'B', 'c', '_', '\xff', '\0')
  const literal = fc.record({
    text: fc.string({ unit: letters, minLength: 1, maxLength: 9 }),
    ignoreCase: fc.boolean(),
    atStart: fc.integer({ max: 9, min: 0 }).map(one => one === 0),
    value: fc.constant(0),
  })
  fc.assert(
    fc.property(
      fc.array(literal, { minLength: 1, maxLength: 12 }),
      fc.string({ unit: letters, maxLength: 200 }),
      (literals, text) => {
        const bytes = Buffer.from(text, 'latin1')
        expect(prefiltered(literals, bytes)).toEqual(everywhere(literals, bytes))
      },
    ),
    { seed: 11, numRuns: 400 },
  )
})
