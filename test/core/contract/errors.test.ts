import { expect, test } from 'vitest'
import { ERRORS, FirebreakError, isFirebreakError } from '../../../src/core/contract/errors.ts'

test('every error says a sentence, and ends the command with a failure', () => {
  for (const [code, { says, exit, http }] of Object.entries(ERRORS)) {
    expect(says, code).toMatch(/^[A-Z].*[^.]$/)
    expect(exit, code).toBeGreaterThan(0)
    expect(http, code).toBeGreaterThanOrEqual(400)
  }
})

test('an error says what, the particulars, and what to do', () => {
  const error = new FirebreakError('UNREACHABLE', 'db:5432 refuses', 'start it')
  expect(error.message).toBe('The system could not be reached: db:5432 refuses')
  expect([error.advice, error.retryable, error.name]).toEqual(['start it', true, 'FirebreakError'])
})

test('codes are told apart', () => {
  const error = new FirebreakError('CONFLICT', 'x')
  expect(isFirebreakError(error)).toBe(true)
  expect(isFirebreakError(error, 'DENIED', 'CONFLICT')).toBe(true)
  expect(isFirebreakError(error, 'DENIED')).toBe(false)
  expect(isFirebreakError(new Error('x'))).toBe(false)
})
