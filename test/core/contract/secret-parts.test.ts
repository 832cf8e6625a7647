import { expect, test } from 'vitest'
import type { PlaceRef, Slot } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { isValue, partsOf } from '../../../src/core/contract/secret-parts.ts'

const slot = (part: Slot['part']): Slot => ({ part, at: '0-1', encodings: [] })
const place = (...parts: Slot['part'][]): PlaceRef => ({
  in: { system: 'directory', instance: 'i', kind: 'tree', id: 'i' },
  path: 'sa.json',
  slots: parts.map(slot),
})

test('each slot gets its part of the secret, and keeps what it holds where there is none', () => {
  const parts = partsOf(new Secret('value', 'id', 'key'), place('value', 'id', 'key-id'))
  const text = (part: Slot['part']) => Buffer.from(parts(slot(part))!).toString()
  expect([text('value'), text('id'), text('key-id')]).toEqual(['value', 'id', 'key'])
  expect(partsOf(new Secret('value'), place('value', 'id'))(slot('id'))).toBeUndefined()
  expect((['value', 'id', 'key-id'] as const).filter(part => isValue(slot(part)))).toEqual(['value'])
})

test('a place that names the key is not given a value whose name is unknown', () => {
  expect(() => partsOf(new Secret('value', 'id'), place('value', 'key-id'))).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('sa.json') }),
  )
})
