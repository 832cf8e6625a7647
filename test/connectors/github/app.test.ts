import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { memoryGithub } from '../../../src/connectors/github/memory.ts'
import type { Io } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { collect, quickIo, type Twin } from './world.ts'

describe('a key of the app itself', () => {
  const key = async (twin: Twin, io?: Io) => {
    const connection = await twin.connector.open({} as never, io ?? quickIo())
    const seen = await collect(connection.discover!())
    const told = seen.find(one => one.see === 'credential' && one.ref.kind === 'app-key')
    if (told?.see !== 'credential') throw new Error('it is not told')
    return { connection, seen, ref: told.ref, secret: new Secret(twin.server.appKey.pem) }
  }
  const asApp = () => {
    const twin = memoryGithub({}, { asApp: true })
    const installation = twin.server.addInstallation('firebreak', { contents: 'write' })
    return { twin, installation }
  }

  test('is the app, which takes tokens of its installation; no other key is', async () => {
    const { twin, installation } = asApp()
    const { connection, seen, ref, secret } = await key(twin)
    expect(seen).toContainEqual(
      expect.objectContaining({
        see: 'edge',
        from: ref.identity,
        to: expect.objectContaining({ kind: 'app-installation', id: String(installation.id) }),
        crossing: 'takes-tokens-of',
      }),
    )
    expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'live' })
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const other = new Secret(privateKey.export({ format: 'pem', type: 'pkcs8' }))
    expect(await connection.verify!(ref, other)).toMatchObject({ state: 'dead' })
    await expect(connection.revoke!(ref, secret)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('suspended it is neither live nor dead, and is as before when it is resumed', async () => {
    const { twin, installation } = asApp()
    const { connection, ref, secret } = await key(twin)
    const before = await connection.inspect!(ref)
    await connection.suspend!(ref)
    expect(installation.suspended_at).not.toBeNull()
    expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'unknown' })
    await connection.resume!(ref, before)
    expect(await connection.inspect!(ref)).toEqual(before)
    expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'live' })
  })

  test('deleted it is dead; with a clock that is wrong nobody can tell', async () => {
    const { twin } = asApp()
    const { connection, ref, secret } = await key(twin)
    twin.server.replaceAppKey()
    expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'dead' })
    await connection.revoke!(ref, secret)
    const late: Io = { ...quickIo(), now: () => new Date(Date.now() + 3_600_000) }
    const wrong = asApp()
    const { connection: other, ref: own, secret: held } = await key(wrong.twin, late)
    wrong.twin.server.replaceAppKey()
    expect(await other.verify!(own, held)).toMatchObject({ state: 'unknown' })
  })
})
