import { expect, test } from 'vitest'
import { newId } from '../../../src/core/contract/id.ts'
import { realIo } from '../../../src/core/contract/io.ts'

const at = (ms: number) => ({ now: () => new Date(ms), random: realIo().random })
/** The counter is the process's own: a time that no other test uses keeps the tests apart. */
const LATER = Date.UTC(2100, 0, 1)

test('ids are UUIDs of version 7 and tell the time', () => {
  const id = newId(at(LATER))
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(LATER)
})

test('ids sort in the order in which they were made, within a millisecond and when the clock goes back', () => {
  const io = at(LATER + 1000)
  const ids = Array.from({ length: 10_000 }, () => newId(io))
  ids.push(newId(at(LATER + 500)), newId(at(LATER)))
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})
