import { expect, test } from 'vitest'
import { durationMs } from '../../../src/serve/operations/duration.ts'

test.each([
  ['1s', 1000],
  ['90s', 90_000],
  ['15m', 900_000],
  ['6h', 21_600_000],
  ['30d', 2_592_000_000],
])('%s', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})

test.each(['', '15', 'm', '0s', '31d', '1.5h', '-1m', ' 1m', '1m ', '1M', '999999999d', '1e3s'])(
  '%j is none',
  text => {
    expect(() => durationMs(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  },
)
