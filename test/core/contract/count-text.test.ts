import { expect, test } from 'vitest'
import { countText, numberText } from '../../../src/core/contract/count-text.ts'

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

test('of any number as Node writes it for English', () => {
  for (const number of [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 1_234_567_890, -1000])
    expect(numberText(number)).toBe(number.toLocaleString('en'))
})
