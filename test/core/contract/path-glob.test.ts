import { expect, test } from 'vitest'
import { names, withFolders } from '../../../src/core/contract/path-glob.ts'

test.each([
  ['test/**', 'test', true],
  ['test/**', 'test/a/b.env', true],
  ['test/**', 'test/.hidden', false],
  ['test/**', 'tests/a.env', false],
  ['**/fixtures/**', 'a/b/fixtures', true],
  ['*.env', 'app.env', true],
  ['*.env', 'deploy/app.env', false],
])('%s and %s: %s', (glob, path, expected) => {
  expect(names(glob, path)).toBe(expected)
})

test('the folders of a path, so that what lies hidden in a named one is met as well', () => {
  expect(withFolders('test/.hidden/a.env')).toEqual(['test', 'test/.hidden', 'test/.hidden/a.env'])
  expect(withFolders('a.env')).toEqual(['a.env'])
})
