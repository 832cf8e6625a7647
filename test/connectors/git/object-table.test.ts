import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { Column } from '../../../src/connectors/git/column.ts'
import { ObjectTable } from '../../../src/connectors/git/object-table.ts'

const seed = (bytes: number) => createHash('shake256', { outputLength: bytes }).update('seed').digest()

test.each(['sha1', 'sha256'] as const)('%s ids that differ in one digit only are different objects', hash => {
  const table = new ObjectTable(hash, seed)
  const length = hash === 'sha1' ? 40 : 64
  const ids = Array.from({ length }, (_, i) => `${'a'.repeat(i)}b${'a'.repeat(length - i - 1)}`)
  for (const [number, id] of ids.entries()) expect(table.add(Buffer.from(`: ${id} blob`), 2)).toBe(number)
  for (const [number, id] of ids.entries()) {
    expect(table.id(number)).toBe(id)
    expect(table.numberOf(id)).toBe(number)
  }
  expect(table.numberOf('a'.repeat(length))).toBeUndefined()
  expect(table.size).toBe(length)
})

test('a column is zero where nothing was set', () => {
  const column = new Column(Float64Array)
  column.set(5000, 1.5)
  expect([column.get(4999), column.get(5000), column.get(1e6)]).toEqual([0, 1.5, 0])
})
