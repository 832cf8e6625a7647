import { describe, expect, test } from 'vitest'
import { locateYaml } from '../../../src/know/readers/locate-yaml.ts'
import { items, member, members, scalar } from '../../../src/know/readers/located.ts'

const one = (text: string) => locateYaml(text).documents[0]

describe('YAML that knows where it stands', () => {
  test('lines of keys, values, blocks and comments', () => {
    const root = one('a: 1\nb:\n  - x # first\n  - y\nc: |\n  two\n  lines\n')
    expect(member(root, 'a')).toMatchObject({ line: 1, keyLine: 1, value: 1 })
    expect(items(member(root, 'b')).map(({ line, comment }) => [line, comment])).toEqual([
      [3, 'first'],
      [4, undefined],
    ])
    expect(member(root, 'c')).toMatchObject({ line: 5, textLine: 6, value: 'two\nlines\n' })
  })

  test('aliases are followed, and stand where they are used', () => {
    const root = one('base: &base { a: 1, b: 2 }\nmore:\n  <<: *base\n  b: 3\nsame: *base\n')
    expect([...members(member(root, 'more'))].map(([key, value]) => [key, scalar(value)])).toEqual([
      ['b', '3'],
      ['a', '1'],
    ])
    expect(member(root, 'same')).toMatchObject({ line: 5 })
    expect(scalar(member(root, 'same', 'a'))).toBe('1')
  })

  test('several things are merged, the first one first, and an alias of nothing is told', () => {
    const text =
      'a: &a { x: 1, y: 1 }\nb: &b { y: 2, z: 2 }\nc:\n  <<: [*a, *b]\n  own: *nowhere\nd: *nowhere\n'
    const { documents, problems } = locateYaml(text)
    expect([...members(member(documents[0], 'c'))].map(([key, value]) => [key, scalar(value)])).toEqual([
      ['own', undefined],
      ['x', '1'],
      ['y', '1'],
      ['z', '2'],
    ])
    expect(problems).toEqual([{ line: 5, why: 'an alias of what does not stand before it' }])
  })

  test('several documents, and what is broken in one', () => {
    const { documents, problems } = locateYaml('a: 1\n---\nb: [1\n---\nc: 3\n')
    expect(documents.length).toBeGreaterThanOrEqual(2)
    expect(problems.length).toBeGreaterThan(0)
    for (const { why } of problems) expect(why).toMatch(/^it is no YAML there/)
  })

  test('an alias to itself ends', () => {
    expect(locateYaml('a: &a [*a]\n').problems.length).toBeGreaterThan(0)
  })
})
