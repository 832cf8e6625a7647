import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsOf, projectFiles, readSource } from './sources.ts'

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

  test('draw random cases from a seed: none fails by chance', () => {
    const count = (path: string, what: RegExp) => [...readSource(path).matchAll(what)].length
    expect(tests.filter(path => count(path, /\bfc\.assert\(/g) > count(path, /\bseed: /g))).toEqual([])
  })

  test('are given up no sooner than all are: a machine may be several times slower', () => {
    // Those of the long campaigns have it to themselves.
    const beside = tests.filter(path => !path.startsWith('test/soak/'))
    const hasty = beside.filter(path =>
      [...readSource(path).matchAll(/^ *\}, ([\d_]+)\)$/gm)].some(
        ([, ms]) => Number(ms!.replaceAll('_', '')) < 600_000,
      ),
    )
    expect(hasty).toEqual([])
  })
})
