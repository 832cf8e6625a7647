import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EmbeddedTexts } from '../../../../../src/know/readers/secrets/codes/embedded.ts'
import { type Beginning, beginningOf } from '../../../../../src/know/readers/secrets/rules/pattern-bounds.ts'
import { type Literal, lookupOf } from '../../../../../src/know/readers/secrets/prefilter/lookup.ts'
import { newHits, Prefilter } from '../../../../../src/know/readers/secrets/prefilter/prefilter.ts'
import { IS_IN_CODES } from '../../../../../src/know/readers/secrets/prefilter/sieve.ts'
import { Text } from '../../../../../src/know/readers/secrets/text.ts'
import { everywhere } from '../everywhere.ts'
import { engine, rules } from '../rules/rule-directory.ts'

/** What to find, told in the simplest way: every literal at every position. */
function literalsIn(literals: readonly Literal[], bytes: Uint8Array): string[] {
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
  new Prefilter(lookupOf(literals)).scan(all.subarray(from, to), hits)
  for (let i = 1; i < hits.count; i++) expect(hits.start[i]!).toBeGreaterThanOrEqual(hits.start[i - 1]!)
  return Array.from({ length: hits.count }, (_, i) => `${hits.start[i]} ${hits.literal[i]}`).sort()
}

test('finds every literal, overlapping and nested ones too', () => {
  const letters = fc.constantFrom('a', 'A', 'b', 'B', 'c', '_', '\xff', '\0')
  const literal = fc.record({
    text: fc.string({ unit: letters, minLength: 3, maxLength: 9 }),
    ignoreCase: fc.boolean(),
    atStart: fc.integer({ max: 9, min: 0 }).map(one => one === 0),
  })
  fc.assert(
    fc.property(
      fc.array(literal, { minLength: 1, maxLength: 12 }),
      fc.string({ unit: letters, maxLength: 200 }),
      (literals, text) => {
        const bytes = Buffer.from(text, 'latin1')
        expect(prefiltered(literals, bytes)).toEqual(literalsIn(literals, bytes))
      },
    ),
    { seed: 11, numRuns: 400 },
  )
})

test('tells the hits around which something may be written in codes, and no other is decoded', () => {
  const piece = fc.constantFrom(
    'key',
    '\n',
    '\r\n',
    '\\',
    '"',
    "'",
    '%',
    '2',
    '20',
    '9',
    '&',
    '#',
    '&#61;',
    'quot;',
    '=',
    '3D',
    'u0041',
    ' ',
    'x'.repeat(17),
    'x'.repeat(61),
  )
  const prefilter = new Prefilter(lookupOf([{ text: 'key', ignoreCase: false }]))
  const hits = newHits()
  const met = { coded: 0, decoded: 0 }
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60, size: 'max' }), pieces => {
      const bytes = Buffer.from(pieces.join(''))
      prefilter.scan(bytes, hits, true)
      const told = Array.from({ length: hits.count }, (_, i) => [
        hits.start[i],
        (hits.is[i]! & IS_IN_CODES) > 0,
      ])
      const expected: [number, boolean][] = []
      let at = 0
      let isBehindEscaped = false
      for (const between of bytes.toString().match(/[^\n"]*[\n"]|[^\n"]+$/g) ?? []) {
        const isCoded = isBehindEscaped || /\\|%[2-7]|&[#qa]|=[3\r\n]/.test(between)
        for (const { index } of between.matchAll(/key/g)) expected.push([at + index, isCoded])
        at += between.length
        isBehindEscaped = between.endsWith('\\"')
      }
      expect(told).toEqual(expected)
      for (const [start, isCoded] of expected) {
        if (isCoded) met.coded++
        const around = new EmbeddedTexts(new Text(bytes, 'a.txt', 'text', true), true, false, { left: 1e6 })
        around.aroundKeyword(start, () => {
          met.decoded++
          expect(isCoded).toBe(true)
        })
      }
    }),
    { seed: 7, numRuns: 600 },
  )
  expect(met.coded).toBeGreaterThan(100)
  expect(met.decoded).toBeGreaterThan(100)
})

