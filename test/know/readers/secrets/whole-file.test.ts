import { expect, test } from 'vitest'
import { engine } from './rules/rule-directory.ts'

const TRUSTED = 2
const KEY = 1

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const utf = (text: string) => Buffer.concat([Buffer.of(0, text.length), Buffer.from(text)])
const entry = (tag: number, alias: string) =>
  Buffer.concat([u32(tag), utf(alias), Buffer.alloc(8), utf('X.509'), u32(300), Buffer.alloc(300, 7)])

/** As Java's `JKS` lays it out: the digest at its end is of no interest to who reads it. */
const store = (...tags: number[]) =>
  Buffer.concat([
    u32(0xfeedfeed),
    u32(2),
    u32(tags.length),
    ...tags.map((tag, index) => entry(tag, `alias${index}`)),
    Buffer.alloc(20, 9),
  ])

const kinds = (bytes: Buffer) => [...engine.scan(bytes, { path: 'store' })].map(({ rule }) => rule)

test('a store that only says whom Java trusts is no secret', () => {
  expect(kinds(store(TRUSTED, TRUSTED, TRUSTED))).toEqual([])
})

test.each([
  ['a key among what is trusted', store(TRUSTED, KEY)],
  ['one that ends too soon', store(TRUSTED, TRUSTED).subarray(0, 400)],
  ['an empty one', store()],
])('%s is a store that may hold keys', (_, bytes) => {
  expect(kinds(bytes)).toEqual(['java-keystore'])
})
