import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { contain } from '../../src/act/incident/contain.ts'
import type { Mode } from '../../src/act/incident/incident.ts'
import { directory } from '../../src/connectors/directory/connector.ts'
import { redis } from '../../src/connectors/redis/connector.ts'
import type { Connection, Connector } from '../../src/core/contract/connector.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { containText } from '../../src/serve/operations/contain-text.ts'
import { ownDirectory, testKeys } from '../know/estate.ts'
import { absentRedis, type RedisWorld, redisWorld } from '../laws/redis-world.ts'
import { mustHold, mustNotStandIn } from '../simulation/invariants.ts'
import { memoryStore } from '../memory-store.ts'

const RULES = fileURLToPath(new URL('../../rules', import.meta.url))
const absent = absentRedis()

/** Who waits finds it later at once. */
function clockIo(): Io {
  let ahead = 0
  return {
    ...realIo(),
    now: () => new Date(Date.now() + ahead),
    async sleep(ms) {
      ahead += ms
      await new Promise(resolve => setTimeout(resolve, 5))
    },
  }
}

describe.skipIf(absent !== undefined)(`a leaked password of a real Redis ${absent ?? ''}`, () => {
  let server: RedisWorld
  beforeAll(async () => {
    server = await redisWorld()
  })
  afterAll(() => server?.stop())

  const issuedUsers = async () =>
    ((await server.admin('ACL', 'LIST')) as string[]).filter(line => line.startsWith('user fb_'))

  /** The server, observed; a user of it, whose URL stands in a file that nobody has read yet. */
  async function estateOf(name: string, beforeIssue: () => Promise<void> = async () => {}) {
    for (const line of await issuedUsers()) await server.admin('ACL', 'DELUSER', line.split(' ')[1]!)
    const leaked = new Secret(randomBytes(18).toString('base64url'), name)
    await server.admin('ACL', 'SETUSER', name, 'reset', 'on', `>${leaked.revealText()}`, '~*', '&*', '+@all')
    const path = await ownDirectory()
    const file = join(path, '.env')
    const { host, port, user, password } = server.config()
    await writeFile(file, `CACHE=redis://${name}:${leaked.revealText()}@${host}:${port}/0\n`)
    const rulesDirectory = await ownDirectory()
    await cp(join(RULES, 'crossings'), join(rulesDirectory, 'crossings'), { recursive: true })
    await mkdir(join(rulesDirectory, 'secrets'))
    await copyFile(join(RULES, 'secrets/redis-url.yaml'), join(rulesDirectory, 'secrets/redis-url.yaml'))
    const io = clockIo()
    const db = await memoryStore()
    const watched = {
      ...redis,
      open: async (config: never, of: Io): Promise<Connection> => {
        const connection = await redis.open(config, of)
        return {
          ...connection,
          issue: async want => {
            await beforeIssue()
            return await connection.issue!(want)
          },
        }
      },
    }
    const connectors = [watched, directory] as readonly unknown[] as Connector[]
    const connections = new Connections(connectors, testKeys, io)
    onTestFinished(async () => {
      await connections.close()
      await db.destroy()
    })
    const world = { io, keys: testKeys, connections, rulesDirectory }
    const connect = (approved?: string[]) =>
      connections.add(db, 'directory', approved ? { path, approved } : { path }, path)
    const read = async (source: Awaited<ReturnType<typeof connect>>) => {
      await observe(db, source, await connections.open(db, source.id), { ...world, workers: 1 })
    }
    await read(await connections.add(db, 'redis', { host, port, user, password }))
    const connectWithin = async (inner: string, approved: string[]) => {
      const within = join(path, inner)
      await mkdir(join(path, 'deploy'))
      await copyFile(file, join(path, 'deploy/.env'))
      return await connections.add(db, 'directory', { path: within, approved }, within)
    }
    return { db, world, file, leaked, connect, connectWithin, read }
  }

  /** As the file has it now. */
  async function logInFrom(file: string): Promise<string> {
    const [, user, password] = /redis:\/\/([^:]+):([^@]+)@/.exec(await readFile(file, 'utf8'))!
    const client = await server.client(new Secret(password!, user!))
    client.disconnect()
    return user!
  }

  describe.each<Mode>(['emergency', 'graceful'])('%s', mode => {
    test.each([
      ['was never read', false],
      ['was read before any of it was approved', true],
    ])('a directory that %s is read first, and its file gets the new one', async (_, before) => {
      const { db, world, file, leaked, connect, read } = await estateOf('orders')
      if (before) await read(await connect())
      await connect(['**/.env'])
      const report = await contain(db, world, { secret: leaked, mode, windowSeconds: 0 })
      const told = containText(report, 200)
      expect(report, told).toMatchObject({ state: 'done', contained: true, outstanding: [] })
      expect(report.copies).toEqual([expect.objectContaining({ state: 'replaced' })])
      expect(await logInFrom(file)).toMatch(/^fb_/)
      await expect(server.client(leaked)).rejects.toThrow('WRONGPASS')
      await mustHold(db)
      await mustNotStandIn(db, [leaked.revealText()], JSON.stringify(report) + told)
    })

    test('where no place may get a new one, none stands, and it is told as left to a person', async () => {
      const { db, world, file, leaked, connect, read } = await estateOf('stock')
      await read(await connect())
      const before = await readFile(file, 'utf8')
      const request = { secret: leaked, mode, windowSeconds: 0 }
      const planned = await contain(db, world, { ...request, dryRun: true })
      expect(planned.breaks.join('\n')).toContain('no other is issued')
      const report = await contain(db, world, request)
      expect(report, containText(report, 200)).toMatchObject({ state: 'done', contained: true })
      expect(containText(report, 200)).toContain('Left to a person\n  stock: no new credential was issued')
      expect(await issuedUsers()).toEqual([])
      expect(await readFile(file, 'utf8')).toBe(before)
      await mustHold(db)
    })
  })

  test.each(['deploy', 'deploy/.env'])(
    'a file of which two sources tell, one of them of %s, is written once, and who reads another one is left to a person',
    async inner => {
      const { db, world, file, leaked, connect, connectWithin, read } = await estateOf('till')
      await read(await connectWithin(inner, ['.env']))
      await read(await connect())
      const report = await contain(db, world, { secret: leaked, mode: 'emergency', windowSeconds: 0 })
      expect(report, containText(report, 200)).toMatchObject({ state: 'done', contained: true })
      const states = report.copies.map(({ where, state }) => [where.replace(/^\S*?\//, ''), state])
      expect(states.sort()).toEqual([
        ['.env:1', 'dead'],
        ['.env:1', 'replaced'],
        ['deploy/.env:1', 'replaced'],
      ])
      expect(report.breaks.join()).not.toContain('deploy/.env')
      expect(report.outstanding).toEqual([
        expect.stringMatching(
          /^till: the old one stands still in \S+\/\.env:1\. .* stands in deploy\/\.env:1$/,
        ),
      ])
      await expect(logInFrom(file)).rejects.toThrow('WRONGPASS')
      expect(await logInFrom(join(file, '..', 'deploy/.env'))).toMatch(/^fb_/)
      await mustHold(db)
    },
  )

  test('what could be written nowhere in the end is taken back, and told', async () => {
    let empty = async () => {}
    const { db, world, file, leaked, connect, read } = await estateOf('cart', () => empty())
    const source = await connect(['**/.env'])
    // Somebody takes the value out of the file while the run is under way, and it is read again.
    empty = async () => {
      await writeFile(file, 'CACHE=\n')
      await read(source)
    }
    const report = await contain(db, world, { secret: leaked, mode: 'emergency', windowSeconds: 0 })
    const told = containText(report, 200)
    expect(report, told).toMatchObject({ state: 'done', contained: true })
    expect(report.outstanding).toEqual([expect.stringContaining('was taken back')])
    expect(await issuedUsers()).toEqual([])
    const issued = await db
      .selectFrom('credential')
      .select('state')
      .where('issued_by', '=', report.run)
      .execute()
    expect(issued).toEqual([{ state: 'dead' }])
    await mustHold(db)
  })

  test('what a graceful run issued for those who did not move is taken back when it becomes an emergency', async () => {
    const { db, world, leaked, connect, read } = await estateOf('desk')
    await read(await connect())
    const consumer = await server.client(leaked, 'worker')
    consumer.on('error', () => {})
    const options = { ...world, patienceSeconds: 0 }
    const waiting = await contain(db, options, { secret: leaked, mode: 'graceful', windowSeconds: 1 })
    expect(waiting, containText(waiting, 200)).toMatchObject({ state: 'stuck', contained: false })
    expect(await issuedUsers()).toHaveLength(1)
    const report = await contain(db, options, { secret: leaked, mode: 'emergency', windowSeconds: 0 })
    consumer.disconnect()
    expect(report, containText(report, 200)).toMatchObject({ state: 'done', contained: true })
    expect(report.outstanding).toEqual([expect.stringContaining('was taken back')])
    expect(await issuedUsers()).toEqual([])
    await mustHold(db)
  })
})
