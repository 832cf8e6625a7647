import { expect, test } from 'vitest'
import { Secret } from '../../../src/core/contract/secret.ts'
import { fingerprint, publicFingerprint } from '../../../src/core/keys/fingerprint.ts'

/** RFC 4231, test case 2: HMAC-SHA-256 with a short key. */
test('is HMAC-SHA-256 in base64url', () => {
  const expected = Buffer.from('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', 'hex')
  const secret = new Secret('what do ya want for nothing?')
  expect(fingerprint(new Secret('Jefe'), secret)).toBe(expected.toString('base64url'))
})

test('depends on the key and the value, not on the public half', () => {
  const key = new Secret('a')
  const of = (key: Secret, value: string, id?: string) => fingerprint(key, new Secret(value, id))
  expect(of(key, 'v')).toBe(of(key, 'v', 'app'))
  expect(of(key, 'v')).not.toBe(of(key, 'w'))
  expect(of(key, 'v')).not.toBe(of(new Secret('b'), 'v'))
})

test('what leaves the database is keyed once more', () => {
  const inner = fingerprint(new Secret('a'), new Secret('v'))
  const outer = publicFingerprint(new Secret('b'), inner)
  expect(outer).toMatch(/^fp_[\w-]{22}$/)
  expect(outer).not.toContain(inner.slice(0, 8))
  expect(publicFingerprint(new Secret('c'), inner)).not.toBe(outer)
})
