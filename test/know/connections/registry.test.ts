import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { Connection, Connector } from '../../../src/core/contract/connector.ts'
import { FirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { openOwnStore } from '../../own-store.ts'
import { ownDirectory, testKeys } from '../estate.ts'

const PLAIN = 'hunter2-correct-horse'
const config = z.strictObject({
  host: z.string(),
  port: z.number().default(5432).describe('where it listens'),
  password: z.instanceof(Secret).optional(),
  url: z.string().optional(),
  nested: z.object({ list: z.array(z.instanceof(Secret)) }).optional(),
})
type Config = z.infer<typeof config>

let db: Db
let opened: Config[]
let closed: number
let instance: string
let connections: Connections

const connector: Connector<Config> = {
  system: 'thing',
  summary: 'a thing',
  config,
  async open(config): Promise<Connection> {
    if (config.host === 'away') throw new FirebreakError('UNREACHABLE', 'it is away')
    opened.push(config)
    return {
      instance,
      settleSeconds: 0,
      async close() {
        closed++
      },
    }
  },
}

beforeEach(async () => {
  db = (await openOwnStore()).db
  opened = []
  closed = 0
  instance = 'i-1'
  connections = fresh()
})

afterEach(() => connections.close())

/** As another process that opens the same store. */
function fresh(): Connections {
  return new Connections([connector], testKeys, realIo())
}

async function stored(): Promise<string> {
  return JSON.stringify(await db.selectFrom('source').selectAll().execute())
}

describe('adding', () => {
  test('asks the instance and keeps the source, labelled without secrets', async () => {
    const source = await connections.add(db, 'thing', { host: 'db' })
    expect(source).toMatchObject({ system: 'thing', instance: 'i-1', label: 'db:5432' })
    expect(await connections.list(db)).toEqual([source])
    expect(await connections.forInstance(db, 'thing', 'i-1')).toEqual([source])
    expect(await connections.forInstance(db, 'thing', 'i-2')).toEqual([])
  })

  test('of several connectors only the one that is needed is loaded; one that is not there is told with those that are', async () => {
    const loaded: string[] = []
    const ways = (names: readonly string[]) =>
      Object.fromEntries(
        names.map(system => [
          system,
          async () => {
            loaded.push(system)
            return { ...connector, system } as Connector
          },
        ]),
      )
    const some = new Connections(ways(['thing', 'other']), testKeys, realIo())
    onTestFinished(() => some.close())
    await some.add(db, 'thing', { host: 'db' })
    expect(loaded).toEqual(['thing'])
    for (const system of ['nothing', 'constructor', '__proto__'])
      await expect(some.add(db, system, {})).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        message: expect.stringContaining(`no connector is called ${system}`),
        advice: 'give one of: thing, other',
      })
    expect(loaded).toEqual(['thing'])
  })

  test('again updates the same source', async () => {
    const first = await connections.add(db, 'thing', { host: 'db' })
    const second = await connections.add(db, 'thing', { host: 'db', password: new Secret(PLAIN) })
    expect(second.id).toBe(first.id)
    expect(await connections.list(db)).toHaveLength(1)
    expect(closed).toBe(1)
    expect((await connections.add(db, 'thing', { host: 'db' }, 'other')).id).not.toBe(first.id)
  })

  test('seals secrets wherever they stand, and a URL with a password whole', async () => {
    const url = `postgres://app:${PLAIN}@db/x`
    const secrets = { password: new Secret(PLAIN), url, nested: { list: [new Secret(PLAIN)] } }
    const source = await connections.add(db, 'thing', { host: 'db', ...secrets })
    expect(await stored()).not.toContain(PLAIN)
    const other = fresh()
    await other.open(db, source.id)
    const config = opened.at(-1)
    expect(config?.password?.revealText()).toBe(PLAIN)
    expect(config?.nested?.list[0]?.revealText()).toBe(PLAIN)
    expect(config?.url).toBe(url)
    await other.close()
  })

  test('a sealed secret opens for its own source only', async () => {
    const one = await connections.add(db, 'thing', { host: 'a', password: new Secret(PLAIN) })
    const two = await connections.add(db, 'thing', { host: 'b', password: new Secret(PLAIN) })
    await db.updateTable('source').set({ config: one.config }).where('id', '=', two.id).execute()
    await expect(fresh().open(db, two.id)).rejects.toMatchObject({ code: 'KEY_UNUSABLE' })
  })

  test('keeps references as references, and reads them at each opening', async () => {
    const file = join(await ownDirectory(), 'password')
    await writeFile(file, 'first\n')
    const source = await connections.add(db, 'thing', { host: 'db', password: { $secret: `file:${file}` } })
    expect(opened.at(-1)?.password?.revealText()).toBe('first')
    expect(source.config).toContain(file)
    await writeFile(file, 'second\r\n')
    await fresh().open(db, source.id)
    expect(opened.at(-1)?.password?.revealText()).toBe('second')
    process.env['FIREBREAK_TEST_PASSWORD'] = PLAIN
    onTestFinished(() => void delete process.env['FIREBREAK_TEST_PASSWORD'])
    await connections.add(db, 'thing', { host: 'db', password: { $secret: 'env:FIREBREAK_TEST_PASSWORD' } })
    expect(opened.at(-1)?.password?.revealText()).toBe(PLAIN)
    expect(await stored()).not.toContain(PLAIN)
  })

  test.each([
    [{ $secret: 'env:FIREBREAK_TEST_ABSENT' }, /FIREBREAK_TEST_ABSENT/],
    [{ $secret: 'file:/nowhere/at/all' }, /cannot be read/],
    [{ $secret: PLAIN }, /not usable/],
  ])('says what is wrong with the reference %j', async (password, why) => {
    const adding = connections.add(db, 'thing', { host: 'db', password })
    await expect(adding).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(why),
    })
    await expect(adding).rejects.not.toMatchObject({ message: expect.stringContaining(PLAIN) })
  })

  test('a file larger than a secret can be is refused', async () => {
    const file = join(await ownDirectory(), 'big')
    await writeFile(file, 'x'.repeat(70_000))
    await expect(
      connections.add(db, 'thing', { host: 'db', password: { $secret: `file:${file}` } }),
    ).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  })

  test('names the field that does not fit, and what it takes, without the value', async () => {
    const adding = connections.add(db, 'thing', { host: 'db', port: PLAIN, extra: PLAIN })
    await expect(adding).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(/port: .*where it listens.*extra/s),
    })
    await expect(adding).rejects.not.toMatchObject({ message: expect.stringContaining(PLAIN) })
    await expect(connections.add(db, 'nothing', {})).rejects.toMatchObject({
      advice: expect.stringContaining('thing'),
    })
    expect(await connections.list(db)).toEqual([])
  })

  test('keeps nothing of what cannot be opened', async () => {
    await expect(connections.add(db, 'thing', { host: 'away' })).rejects.toMatchObject({
      code: 'UNREACHABLE',
    })
    expect(await connections.list(db)).toEqual([])
  })
})

describe('opening', () => {
  test('happens once per process, also when asked twice at once', async () => {
    const { id } = await connections.add(db, 'thing', { host: 'db' })
    const other = fresh()
    const [one, two] = await Promise.all([other.open(db, id), other.open(db, id)])
    expect(one).toBe(two)
    expect(opened).toHaveLength(2)
    await other.close()
    expect(closed).toBe(1)
  })

  test('refuses another instance at the same address, and closes it', async () => {
    const { id } = await connections.add(db, 'thing', { host: 'db' })
    instance = 'i-2'
    const other = fresh()
    await expect(other.open(db, id)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(closed).toBe(1)
    instance = 'i-1'
    expect((await other.open(db, id)).instance).toBe('i-1')
    await other.close()
  })

  test('of what was never connected is NOT_FOUND', async () => {
    await expect(connections.open(db, 'none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
