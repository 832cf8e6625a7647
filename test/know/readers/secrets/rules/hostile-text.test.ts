import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../../../src/know/readers/secrets/rules/rule.ts'
import { engine, rules } from './rule-directory.ts'
import { processorTime } from '../../../../processor-time.ts'

const KIB = process.env['SOAK'] ? 128 : 8
/** What a processor may take for text that is made to be slow. Ordinary text takes a thousandth of it. */
const MOST_MS_PER_KIB = 20
/** A text that is slow is slow each time; a busy machine or a collection of garbage is not. */
const TRIES = 3

/** Texts that begin what a rule looks for again and again, and never end it. */
function hostileTexts(rule: Rule): string[] {
  const begun = rule.examples.positive[0]!.text.slice(0, 2000)
  const [keyword] = rule.keywords
  const runs = ['a', 'A0', '0', '/', ' ', '=', '"', '\\', '%41', '.', ':', '\n', '-', '{'].map(
    run => keyword! + run.repeat(Math.ceil(500 / run.length)),
  )
  return [
    rule.keywords.join(''),
    runs.join(''),
    `${keyword}="`,
    begun.slice(0, -1),
    begun.slice(0, Math.ceil(begun.length * 0.7)),
  ]
}

/** The least of its tries, in milliseconds; no further one once it is below what is allowed. */
function millisecondsFor(bytes: Buffer, path: string, allowed: number): number {
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < TRIES && least >= allowed; tries++) {
    const worked = processorTime()
    for (const _ of engine.scan(bytes, { path }));
    least = Math.min(least, worked())
  }
  return least
}

describe('a text that is made to be slow is scanned in time', () => {
  test.each(rules.map(rule => ({ id: rule.id, rule })))('$id', ({ rule }) => {
    const path = rule.examples.positive[0]!.path ?? 'note.txt'
    for (const text of hostileTexts(rule)) {
      const bytes = Buffer.from(text.repeat(Math.ceil((KIB * 1024) / text.length)), 'latin1').subarray(
        0,
        KIB * 1024,
      )
      const allowed = KIB * MOST_MS_PER_KIB
      expect(millisecondsFor(bytes, path, allowed), JSON.stringify(text.slice(0, 60))).toBeLessThan(allowed)
    }
  })
})

test.each([
  ['as much as is unpacked', 8_000_000],
  ['more than is unpacked', 9_000_000],
])('many small texts that unpack to %s', (_, size) => {
  const packed = gzipSync(Buffer.alloc(size, 'nothing here\n'), { level: 9 }).toString('base64')
  const bytes = Buffer.from(`"${packed}"\n`.repeat(300))
  // Unpacked all, they take fifteen seconds or more.
  expect(millisecondsFor(bytes, 'note.txt', 5000)).toBeLessThan(5000)
})

test.each(['', '\\n', '\\nMIIabc\\n'])('private keys that begin and do not end: %j', body => {
  const begun = ['-----BEGIN ', 'PRIVATE KEY-----', body].join('')
  const bytes = Buffer.from(begun.repeat(Math.ceil(2 ** 18 / begun.length)))
  // Each read on to the longest key, they take three quarters of a second or more.
  expect(millisecondsFor(bytes, 'note.txt', 500)).toBeLessThan(500)
})

test('rows of Gherkin that look like headers', () => {
  const bytes = Buffer.from('| API key | password |\n'.repeat(5000))
  // Each read as a header of all below it, they take seven seconds.
  expect(millisecondsFor(bytes, 'a.feature', 2000)).toBeLessThan(2000)
})

test('letters and digits by turns in what may be a password', () => {
  const bytes = Buffer.from(`auth: 'u:${'a1'.repeat(60)}`.repeat(8000))
  // Tried for each letter with each digit, they take more than a second.
  expect(millisecondsFor(bytes, 'a.js', 500)).toBeLessThan(500)
})

test.each([
  ['new PDO', `new PDO(${'a.'.repeat(60)}\n`],
  ['getConnection', `getConnection(${'a.'.repeat(92)}`],
])('names with dots that may be an address put together, for %s', (_, begun) => {
  const bytes = Buffer.from(begun.repeat(Math.ceil(2 ** 18 / begun.length)))
  // Parted at any of their dots, they take a second.
  expect(millisecondsFor(bytes, 'a.php', 400)).toBeLessThan(400)
})

test('blanks behind a value in braces that are not closed', () => {
  const bytes = Buffer.from(`[,password=x1!qz${' '.repeat(7000)}y\n`.repeat(100))
  // Looked at again from each blank, they take six seconds.
  expect(millisecondsFor(bytes, 'a.properties', 2000)).toBeLessThan(2000)
})

test.each([
  ['in braces', 'a.json', '{"x":{"api_key":"'],
  ['in rows', 'a.yaml', ' api_key: "'],
  ['in elements', 'a.xml', '<a><b><api_key c="'],
])('keys of nobody’s %s, of each of which it is asked whose it is', (_, path, begun) => {
  const keys = Array.from({ length: 3000 }, (_, i) => {
    const value = createHash('sha256').update(String(i)).digest('hex').slice(0, 32)
    return `${begun}${value}"\n`
  })
  expect(millisecondsFor(Buffer.from(keys.join('')), path, 4000)).toBeLessThan(4000)
})

test.each([
  ['api:array(a:1, ', 'a.php'],
  [`"api": {${'"a": 1, '.repeat(20)}`, 'a.json'],
  [`api' => [ ${'a:1, '.repeat(120)}`, 'a.php'],
])('members before a key that does not come: %j', (text, path) => {
  const bytes = Buffer.from(text.repeat(Math.ceil((KIB * 1024) / text.length)))
  expect(millisecondsFor(bytes, path, KIB * MOST_MS_PER_KIB)).toBeLessThan(KIB * MOST_MS_PER_KIB)
})
