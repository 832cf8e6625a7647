import { expect, test } from 'vitest'
import { Budget, LIMITS, LimitReached } from '../../../../src/know/readers/archive/budget.ts'

test('time that bytes were waited for is not what looking into them took', () => {
  let now = 0
  const budget = new Budget({ ...LIMITS, freeMs: 1000, msPerMib: 0 }, () => now)
  now = 90_000
  budget.wait(89_500)
  budget.unpack(1)
  now += 600
  expect(() => budget.unpack(1)).toThrow(LimitReached)
})
