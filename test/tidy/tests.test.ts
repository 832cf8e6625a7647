import { describe, expect, test } from 'vitest'
import { projectFiles } from './sources.ts'

/** These look at the whole, and have no one source file. */
const WHOLE = /^test\/(laws|drills|simulation|tidy|soak|docs)\//

describe('tests', () => {
  const files = projectFiles()
  const tests = files.filter(path => path.startsWith('test/') && path.endsWith('.test.ts'))

  test('stand where their source stands', () => {
    const astray = tests
      .filter(path => !WHOLE.test(path))
      .filter(path => {
        const source = path.replace(/^test\//, '').replace(/\.test\.ts$/, '')
        return ![`src/${source}.ts`, `src/${source}.js`, `${source}.js`, `${source}.ts`].some(candidate =>
          files.includes(candidate),
        )
      })
    expect(astray).toEqual([])
  })
})
