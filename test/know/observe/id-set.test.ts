import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { IdSet } from '../../../src/know/observe/id-set.ts'

test('has what was added, however it is written, and nothing else', () => {
  const set = new IdSet({
    random: bytes => createHash('shake256', { outputLength: bytes }).update('seed').digest(),
  })
  expect(set.has('')).toBe(false)
  const ids = Array.from({ length: 5000 }, (_, i) => (i % 2 ? `sha256:${i}` : `trail/\u00fc/${i}`))
  for (const id of ids) set.add(id)
  for (const id of ids) expect(set.has(id)).toBe(true)
  for (const id of ids) expect(set.has(`${id} `)).toBe(false)
})
