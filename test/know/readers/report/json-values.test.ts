import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type JsonPath, jsonValues } from '../../../../src/know/readers/report/json-values.ts'
import { Unreadable } from '../../../../src/know/readers/reader.ts'

const BOUNDS = { valueBytes: 64 * 1024, depth: 64 }

/** The bytes in pieces of these sizes, in turn. */
async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

/** All values put together again from what was told of them. */
async function rebuilt(
  bytes: Uint8Array,
  sizes: readonly number[],
  depth: number,
  bounds = BOUNDS,
): Promise<unknown[]> {
  const roots: unknown[] = []
  let parts: [JsonPath, unknown][] = []
  const events = jsonValues(inPieces(bytes, sizes), path => (path.length < depth ? 'into' : 'take'), bounds)
  for await (const event of events) {
    if ('tooLarge' in event) throw new Error('too large')
    const value = 'ended' in event ? (event.ended === 'list' ? [] : {}) : event.value
    parts.push([event.path, value])
    if (event.path.length > 0) continue
    // What was gone into ends after what is in it.
    const root = { value: undefined as unknown }
    for (const [path, part] of parts.toReversed().sort((a, b) => a[0].length - b[0].length)) {
      if (path.length === 0) root.value = part
      else {
        const into = path
          .slice(0, -1)
          .reduce((inner, key) => (inner as Record<string, unknown>)[key], root.value)
        Object.defineProperty(into, path.at(-1)!, {
          value: part,
          enumerable: true,
          configurable: true,
          writable: true,
        })
      }
    }
    roots.push(root.value)
    parts = []
  }
  return roots
}

describe('values of JSON', () => {
  test('are told whole, however deep they are gone into and wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
        fc.nat(4),
        fc.constantFrom(undefined, 1),
        async (values, sizes, depth, indent) => {
          const text = values.map(value => JSON.stringify(value, null, indent)).join('\n')
          const expected = values.map(value => JSON.parse(JSON.stringify(value)) as unknown)
          expect(await rebuilt(Buffer.from(text), sizes, depth)).toEqual(expected)
        },
      ),
      { numRuns: 400, seed: 7 },
    )
  })

  test.each([
    ['utf-8', Buffer.from('\ufeff[1,"é"]')],
    ['utf-16, little end first', Buffer.from('\ufeff[1,"é"]', 'utf16le')],
    ['utf-16, big end first', Buffer.from('\ufeff[1,"é"]', 'utf16le').swap16()],
  ])('may begin with the mark of %s', async (_, bytes) => {
    for (const size of [1, 3, 100]) expect(await rebuilt(bytes, [size], 1)).toEqual([[1, 'é']])
  })

  test.each([
    ['cut off', '[\n{"a":1},\n{"b"', 'line 3: it ends in the middle'],
    ['of crossed brackets', '[\n{"a":[}]', 'line 2: its brackets do not match'],
    ['of no JSON', '{"a":\nnope}', 'line 2: it is not JSON'],
    ['without a comma', '[1\n2]', 'line 2: it is not JSON'],
    ['with a comma too many', '[1,\n]', 'line 2: it is not JSON'],
    ['without a key', '{\n1:2}', 'line 2: a key is expected'],
  ])('%s are an error with its line, and nothing is quoted', async (_, text, why) => {
    const read = rebuilt(Buffer.from(text), [3], 1)
    await expect(read).rejects.toThrow(Unreadable)
    await expect(rebuilt(Buffer.from(text), [100], 1)).rejects.toThrow(why)
  })

  test('nested too deeply are refused where they are gone into, taken and skipped', async () => {
    const deep = Buffer.from('['.repeat(100_000))
    for (const decision of ['into', 'take', 'skip'] as const)
      await expect(all(jsonValues(inPieces(deep, [1000]), () => decision, BOUNDS))).rejects.toThrow(
        'line 1: it is nested too deeply',
      )
  })

  test('larger than what is taken are told as such, and what follows is read', async () => {
    const text = JSON.stringify(['x'.repeat(100_000), 2])
    const events = await all(
      jsonValues(inPieces(Buffer.from(text), [1000]), path => (path.length === 0 ? 'into' : 'take'), BOUNDS),
    )
    expect(events).toEqual([
      { path: [0], line: 1, tooLarge: true },
      { path: [1], line: 1, value: 2 },
      { path: [], line: 1, ended: 'list' },
    ])
  })
})
