import { expect, test } from 'vitest'
import { type FoundCopy, setAside, withExclusions } from '../../../../src/serve/operations/scan/found.ts'

function copyAt(path: string, more: Partial<FoundCopy> = {}): FoundCopy {
  return {
    place: `git:${process.cwd()}/app`,
    path,
    member: null,
    line: 1,
    commit: null,
    author: null,
    date: null,
    atHead: true,
    goneAt: null,
    reasons: [],
    allowance: null,
    rule: 'github-token',
    accepted: null,
    ...more,
  }
}

const accepted = (copies: readonly FoundCopy[], ...globs: string[]) =>
  withExclusions(copies, setAside(globs)).map(({ accepted }) => accepted)

test('a glob is held against the path in the source, and the path as it is shown', () => {
  const copies = [copyAt('test/a.env'), copyAt('test/.hidden/b.env'), copyAt('src/c.env'), copyAt('d.env')]
  expect(accepted(copies, 'test/**')).toEqual(['excluded', 'excluded', null, null])
  expect(accepted(copies, 'app/test/**', '*.env')).toEqual(['excluded', 'excluded', null, 'excluded'])
  // What is hidden is named by its folder, or by its name.
  expect(accepted(copies, '**/*.env')).toEqual(['excluded', null, 'excluded', 'excluded'])
  expect(accepted(copies, 'other/**')).toEqual([null, null, null, null])
  for (const glob of ['./test/**', 'test/', 'test', `${process.cwd()}/app/test/**`])
    expect(accepted(copies, glob), glob).toEqual(['excluded', 'excluded', null, null])
  expect(accepted(copies)).toEqual([null, null, null, null])
})

test('staged files and those in archives are where their path is; what is accepted already stays so', () => {
  const copies = [
    copyAt('(index) test/a.env'),
    copyAt('test/b.zip', { member: 'c.env' }),
    copyAt('test/d.env', { accepted: 'allowed', allowance: 'made up' }),
  ]
  expect(accepted(copies, 'test/**')).toEqual(['excluded', 'excluded', 'allowed'])
  expect(accepted(copies, 'c.env')).toEqual([null, null, 'allowed'])
})
