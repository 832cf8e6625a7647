import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsOf, projectFiles } from './sources.ts'

/** These look at the whole, and have no one source file. */
const WHOLE = /^test\/(laws|drills|simulation|tidy|soak)\//

describe('tests', () => {
  const files = projectFiles()
  const tests = files.filter(path => path.startsWith('test/') && path.endsWith('.test.ts'))

  test('stand where their source stands', () => {
    const astray = tests
      .filter(path => !WHOLE.test(path))
      .filter(path => {
        const source = path.replace(/^test\//, '').replace(/\.test\.ts$/, '')
        return ![`src/${source}.ts`, `${source}.js`, `${source}.ts`].some(file => files.includes(file))
      })
      // A test of a whole folder stands in the folder's place, and has a name of its own.
      .filter(
        path => !importsOf(path).some(({ to }) => dirname(to) === dirname(path).replace(/^test\//, 'src/')),
      )
    expect(astray).toEqual([])
  })
})
