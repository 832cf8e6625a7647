import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../../src/know/readers/secrets/rule.ts'
import { engine, rules } from './rule-directory.ts'

const KIB = process.env['SOAK'] ? 1024 : 16
/** What a processor may take for text that is made to be slow. Ordinary text takes a thousandth of it. */
const MOST_MS_PER_KIB = 20

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

function millisecondsFor(text: string, path: string): number {
  const bytes = Buffer.from(text.repeat(Math.ceil((KIB * 1024) / text.length)), 'latin1').subarray(
    0,
    KIB * 1024,
  )
  const before = process.threadCpuUsage()
  for (const _ of engine.scan(bytes, { path }));
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

describe('a text that is made to be slow is scanned in time', () => {
  test.each(rules.map(rule => ({ id: rule.id, rule })))('$id', ({ rule }) => {
    const path = rule.examples.positive[0]!.path ?? 'note.txt'
    for (const text of hostileTexts(rule))
      expect(millisecondsFor(text, path), JSON.stringify(text.slice(0, 60))).toBeLessThan(
        KIB * MOST_MS_PER_KIB,
      )
  })
})

test.each([
  ['as much as is unpacked', 8_000_000],
  ['more than is unpacked', 9_000_000],
])('many small texts that unpack to %s', (_, size) => {
  const packed = gzipSync(Buffer.alloc(size, 'nothing here\n'), { level: 9 }).toString('base64')
  const bytes = Buffer.from(`"${packed}"\n`.repeat(300))
  const before = process.threadCpuUsage()
  for (const _ of engine.scan(bytes, { path: 'note.txt' }));
  const { user, system } = process.threadCpuUsage(before)
  // Unpacked all, they take fifteen seconds or more.
  expect((user + system) / 1000).toBeLessThan(5000)
})
