import { expect, test } from 'vitest'
import { wrapped } from '../../../src/serve/cli/wrapped.ts'

const text = 'NOT_FOUND  nothing is known of what was asked for\n→ look with firebreak ls\n'

test('on a terminal lines are broken between words, within its width, and lose nothing', () => {
  const shown = wrapped(text, { isTTY: true, columns: 24 })
  expect(shown).toBe('NOT_FOUND  nothing is\n  known of what was\n  asked for\n→ look with firebreak ls\n')
})

test('a path stands whole on a line that holds it, is broken after its slashes where none does, and a name never is', () => {
  const told = (text: string) => wrapped(text, { isTTY: true, columns: 24 }).split('\n')
  expect(told('read /srv/app/deploy/.env: gone')).toEqual(['read', '  /srv/app/deploy/.env:', '  gone'])
  expect(told('read /srv/application/deploy/.env: gone')).toEqual([
    'read',
    '  /srv/application/',
    '  deploy/.env: gone',
  ])
  expect(told('read /srv/a-name-that-no-line-holds.properties: gone')).toEqual([
    'read',
    '  /srv/',
    '  a-name-that-no-line-holds.properties:',
    '  gone',
  ])
})

test('elsewhere they stay whole', () => {
  expect(wrapped(text, { isTTY: false, columns: 24 })).toBe(text)
})
