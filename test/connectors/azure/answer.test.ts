import { expect, test } from 'vitest'
import { answerTo } from '../../../src/connectors/azure/answer.ts'
import { realIo } from '../../../src/core/contract/io.ts'

test('an answer that would fill the memory is not read to its end', async () => {
  const chunk = Buffer.alloc(2 ** 20, 'x')
  let given = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      given++
      controller.enqueue(chunk)
    },
  })
  const io = { ...realIo(), fetch: async () => new Response(endless) }
  const request = { method: 'GET', headers: {}, timeoutMs: 10_000 }
  await expect(answerTo(io, 'https://graph.microsoft.com/', request)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
  })
  expect(given).toBeLessThan(70)
})

test('what is no JSON has no body, and what it says of waiting is told', async () => {
  const io = {
    ...realIo(),
    fetch: async () => new Response('<html>', { status: 503, headers: { 'Retry-After': '9' } }),
  }
  const request = { method: 'GET', headers: {}, timeoutMs: 10_000 }
  expect(await answerTo(io, 'https://graph.microsoft.com/', request)).toEqual({
    status: 503,
    body: undefined,
    retryAfter: '9',
  })
})
