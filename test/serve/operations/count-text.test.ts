import { expect, test } from 'vitest'
import { countText } from '../../../src/serve/operations/count-text.ts'

test('one is one, and thousands are told apart', () => {
  expect([0, 1, 2000].map(number => countText(number, 'source'))).toEqual([
    '0 sources',
    '1 source',
    '2,000 sources',
  ])
})
