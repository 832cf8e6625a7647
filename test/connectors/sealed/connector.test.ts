import { expect, test } from 'vitest'
import { sealed } from '../../../src/connectors/sealed/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

test('gives the secret that it keeps, to who asks for that one, whole', async () => {
  const value = ['sk', 'live', 'x'.repeat(24)].join('_')
  const connection = await sealed.open({ name: 'stripe', user: 'acme', secret: new Secret(value) }, realIo())
  const like = { system: 'sealed', instance: 'stripe', kind: 'standing-secret', id: 'stripe' }
  const want = { name: 'attempt', like, scopes: [], before: null }
  const { ref, secret } = await connection.issue!(want)
  expect([secret.revealText(), secret.id]).toEqual([value, 'acme'])
  expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'unknown' })
  expect(connection.revoke).toBeUndefined()
  await expect(connection.issue!({ ...want, scopes: ['read'] })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
  })
  const other = connection.issue!({ ...want, like: { ...like, instance: 'other' } })
  await expect(other).rejects.toMatchObject({ code: 'CONFLICT' })
  await connection.close()
  // What was given out is the caller's own.
  expect(secret.revealText()).toBe(value)
})
