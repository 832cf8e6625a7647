import { expect, test } from 'vitest'
import type { Document } from '../../../src/core/contract/document.ts'
import { Batch, begin } from '../../../src/know/observe/reading.ts'

const CONTAINER = { system: 'test', instance: 'i', kind: 'tree', id: 'i' }

test('a batch keeps what it holds, whatever its source does with the memory that it read into', async () => {
  const memory = Buffer.alloc(300)
  const batch = new Batch(new Uint8Array(1000))
  const texts = Array.from({ length: 12 }, (_, i) => `document ${i} `.padEnd(20 * (i + 1), String(i)))
  for (const text of texts) {
    const document: Document = {
      id: text,
      in: CONTAINER,
      path: 'p',
      cursor: '',
      async *bytes() {
        const half = memory.write(text.slice(0, 7))
        yield memory.subarray(0, half)
        yield memory.subarray(half, half + memory.write(text.slice(7), half))
      },
    }
    batch.add(await begin(document))
  }
  memory.fill(0)
  expect(batch.documents.map(({ chunks }) => Buffer.concat(chunks).toString())).toEqual(texts)
  expect(batch.bytes).toBe(texts.join('').length)
  // It holds more than the memory that it was given.
  expect(batch.bytes).toBeGreaterThan(batch.memory.length)
})