test('leaves out where the bytes around a literal tell that nothing can match', () => {
  const before = new Uint8Array(256)
  before['x'.charCodeAt(0)] = 1
  const needs = { before, isName: true }
  const starts = (text: string, beginning?: Beginning) => {
    const hits = newHits()
    const all = { ...needs, ...(beginning && { beginning }) }
    new Prefilter(lookupOf([{ text: 'key', ignoreCase: false, needs: all }])).scan(Buffer.from(text), hits)
    return [...hits.start.subarray(0, hits.count)]
  }
  expect(starts('key=1 xkey=1 %3xkey=1 keyName: 1 key+1 key')).toEqual([0, 16, 22, 33])
  expect(starts(`key${'n'.repeat(1021)}=`)).toEqual([0])
  expect(starts(`key${'n'.repeat(1022)}=`)).toEqual([])
  expect(starts('key=1 key=a keyNa: key=', beginningOf('key[=N]a', false))).toEqual([6, 12])
})

test('leaves out where a run does not end as each match’s does', () => {
  const beginning = beginningOf('://[^:/ ]{0,4}:[^ ]{1,8}@', false)
  const needs = { before: undefined, isName: false, beginning }
  const prefilter = new Prefilter(lookupOf([{ text: '://', ignoreCase: false, needs }]))
  const hits = newHits()
  prefilter.scan(Buffer.from('://a:b@ ://host/:b@ ://:c@ ://abcd:e@ ://abcde:f@ ://abcd'), hits)
  expect([...hits.start.subarray(0, hits.count)]).toEqual([0, 20, 27])
})

test('counts the lines of a part, whether it lies there still or was looked through before', () => {
  const prefilter = new Prefilter(lookupOf([{ text: 'key', ignoreCase: false }]))
  const text = fc.string({ unit: fc.constantFrom('\n', 'a'), maxLength: 80 }).map(text => Buffer.from(text))
  fc.assert(
    fc.property(text, text, fc.nat(80), fc.nat(80), fc.boolean(), (bytes, other, from, to, isThere) => {
      prefilter.scan(bytes, newHits())
      if (!isThere) prefilter.scan(other, newHits())
      const part = bytes.subarray(from, to)
      expect(prefilter.newlines(part)).toBe(part.toString().split('\n').length - 1)
    }),
    { seed: 3, numRuns: 500 },
  )
})

test('more hits than bytes, and more than there was room for', () => {
  const texts = Array.from({ length: 30 }, (_, index) => 'a'.repeat(index + 3))
  const hits = newHits(1)
  new Prefilter(lookupOf(texts.map(text => ({ text, ignoreCase: true })))).scan(
    Buffer.alloc(50_000, 'A'),
    hits,
  )
  expect(hits.count).toBe(texts.reduce((sum, { length }) => sum + 50_001 - length, 0))
  expect([...hits.literal.subarray(0, 30)]).toEqual([...texts.keys()])
})

const PATH = 'note.txt'
/** Rules for certain files mostly do not apply to this one. */
const applying = rules.filter(({ paths }) => paths === undefined || new RegExp(paths, 'i').test(PATH))
const keywords = rules.flatMap(rule => rule.keywords)
const examples = rules.flatMap(rule =>
  [...rule.examples.positive, ...rule.examples.negative].map(example => example.text),
)
/** Of letters in ASCII only: the others are bytes of UTF-8, which have no case. */
const inCapitals = (word: string) => word.replace(/[a-z]+/g, letters => letters.toUpperCase())
/** Pieces that begin, continue, cut and join what the rules look for. */
const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...keywords).chain(word => fc.constantFrom(word, inCapitals(word))),
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
        expect(engine.matches(bytes, PATH).sort(order)).toEqual(expected)
      }),
      { seed: 20251122, numRuns: 400 },
    )
    expect(compared).toBeGreaterThan(3000)
  })
})
