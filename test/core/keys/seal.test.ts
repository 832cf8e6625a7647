import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { seal, unseal } from '../../../src/core/keys/seal.ts'

const key = new Secret(new Uint8Array(32).fill(1))
const io = realIo()

describe('what is sealed', () => {
  test('opens with its key and context, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, context) => {
        const opened = unseal(key, seal(key, new Secret(bytes), context, io), context)
        expect(Buffer.from(opened.reveal()).equals(Buffer.from(bytes))).toBe(true)
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  test('is another text each time', () => {
    expect(seal(key, new Secret('x'), 'row', io)).not.toBe(seal(key, new Secret('x'), 'row', io))
  })

  test('does not open elsewhere, with another key, or changed by one bit', () => {
    const sealed = seal(key, new Secret('plain'), 'row-1', io)
    const refused = expect.objectContaining({ code: 'KEY_UNUSABLE' })
    const opening = (open: () => unknown) => expect(open, sealed)
    opening(() => unseal(key, sealed, 'row-2')).toThrow(refused)
    opening(() => unseal(new Secret(new Uint8Array(32).fill(2)), sealed, 'row-1')).toThrow(refused)
    const bytes = Buffer.from(sealed, 'base64')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => unseal(key, changed.toString('base64'), 'row-1'), `bit ${bit}`).toThrow(refused)
    }
  })

  test.each(['', 'AAAA', Buffer.alloc(27).toString('base64')])('cut to %j is refused', sealed => {
    expect(() => unseal(key, sealed, 'row')).toThrow(expect.objectContaining({ code: 'KEY_UNUSABLE' }))
  })
})
