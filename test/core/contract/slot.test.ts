import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import type { Slot } from '../../../src/core/contract/ref.ts'
import { decodeSlot, encodeSlot, replaceInPlace, replaceSlot } from '../../../src/core/contract/slot.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const text = (value: Uint8Array) => Buffer.from(value).toString()
const slotOf = (document: string, part: string, encodings: string[]): Slot => {
  const start = Buffer.from(document.slice(0, document.indexOf(part))).length
  return { part: 'value', at: `${start}-${start + Buffer.from(part).length}`, encodings }
}

test.each([
  ['A=abc\n', 'abc', [], 'abc'],
  ['A: aGVsbG8=\n', 'aGVsbG8=', ['base64'], 'hello'],
  ['A: aGVsbG8\n', 'aGVsbG8', ['base64'], 'hello'],
  ['x://u:p%40s%2F@h', 'p%40s%2F', ['url'], 'p@s/'],
  ['{"a":"q\\"\\u00e9\\/\\ud83d\\ude00"}', 'q\\"\\u00e9\\/\\ud83d\\ude00', ['json'], 'q"é/😀'],
  ["a: 'it''s'", "it''s", ['yaml'], "it's"],
  ['A="a\\$b\\"c\\d"', 'a\\$b\\"c\\d', ['shell'], 'a$b"c\\d'],
  ['<p>a&amp;b&#x26;&lt;</p>', 'a&amp;b&#x26;&lt;', ['xml'], 'a&b&<'],
  [`a = 'one' +\n  'two' . 'th"ree'`, `one' +\n  'two' . 'th"ree`, ['joined'], 'onetwoth"ree'],
  ['a = "one\\n" "tw\\"o"', 'one\\n" "tw\\"o', ['joined', 'json'], 'one\ntw"o'],
  ['a = "one\\\\" + "two"', 'one\\\\" + "two', ['joined', 'json'], 'one\\two'],
  ['k: |\n    one\n    two\n', 'one\n    two', ['indent:4'], 'one\ntwo'],
])('%j holds %j as %j: %j', (document, part, encodings, plain) => {
  const slot = slotOf(document, part, encodings)
  expect(text(decodeSlot(bytes(document), slot))).toBe(plain)
  // Another value written there is read back, and nothing around it changes.
  const { document: replaced, slots } = replaceInPlace(bytes(document), [slot], slot, bytes('N3w-value_9'))
  const [before, after] = [
    document.slice(0, document.indexOf(part)),
    document.slice(document.indexOf(part) + part.length),
  ]
  expect(text(replaced).startsWith(before)).toBe(true)
  expect(text(replaced).endsWith(after)).toBe(true)
  expect(text(decodeSlot(replaced, slots[0]!))).toBe('N3w-value_9')
})

test('a part of an encoded text is replaced within it', () => {
  const inner = 'postgres://app:p%40ss@db/app'
  const document = `data:\n  url: ${Buffer.from(inner).toString('base64')}\n`
  const blob = Buffer.from(inner).toString('base64')
  const slot = slotOf(document, blob, ['base64', 'text:15-21', 'url'])
  const user = { ...slotOf(document, blob, ['base64', 'text:11-14', 'url']), part: 'id' as const }
  const host = slotOf(document, blob, ['base64', 'text:22-24'])
  const after = slotOf(document, '\n', [])
  expect(text(decodeSlot(bytes(document), slot))).toBe('p@ss')
  const { document: replaced, slots } = replaceInPlace(
    bytes(document),
    [slot, user, host, after],
    slot,
    bytes('n/w:1-longer'),
  )
  expect(Buffer.from(/url: (\S+)/.exec(text(replaced))![1]!, 'base64').toString()).toBe(
    'postgres://app:n%2Fw%3A1-longer@db/app',
  )
  expect(replaceSlot(bytes(document), slot, bytes('n/w:1-longer'))).toEqual(replaced)
  // All slots of the place have moved along.
  expect(slots.slice(0, 3).map(each => text(decodeSlot(replaced, each)))).toEqual([
    'n/w:1-longer',
    'app',
    'db',
  ])
  expect(slots[3]!.at).toBe(after.at)
})

