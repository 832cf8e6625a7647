import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { NumberTable } from '../../../src/core/contract/number-table.ts'

const seed = (bytes: number) => createHash('shake256', { outputLength: bytes }).update('seed').digest()

test('keys are counted in the order in which they are added, and found again', () => {
  const table = new NumberTable(2, seed)
  const key = (i: number) => Uint32Array.of(i % 17, i * 0x10000)
  const all = Array.from({ length: 20_000 }, (_, i) => i)
  expect(all.map(i => table.add(key(i)))).toEqual(all)
  expect(all.map(i => table.numberOf(key(i)))).toEqual(all)
  expect(all.map(i => table.add(key(i)))).toEqual(all)
  expect(table.key(12_345)).toEqual(key(12_345))
  expect(table.size).toBe(20_000)
  expect(table.numberOf(Uint32Array.of(17, 0))).toBeUndefined()
})
