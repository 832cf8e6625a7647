import { expect, test } from 'vitest'
import { loadPeople } from '../../../src/judge/ownership/people.ts'
import { tellPerson } from '../../../src/know/readers/people/telling.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { openEstate } from '../../know/estate.ts'

const DAY_MS = 86_400_000

test.each([
  [undefined, undefined],
  [true, undefined],
  [false, undefined],
  [undefined, '2026-03-01'],
  [true, '2026-03-01'],
  [false, '2026-03-01'],
])('of whom it is told that active is %j and the last day %j, when they have left', async (isActive, day) => {
  const estate = await openEstate()
  const leftAt = day === undefined ? undefined : new Date(day).toISOString()
  await estate.fold(await estate.source(), [
    ...tellPerson('hr', '7', { mails: ['jo@acme.example'], isActive, leftAt }),
  ] as Finding[])
  const last = Date.parse('2026-03-01')
  const hasLeft = async (now: number) =>
    (await loadPeople(estate.db, now)).resolve('jo@acme.example')!.hasLeft
  // Before a last day, and on it, everybody is there; without one, the status alone tells.
  const before = day === undefined && isActive === false
  expect(await hasLeft(last - DAY_MS)).toBe(before)
  expect(await hasLeft(last + DAY_MS - 1)).toBe(before)
  expect(await hasLeft(last + DAY_MS)).toBe(day === undefined ? isActive === false : isActive !== true)
})
