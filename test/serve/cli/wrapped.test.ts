import { expect, test } from 'vitest'
import { wrapped } from '../../../src/serve/cli/wrapped.ts'

const text = 'NOT_FOUND  nothing is known of what was asked for\n→ look with firebreak ls\n'

test('on a terminal lines are broken between words, within its width, and lose nothing', () => {
  const shown = wrapped(text, { isTTY: true, columns: 24 })
  expect(shown).toBe('NOT_FOUND  nothing is\n  known of what was\n  asked for\n→ look with firebreak ls\n')
})

test('elsewhere they stay whole', () => {
  expect(wrapped(text, { isTTY: false, columns: 24 })).toBe(text)
})
