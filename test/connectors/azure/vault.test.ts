import { describe, expect, onTestFinished, test } from 'vitest'
import { type MemoryAzure, memoryAzure } from '../../../src/connectors/azure/memory.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

async function open(twin: MemoryAzure) {
  const connection = await twin.connector.open({} as never, realIo())
  onTestFinished(() => connection.close())
  return connection
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('a secret of a vault', () => {
  const placed = async (approved: string[]) => {
    const twin = memoryAzure({ approved })
    twin.setSecret('shop-kv', 'db', 'token=aaaa')
    const { secrets } = twin.vaults.get('shop-kv')!
    secrets.set('db', [{ ...secrets.get('db')![0]!, contentType: 'text/plain', tags: { team: 'shop' } }])
    const connection = await open(twin)
    const document = (await collect(connection.documents!())).find(({ path }) => path === 'shop-kv/db')!
    const slots = [{ part: 'value' as const, at: '6-10', encodings: [] }]
    return { twin, connection, place: { in: document.in, path: document.path, version: document.id, slots } }
  }

  test('is written as a new version, on the one that was read', async () => {
    const { twin, connection, place } = await placed(['shop-kv/*'])
    expect((await connection.read!(place)).revealText()).toBe('aaaa')
    const written = await connection.write!(place, new Secret('bbbbbb'))
    expect(twin.vaults.get('shop-kv')!.secrets.get('db')).toMatchObject([
      { value: 'token=aaaa' },
      { value: 'token=bbbbbb', contentType: 'text/plain', tags: { team: 'shop' } },
    ])
    expect((await connection.read!(written)).revealText()).toBe('bbbbbb')
    // An attempt whose answer was lost is recognised, and another's write is not passed over.
    expect(await connection.write!(place, new Secret('bbbbbb'))).toEqual(written)
    await expect(connection.write!(place, new Secret('cccc'))).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('removed, once or twice, no version gives it out; one that holds nothing else goes', async () => {
    const { twin, connection, place } = await placed(['shop-kv/*'])
    twin.setSecret('shop-kv', 'whole', 'aaaa')
    const whole = (await collect(connection.documents!())).find(({ path }) => path === 'shop-kv/whole')!
    const slots = [{ part: 'value' as const, at: '0-4', encodings: [] }]
    const alone = { in: whole.in, path: whole.path, version: whole.id, slots }
    for (const one of [place, place, alone, alone]) await connection.remove!(one)
    const { secrets } = twin.vaults.get('shop-kv')!
    expect(secrets.get('db')).toMatchObject([{ value: 'token=', contentType: 'text/plain' }])
    expect(secrets.has('whole')).toBe(false)
    twin.setSecret('shop-kv', 'db', 'token=cccc')
    await expect(connection.remove!(place)).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('that is not approved is not written, and no path leads out', async () => {
    const { connection, place } = await placed(['other/*'])
    await expect(connection.write!(place, new Secret('bbbb'))).rejects.toMatchObject({ code: 'DENIED' })
    await expect(connection.remove!(place)).rejects.toMatchObject({ code: 'DENIED' })
    for (const path of ['evil.example/x/db', 'shop-kv/../keys', 'shop-kv', '127.0.0.1:80/db'])
      await expect(connection.write!({ ...place, path }, new Secret('bbbb'))).rejects.toMatchObject({
        code: 'UNSUPPORTED',
      })
  })
})
