import { expect, test } from 'vitest'
import { countText } from '../../../src/core/contract/count-text.ts'

test('one is one, and thousands are told apart', () => {
  expect([0, 1, 2000].map(number => countText(number, 'source'))).toEqual([
    '0 sources',
    '1 source',
    '2,000 sources',
  ])
  expect([1, 2].map(number => countText(number, 'entry is', 'entries are'))).toEqual([
    '1 entry is',
    '2 entries are',
  ])
})
