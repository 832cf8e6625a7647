import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { everywhere } from './everywhere.ts'
import { engine, rules } from './rule-directory.ts'

/** Pieces that begin, continue, cut and join what the rules look for. */
/** Rules for certain files do not apply to this one. */
const applying = rules.filter(rule => rule.paths === undefined)
const keywords = rules.flatMap(rule => rule.keywords)
const examples = rules.flatMap(rule =>
  [...rule.examples.positive, ...rule.examples.negative].map(example => example.text),
)
const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...keywords).chain(word => fc.constantFrom(word, word.toUpperCase())),
  },
  { weight: 4, arbitrary: fc.constantFrom(...examples) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...examples), fc.nat(100), fc.nat(100))
      .map(([text, from, to]) =>
        text.slice(Math.floor((text.length * from) / 100), Math.floor((text.length * to) / 100)),
      ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '=',
      ': ',
      '"',
      "'",
      '\n',
      ' ',
      '@',
      '://',
      '_',
      '%41',
      '.',
      '-',
      ',\n value: ',
      '>',
      '\0',
      '\xa0',
      '\xff',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.string({
      unit: fc.constantFrom('a', 'Z', '0', '-', '_', '/', ':', '@', '='),
      maxLength: 60,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes).toString('latin1')),
  },
)

describe('the prefilter and the windows lose no match and make none up', () => {
  test('on a random corpus, against every rule run over all bytes', () => {
    let compared = 0
    fc.assert(
      fc.property(fc.array(piece, { minLength: 10, maxLength: 60, size: 'max' }), pieces => {
        const bytes = Buffer.from(pieces.join(''), 'latin1')
        const text = bytes.toString('latin1')
        const order = (a: { rule: string; start: number }, b: { rule: string; start: number }) =>
          a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : a.start - b.start
        const expected = applying.flatMap(rule => everywhere(rule, text)).sort(order)
        compared += expected.length
        expect(engine.matches(bytes, 'note.txt').sort(order)).toEqual(expected)
      }),
      { seed: 20251122, numRuns: 400 },
    )
    expect(compared).toBeGreaterThan(3000)
  })
})
