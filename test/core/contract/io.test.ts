import { expect, test } from 'vitest'
import { sleep } from '../../../src/core/contract/io.ts'

test('sleep ends in time, or at once with the reason when it is aborted', async () => {
  await sleep(1, new AbortController().signal)
  const abort = new AbortController()
  const sleeping = sleep(60_000, abort.signal)
  abort.abort(new Error('enough'))
  await expect(sleeping).rejects.toThrow('enough')
  await expect(sleep(60_000, abort.signal)).rejects.toThrow('enough')
})
