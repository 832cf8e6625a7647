import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { SeenFiles } from '../../../src/connectors/directory/seen-files.ts'

test('files come back as they were seen, in their order, whatever their paths are', () => {
  const files = Array.from({ length: 10_000 }, (_, i) => ({
    path: i === 77 ? 'é/'.repeat(200_000) : `${'d/'.repeat(i % 50)}файл ${i}\\xE9`,
    id: `sha256:${createHash('sha256').update(String(i)).digest('hex')}`,
    changedAt: i % 3 === 0 ? -i * 1e6 : 1.7e12 + i,
  }))
  const seen = new SeenFiles()
  for (const file of files) seen.add(file)
  expect(seen.length).toBe(files.length)
  expect([...seen]).toEqual(files)
})
