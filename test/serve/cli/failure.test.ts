import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode, FirebreakError } from '../../../src/core/contract/errors.ts'
import { BUG_EXIT, failure, INTERRUPTED_EXIT } from '../../../src/serve/cli/failure.ts'

describe('failure', () => {
  test.each(Object.keys(ERRORS) as ErrorCode[])('%s: one sentence, its advice, its exit code', code => {
    const failed = failure(new FirebreakError(code, 'the particulars', 'do this'), {})
    expect(failed.exit).toBe(ERRORS[code].exit)
    expect(failed.text).toContain(`${ERRORS[code].says}: the particulars`)
    expect(failed.text).toContain('do this')
    expect(failed.json).toEqual({
      error: { code, message: `${ERRORS[code].says}: the particulars`, advice: 'do this' },
    })
  })

  test('says of a bug that it is one, and keeps its message, which may hold anything, to itself', () => {
    const failed = failure(new TypeError('canary-4711'), {})
    expect(failed.exit).toBe(BUG_EXIT)
    expect(failed.text).toContain('bug (TypeError)')
    expect(failed.text + JSON.stringify(failed.json)).not.toContain('canary-4711')
  })

  test('shows the stack to who asks for it', () => {
    expect(failure(new TypeError('where'), { FIREBREAK_DEBUG: '1' }).text).toContain('failure.test.ts')
  })

  test('an interruption is none of ours', () => {
    const controller = new AbortController()
    controller.abort()
    expect(failure(controller.signal.reason, {}).exit).toBe(INTERRUPTED_EXIT)
  })
})