test('base64 keeps its padding and its lines', () => {
  const long = Buffer.from('x'.repeat(100)).toString('base64').replace(/.{40}/g, '$&\n  ')
  const document = `k: ${long}\n`
  const written = text(encodeSlot(bytes('y'.repeat(80)), slotOf(document, long, ['base64']), bytes(document)))
  expect(written.split('\n').map(line => line.trim().length)).toEqual([40, 40, 28])
})

test.each([
  ['A=abc\n', 'abc', [], 'two words'],
  ['A=abc\n', 'abc', [], 'a#b'],
  ['A="abc"\n', 'abc', [], 'a"b'],
  ["a: 'abc'", 'abc', ['yaml'], 'a\nb'],
  ['A="abc"', 'abc', ['shell'], 'a\nb'],
  ["a = 'abc'", 'abc', ['json'], 'a\nb'],
  ["a = 'ab' . 'c'", "ab' . 'c", ['joined', 'json'], 'a\nb'],
  ['a = "ab" + `c`', 'ab" + `c', ['source'], 'abc'],
])('%j refuses at %j as %j what would break out of it: %j', (document, part, encodings, value) => {
  expect(() => encodeSlot(bytes(value), slotOf(document, part, encodings), bytes(document))).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED' }),
  )
})

test.each([
  ["a = 'ab' . 'c'", "ab' . 'c", ['joined', 'json'], "a\\i'd", "a\\\\i\\'d"],
  ['a = "ab" + "c"', 'ab" + "c', ['joined', 'json'], 'a"b', 'a\\"b'],
  ['A=a\\nb\n', 'a\\nb', ['json'], 'a\tb\r\nc', 'a\\tb\\r\\nc'],
])('%j holds at %j as %j a new %j as %j', (document, part, encodings, value, written) => {
  expect(text(encodeSlot(bytes(value), slotOf(document, part, encodings), bytes(document)))).toBe(written)
})

test('a range outside of the content, and content of another form, are conflicts', () => {
  for (const slot of [
    { part: 'value', at: '2-9', encodings: [] },
    { part: 'value', at: '0-3', encodings: ['base64', 'text:4-9'] },
    { part: 'value', at: '0-4', encodings: ['base64'] },
  ] as const) {
    const error = (() => {
      try {
        return decodeSlot(bytes('a%b c'), slot)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(isFirebreakError(error, 'CONFLICT')).toBe(true)
  }
})

test('any value survives any encodings, or is refused', () => {
  const encoding = fc.constantFrom('base64', 'base64url', 'url', 'json', 'shell', 'yaml', 'xml')
  const value = fc.string({
    unit: fc.oneof(fc.constantFrom(...'/+=@:#%&\'"\\$`<> é\n\t'), fc.string({ minLength: 1, maxLength: 1 })),
    minLength: 1,
    maxLength: 20,
  })
  let written = 0
  fc.assert(
    fc.property(
      fc.array(encoding, { maxLength: 1 }),
      value,
      fc.constantFrom('"', "'"),
      (encodings, plain, quote) => {
        const document = bytes(`k = ${quote}YWJj${quote}\n`)
        const slot: Slot = { part: 'value', at: '5-9', encodings }
        let replaced: ReturnType<typeof replaceInPlace>
        try {
          replaced = replaceInPlace(document, [slot], slot, bytes(plain))
        } catch (error) {
          expect(isFirebreakError(error, 'UNSUPPORTED')).toBe(true)
          return
        }
        written++
        expect(text(decodeSlot(replaced.document, replaced.slots[0]!))).toBe(plain)
      },
    ),
    { seed: 5, numRuns: 1000 },
  )
  expect(written).toBeGreaterThan(400)
})
