import { expect, test } from 'vitest'
import { storeError } from '../../../src/core/store/store-error.ts'

test('errors that are not the store’s own pass as they are', () => {
  const error = new Error('x')
  expect(storeError(error)).toBe(error)
  expect(storeError('text')).toBe('text')
  expect(storeError(Object.assign(new Error('locked'), { errcode: 261 }))).toMatchObject({
    code: 'STORE_BUSY',
  })
})
