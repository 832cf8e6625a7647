import { expect, test } from 'vitest'
import { printable } from '../../../src/serve/cli/printable.ts'

test('what a terminal would obey is printed, not sent', () => {
  expect(printable('a\u001b[2Jb\u0007\u009b8m\u007f\r')).toBe('a\\x1B[2Jb\\x07\\x9B8m\\x7F\\x0D')
  expect(printable('\u001b]0;title\u0007')).toBe('\\x1B]0;title\\x07')
})

test('colours, line breaks and tabs stay; what would hide text does not', () => {
  expect(printable('\u001b[1m\u001b[31mred\u001b[39m\u001b[22m\n\tnext')).toBe(
    '\u001b[1m\u001b[31mred\u001b[39m\u001b[22m\n\tnext',
  )
  expect(printable('\u001b[8mhidden \u001b[30mblack \u001b[1;30mboth')).toBe(
    '\\x1B[8mhidden \\x1B[30mblack \\x1B[1;30mboth',
  )
  expect(printable('Füße, 名前 ✓')).toBe('Füße, 名前 ✓')
})
