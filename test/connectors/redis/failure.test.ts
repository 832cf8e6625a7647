import { expect, test } from 'vitest'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { redis } from '../../../src/connectors/redis/connector.ts'

test('a certificate that is none is told as such, and not as a connection that broke', async () => {
  const config = redis.config.parse({
    host: '127.0.0.1',
    port: 1,
    password: new Secret('x'),
    tls: 'require',
    tlsCert: 'none',
    tlsKey: new Secret('none'),
  })
  await expect(redis.open(config, realIo())).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining('TLS failed (ERR_OSSL_PEM_NO_START_LINE)'),
  })
})
