import { describe, expect, test } from 'vitest'
import { discoverUsers } from '../../../src/connectors/redis/discover.ts'
import {
  allows,
  frozenRules,
  mints,
  narrowedRules,
  parseUser,
  settingRules,
  waysOf,
} from '../../../src/connectors/redis/user-rules.ts'

const DIGEST = 'ab'.repeat(32)
const LINE = `user app on #${DIGEST} skip-sanitize-payload ~orders:* %R~stock:* resetchannels &ch:* -@all +@read -keys (~cart:* resetchannels -@all +del)`

describe('a line of ACL LIST', () => {
  test('is taken apart, selectors as a whole', () => {
    expect(parseUser(LINE)).toEqual({
      name: 'app',
      on: true,
      nopass: false,
      digests: [DIGEST],
      rules: [
        'skip-sanitize-payload',
        '~orders:*',
        '%R~stock:*',
        '&ch:*',
        '-@all',
        '+@read',
        '-keys',
        '(~cart:* -@all +del)',
      ],
    })
    expect(parseUser('user any off nopass sanitize-payload ~* &* +@all')).toMatchObject({
      on: false,
      nopass: true,
      digests: [],
    })
  })

  test('that is none gives none', () => {
    for (const line of ['', 'user', 'group app on', 'nonsense']) expect(parseUser(line)).toBeUndefined()
  })
})

test.each([
  [['+@all'], 'get', true],
  [['-@all', '+@read'], 'get', true],
  [['-@all', '+@read'], 'set', false],
  [['+@all', '-@dangerous'], 'acl|setuser', false],
  [['+@all', '-acl|setuser'], 'acl|setuser', false],
  [['+@all', '-acl|load'], 'acl|setuser', true],
  [['+@all', '-acl', '+acl|setuser'], 'acl|setuser', true],
  [['-@all', '+acl'], 'acl|setuser', true],
  [['~acl', '&acl'], 'acl|setuser', false],
] as const)('%s lets %s through: %s', (way, command, expected) => {
  expect(allows(way, command)).toBe(expected)
})

test('frozen takes from the user and from each selector what it has, and no more', () => {
  const rules = ['~*', '+@all', '-debug', '(~a -@all +get)', '(~b -@all +acl)']
  const frozen = frozenRules(rules, 7)
  expect(mints(rules)).toBe(true)
  expect(mints(frozen)).toBe(false)
  expect(frozen.filter(rule => rule === '-debug')).toHaveLength(1)
  expect(frozen).toContain('(~a -@all +get)')
  expect(frozen).toContain('(~b -@all +acl -acl|setuser -acl|deluser -acl|load)')
  expect(waysOf(frozen).some(way => allows(way, 'get'))).toBe(true)
  expect(frozenRules(['+@all'], 6)).toEqual([
    '+@all',
    '-acl',
    '-config',
    '-module',
    '-debug',
    '-replicaof',
    '-slaveof',
  ])
  expect(frozenRules(['-@all', '+@read', '~*'], 7)).toEqual(['-@all', '+@read', '~*'])
})

test('narrowed keeps what is named and what takes away', () => {
  const rules = ['~a', '~b', '&c', '+@all', '-flushall', '(~d +get)']
  expect(narrowedRules(rules, ['~a', '+@all'])).toEqual(['~a', '+@all', '-flushall'])
  expect(narrowedRules(rules, [])).toEqual(['-flushall'])
})

test('selectors are cleared where there are any, which old servers do not know', () => {
  expect(settingRules(['+get'], [])).not.toContain('clearselectors')
  expect(settingRules(['+get'], ['(~a +get)'])).toContain('clearselectors')
})

test.each([
  ['~*', 'proven'],
  ['%RW~*', 'proven'],
  ['~app:*', 'conditional'],
  // Of a name that has a tilde in it.
  ['~backup~*', 'conditional'],
  ['%RW~a~*', 'conditional'],
])('who may read %s may read all keys: %s', (keys, certainty) => {
  const user = parseUser(`user app on #${DIGEST} ${keys} -@all +get`)!
  const edges = [...discoverUsers('i', [user], [{ number: '0', keys: 1 }])]
  expect(edges).toContainEqual(expect.objectContaining({ crossing: 'may-read', certainty }))
})
