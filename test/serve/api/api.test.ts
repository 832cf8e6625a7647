import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { serveHttp } from '../../../src/serve/api/api.ts'

test('a port where another program listens is an error that says so', async () => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = other.address() as { port: number }
    const onFailure = () => {}
    const onRefusal = async () => {}
    const serving = serveHttp([], '0', { title: 'a test', host: '127.0.0.1', port, onFailure, onRefusal })
    await expect(serving).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(`127.0.0.1:${port}: another program listens there`),
    })
  } finally {
    other.close()
  }
})
