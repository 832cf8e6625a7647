import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Secret } from '../../../src/core/contract/secret.ts'
import { STRONG_BITS, strengthBits } from '../../../src/core/keys/strength.ts'

const bits = (text: string | Uint8Array) => strengthBits(new Secret(text))

test.each([
  '',
  'a',
  'postgres',
  'hunter2',
  'changeme',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  '12345678',
  'password1',
])('%j is weak', text => expect(bits(text)).toBeLessThan(STRONG_BITS))

test('generated values are strong', () => {
  for (let n = 0; n < 200; n++) {
    expect(bits(randomBytes(16).toString('hex'))).toBeGreaterThanOrEqual(STRONG_BITS)
    expect(bits(randomBytes(18).toString('base64url'))).toBeGreaterThanOrEqual(STRONG_BITS)
    expect(bits(randomBytes(32))).toBeGreaterThanOrEqual(STRONG_BITS)
  }
})
