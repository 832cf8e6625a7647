import { expect, test } from 'vitest'

import { Pattern } from '../../../../../src/know/readers/secrets/rules/pattern.ts'
import { wholePattern } from '../../../../../src/know/readers/secrets/rules/rule.ts'
import { rules } from './rule-directory.ts'

/** As V8 tells it. */
function positionsOf(source: string, flags: string, text: string, at: number) {
  const expression = new RegExp(source, `d${flags}`)
  expression.lastIndex = at
  const found = expression.exec(text)
  return found && { ...found.indices!.groups }
}

function groupsAt(pattern: Pattern, text: string, at: number, base = 0) {
  const { fits } = pattern
  fits.lastIndex = at
  const found = fits.exec(text)
  return found && pattern.groupsOf(found, base)
}

test.for([
  ['what stands between groups', 'a[bc]{1,3}(?<id>\\d{2})=(?:x|y)?(?<value>[a-z]{2,4});?', 'abb12=xzzz;'],
  ['a group that may be missing', '(?<user>u\\d)?@(?<host>h)?:(?<value>v{1,3})', '@h:vv'],
  ['all of it', '(?<value>(?:ab|cd){1,2})', 'abcd'],
  ['a group within another', 'k(?:=(?<value>\\d{1,3})|:(?<id>\\d))', 'k:7'],
  ['one of two alternatives', 'k=(?<value>\\d)|j=(?<value>[a-z])', 'j=x'],
  ['a group that is repeated', '(?<value>[ab]){2}c', 'abc'],
  ['brackets that are none', '\\((?<id>[()]{1,2})\\)(?<value>[^)\\]]{1,2})', '(())xy'],
  ['a group without a name', '(x)(?<value>y)', 'xy'],
  ['none', 'abc', 'abc'],
] as const)('%s', ([, source, text]) => {
  const known = positionsOf(source, 'y', `--${text}`, 2)
  expect(known).toBeTruthy()
  expect(groupsAt(new Pattern(source, 'y'), `--${text}`, 2)).toEqual(
    Object.fromEntries(Object.entries(known!).filter(([, range]) => range)),
  )
})

test('positions are those of the bytes', () => {
  expect(groupsAt(new Pattern('a(?<value>b)', 'y'), '..ab', 2, 1000)).toEqual({ value: [1003, 1004] })
})

test('what is one group is known', () => {
  const isOne = (source: string) => new Pattern(source, 'y').isOneGroup
  expect(isOne('(?<value>a|b)')).toBe(true)
  expect(isOne('(?:a|b)')).toBe(false)
  expect(isOne('(?<value>a)b')).toBe(false)
  expect(isOne('(?<value>a)|(?<value>b)')).toBe(false)
})

test('the groups of every rule are where V8 says, in its own examples', { timeout: 60_000 }, () => {
  let matches = 0
  for (const rule of rules) {
    const flags = `y${rule.ignoreCase ? 'i' : ''}`
    const source = wholePattern(rule)
    const pattern = new Pattern(source, flags)
    for (const { text } of rule.examples.positive.map(({ text }) => ({
      text: Buffer.from(text).toString('latin1'),
    })))
      for (let at = 0; at < Math.min(text.length, 400); at++) {
        const known = positionsOf(source, flags, text, at)
        const told = groupsAt(pattern, text, at)
        if (!known && !told) continue
        matches++
        expect(told, `${rule.id} at ${at}`).toEqual(
          Object.fromEntries(Object.entries(known!).filter(([, range]) => range)),
        )
      }
  }
  expect(matches).toBeGreaterThan(rules.length)
})
