import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonText } from '../../../src/serve/cli/json-text.ts'

const written = (output: unknown) => [...jsonText(output)].join('')

test('a result is written as JSON.stringify would write it whole', () => {
  const value = fc.anything({ withDate: true, withNullPrototype: true, withSparseArray: true, maxDepth: 3 })
  fc.assert(
    fc.property(fc.oneof(value, fc.dictionary(fc.string(), fc.oneof(value, fc.array(value)))), output => {
      expect(written(output)).toBe(JSON.stringify(output, null, 2) ?? '')
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('what is left out leaves no trace', () => {
  for (const output of [
    {},
    { a: undefined },
    { a: [], b: undefined },
    { a: [undefined, 1], b: {} },
    undefined,
  ])
    expect(written(output)).toBe(JSON.stringify(output, null, 2) ?? '')
})
