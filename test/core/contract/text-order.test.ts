import { expect, test } from 'vitest'
import { byText } from '../../../src/core/contract/text-order.ts'

test('texts are in the order of their code units, also where a language has another one', () => {
  expect(['b', 'ä', 'a', 'B', '', 'a1', 'a', 'a10', 'a2'].sort(byText)).toEqual([
    '',
    'B',
    'a',
    'a',
    'a1',
    'a10',
    'a2',
    'b',
    'ä',
  ])
  expect(byText('a', 'a')).toBe(0)
})
