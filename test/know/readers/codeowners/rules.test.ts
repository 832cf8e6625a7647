import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CodeOwners, parseCodeOwners } from '../../../../src/know/readers/codeowners/rules.ts'
import { processorTime } from '../../../processor-time.ts'

const ownersOf = (text: string, path: string) => new CodeOwners(parseCodeOwners(text).rules).of(path)?.owners
const fits = (pattern: string, path: string) => ownersOf(`${pattern} @o`, path) !== undefined

describe('which paths a pattern fits', () => {
  test.each([
    ['*', ['a', 'a/b/c'], []],
    ['*.js', ['a.js', 'x/y/a.js'], ['a.jsx', 'js']],
    ['/build/logs/', ['build/logs/a', 'build/logs/x/a'], ['x/build/logs/a', 'build/logs']],
    ['docs/*', ['docs/getting-started.md'], ['docs/build-app/troubleshooting.md', 'x/docs/a']],
    ['apps/', ['apps/a', 'x/apps/y/a'], ['apps']],
    ['/docs/', ['docs/a/b'], ['x/docs/a']],
    ['/apps/github', ['apps/github', 'apps/github/a/b'], ['apps/githubber', 'x/apps/github']],
    ['**/logs', ['build/logs', 'logs/x', 'deeply/nested/logs/x'], ['logs2/x']],
    ['/a/**/z', ['a/z', 'a/b/z', 'a/b/c/z/y'], ['a/b/zz', 'b/a/z']],
    ['/apps/*/shop/', ['apps/prod/shop/x.yaml'], ['apps/shop/x.yaml', 'apps/a/b/shop/x']],
    ['foo?.txt', ['foo1.txt', 'x/foo2.txt'], ['foo.txt', 'foo/.txt']],
    ['/with\\ space/', ['with space/a'], ['with/a']],
    ['/**', ['a', 'a/b'], []],
    ['/a/**', ['a/b', 'a/b/c'], ['b/a/c']],
  ])('%s', (pattern, yes, no) => {
    expect(yes.filter(path => !fits(pattern, path))).toEqual([])
    expect(no.filter(path => fits(pattern, path))).toEqual([])
  })

  test('case counts', () => {
    expect(fits('/Docs/', 'docs/a')).toBe(false)
  })
})

describe('who owns a path', () => {
  test('is told by the last line that fits', () => {
    const text = '* @all\n/api/ @acme/api jane@acme.example\n/api/open/\n*.md @docs # and nobody else\n'
    expect(ownersOf(text, 'x.ts')).toEqual(['@all'])
    expect(ownersOf(text, 'api/x.ts')).toEqual(['@acme/api', 'jane@acme.example'])
    expect(ownersOf(text, 'api/open/x.ts')).toEqual([])
    expect(ownersOf(text, 'api/open/x.md')).toEqual(['@docs'])
    expect(ownersOf('/api/ @a\n', 'x')).toBeUndefined()
  })

  test('in GitLab’s sections is told by each of them, with the section’s own owners', () => {
    const text = '* @all\n[Docs][2] @docs\n*.md\n^[Data]\n/data/ @data\n'
    expect(ownersOf(text, 'data/x.md')).toEqual(['@all', '@docs', '@data'])
    expect(ownersOf(text, 'x.md')).toEqual(['@all', '@docs'])
  })
})

test('lines that do not work there say nothing, and are told', () => {
  const { rules, problems } = parseCodeOwners(
    '# who\n!/vendor/ @a\n/src/[a-z]/ @b\n\\#x @c\n/a/***/b @d\n// @e\n/ok nobody @f\n',
  )
  expect(rules.map(({ line, owners }) => [line, ...owners])).toEqual([[7, '@f']])
  expect(problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7])
})

test('ten thousand lines, half of them wrong, are read and asked in no time', () => {
  const lines = Array.from({ length: 10_000 }, (_, index) =>
    index % 2 === 0 ? `/src/[a-${index}]/ @x` : `/src/**/a*b*c*${index}/**/d*/ @team-${index}`,
  )
  const worked = processorTime()
  const { rules, problems } = parseCodeOwners(lines.join('\n'))
  expect([rules.length, problems.length]).toEqual([5000, 5000])
  const owners = new CodeOwners(rules)
  const deep = `src/${'aabbcc/'.repeat(40)}x`
  for (let index = 0; index < 100; index++) expect(owners.of(`${deep}${index}`)).toBeUndefined()
  expect(owners.of('src/x/abc4999/y/dd/z')?.owners).toEqual(['@team-4999'])
  expect(worked()).toBeLessThan(5000)
})

test('no pattern takes long, whatever it is', () => {
  const piece = fc.constantFrom('**', '*', '/', 'a', '?', 'b', '*a', '\\', ' ', '#', '[', '!', '@x')
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 60 }),
      fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 80 }),
      (text, path) => {
        new CodeOwners(parseCodeOwners(`${text.join('')} @o`).rules).of(path.join(''))
      },
    ),
    { numRuns: 500, seed: 7 },
  )
})
