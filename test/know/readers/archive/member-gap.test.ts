import { expect, test } from 'vitest'
import { hides } from '../../../../src/know/readers/archive/member-gap.ts'

test.each([
  ['conf', 'conf', true],
  ['inner.zip', 'inner.zip!/a.env', true],
  ['conf', 'conf.bak', false],
  ['a.env', 'b.env', false],
  ['', 'anything', true],
  // A table that could not be read to its end, and a column of it.
  ['app.db!/users', 'app.db!/users/password', true],
  // Layers of an image are told with notes, which gaps do not have.
  ['blobs/sha256/0a', 'blobs/sha256/0a (layer 1 of 2)!/app/.env (deleted in layer 2)', true],
  ['blobs/sha256/0a!/app/.env', 'blobs/sha256/0a (layer 1 of 2)!/app/.env (deleted in layer 2)', true],
  ['blobs/sha256/0a!/app/.env', 'blobs/sha256/0a (layer 1 of 2)!/app/b.env', false],
])('a gap at %j and %j: %s', (gap, member, hidden) => {
  expect(hides({ member: gap, why: 'it is damaged' }, member)).toBe(hidden)
})

test('where a limit was reached, nothing that comes after was looked into', () => {
  expect(hides({ member: 'm', why: 'it took too long', rest: true }, 'z.env')).toBe(true)
})
