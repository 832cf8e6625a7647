import fc from 'fast-check'
import { expect, test } from 'vitest'
import { issuedRoleName, markOf, readMark } from '../../../src/connectors/postgres/mark.ts'

test('a role’s name is bounded, plain, and one for each want', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
      expect(issuedRoleName(one)).toMatch(/^fb_[a-z0-9_]{1,60}$/)
      expect(issuedRoleName(one) === issuedRoleName(other)).toBe(one === other)
    }),
    {
      seed: 1,
      examples: [
        ['', 'x'.repeat(300)],
        ['A', 'a'],
      ],
    },
  )
})

test('a mark is read back from the comment, whatever the want is called', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1 }), (wantName, oid) => {
      const role = { name: issuedRoleName(wantName), comment: markOf(wantName, String(oid)) }
      expect(readMark(role)).toEqual({ wantName, likeOid: String(oid) })
    }),
    {
      seed: 1,
      examples: [
        ['x (like role 3)', 5],
        ['a\nb', 1],
      ],
    },
  )
})

test('a comment on a role of another name is no mark', () => {
  expect(readMark({ name: 'app', comment: markOf('lease 1', '16385') })).toBeUndefined()
  expect(readMark({ name: issuedRoleName('lease 1'), comment: null })).toBeUndefined()
  expect(readMark({ name: issuedRoleName('lease 1'), comment: 'owner: team-x' })).toBeUndefined()
})
