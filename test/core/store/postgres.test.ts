import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { availablePostgres } from '../../../src/serve/operations/drill/postgres-server.ts'
import { cuttingProxy } from '../../laws/cutting-proxy.ts'
import { ownPlace, usePostgres } from '../../own-store.ts'
import { requireServer } from '../../servers.ts'

const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

/** Everything that the store promises, once more on a real server. */
describe.skipIf(postgres.skip)(`on PostgreSQL ${postgres.reason}`, async () => {
  const engine = usePostgres()
  afterAll(() => engine.stop())

  describe('store', async () => void (await import('./store.test.ts')))
  describe('inserts', async () => void (await import('./row-insert.test.ts')))
  describe('evidence', async () => void (await import('../evidence/evidence.test.ts')))
  describe('connections', async () => void (await import('../../know/connections/registry.test.ts')))
  describe('fold', async () => void (await import('../../know/inventory/fold.test.ts')))
  describe('link', async () => void (await import('../../know/inventory/link.test.ts')))
  describe('confirm', async () => void (await import('../../know/inventory/confirm.test.ts')))
  describe('issued', async () => void (await import('../../know/inventory/issued.test.ts')))
  describe('holds', async () => void (await import('../../know/inventory/holds.test.ts')))
  describe('graph', async () => void (await import('../../know/graph/graph.test.ts')))
  describe('observe', async () => void (await import('../../know/observe/observe.test.ts')))
  describe('schedule', async () => void (await import('../../know/observe/schedule.test.ts')))
  describe('disconnect', async () => void (await import('../../know/observe/disconnect.test.ts')))
  describe('checks', async () => void (await import('../../judge/posture/run-checks.test.ts')))
  describe('runs', async () => void (await import('../../act/actions/run.test.ts')))
  describe('delivery', async () => void (await import('../../act/lifecycle/delivery.test.ts')))
  describe('marks', async () => void (await import('../../serve/operations/scan/kept-marks.test.ts')))
  describe('near names', async () => void (await import('../../serve/operations/near-names.test.ts')))

  describe('a server', () => {
    let admin: pg.Client
    let url: (database: string, more?: { password?: string; port?: number; query?: string }) => string

    beforeAll(async () => {
      const server = await engine.server()
      url = (
        database,
        { password = server.adminPassword.revealText(), port = server.port, query = '' } = {},
      ) => `postgres://${server.adminUser}:${password}@127.0.0.1:${port}/${database}${query}`
      admin = new pg.Client({ connectionString: url('postgres') })
      await admin.connect()
    })
    afterAll(() => admin?.end())

    const open = async (place: string): Promise<Db> => {
      const db = await openStore(place, { connections: 2 })
      onTestFinished(() => db.destroy())
      return db
    }
    const statements = async (database: string, ...texts: string[]) => {
      const client = new pg.Client({ connectionString: url(database) })
      await client.connect()
      for (const text of texts) await client.query(text)
      await client.end()
    }

    test('gets its tables from several processes at once, once', async () => {
      await admin.query('create database fresh')
      const opened = await Promise.all(Array.from({ length: 4 }, () => open(url('fresh'))))
      for (const db of opened) expect(await db.selectFrom('entity').selectAll().execute()).toEqual([])
    })

    test('may hold several stores, each in a schema of its own', async () => {
      await admin.query('create database schemas')
      await statements(
        'schemas',
        'create schema one',
        'create schema two',
        'create table public.other (id int)',
      )
      const [one, two] = await Promise.all(
        ['one', 'two'].map(name => open(url('schemas', { query: `?options=-csearch_path%3D${name}` }))),
      )
      await one!.insertInto('setting').values({ name: 'moved_to', value: 'x' }).execute()
      expect(await two!.selectFrom('setting').selectAll().execute()).toEqual([])
      const again = await open(url('schemas', { query: '?options=-csearch_path%3Done' }))
      expect(await again.selectFrom('setting').selectAll().execute()).toHaveLength(1)
    })

    test.each([
      ['another program has tables', 'create database taken', 'taken', '', /not Firebreak's/],
      [
        'the schema is absent',
        'create database bare',
        'bare',
        '?options=-csearch_path%3Dnone',
        /search path/,
      ],
      [
        'text would be lost',
        "create database ascii encoding 'SQL_ASCII' template template0",
        'ascii',
        '',
        /encoding/,
      ],
    ])('is refused where %s', async (_, create, database, query, why) => {
      await admin.query(create)
      if (database === 'taken') await statements(database, 'create table name (id int)')
      await expect(openStore(url(database, { query }))).rejects.toMatchObject({
        code: 'STORE_BROKEN',
        message: expect.stringMatching(why),
      })
    })

    test.each([
      ['STORE_BROKEN', 'postgres', { password: 'hunter2' }],
      ['STORE_BROKEN', 'postgres', { password: '' }],
      ['STORE_BROKEN', 'nowhere', {}],
      ['STORE_UNREACHABLE', 'postgres', { port: 1 }],
      ['STORE_UNREACHABLE', 'postgres', { query: '?sslmode=require' }],
      ['INVALID_CONFIG', 'postgres', { password: 'hunter2', port: 99_999 }],
    ])('says %s without the password where it does not let us in (%s %j)', async (code, database, how) => {
      const opening = openStore(url(database, how))
      await expect(opening).rejects.toMatchObject({ code, advice: expect.stringMatching(/./) })
      const error: unknown = await opening.catch(raised => raised)
      const { adminPassword } = await engine.server()
      for (const secret of ['hunter2', adminPassword.revealText()])
        expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(secret)
    })

    test('lets two stores in one database work at the same time', async () => {
      await admin.query('create database beside')
      await statements('beside', 'create schema one', 'create schema two')
      const [one, two] = await Promise.all(
        ['one', 'two'].map(name => open(url('beside', { query: `?options=-csearch_path%3D${name}` }))),
      )
      expect(await transaction(one!, () => transaction(two!, async () => 'both'))).toBe('both')
    })

    test.each(['postgres:/app:hunter2@db/x', 'postgresql:app:hunter2@db', 'mysql://app:hunter2@db/x'])(
      'is no file by the name of a URL with a mistake in it (%s)',
      async place => {
        const error: unknown = await openStore(place).catch(raised => raised)
        expect(error).toMatchObject({ code: 'INVALID_CONFIG' })
        expect(String(error)).not.toContain('hunter2')
      },
    )

    test('that does not notice that a commit never came is asked until it does', async () => {
      const { port } = await engine.server()
      const place = new URL(await ownPlace())
      const proxy = await cuttingProxy(port)
      place.port = String(proxy.port)
      const db = await open(place.href)
      onTestFinished(() => proxy.close())
      const add = () =>
        transaction(
          db,
          tx => tx.insertInto('setting').values({ name: 'moved_to', value: 'x' }).execute(),
          'rows',
        )
      await add()
      await db.deleteFrom('setting').execute()
      proxy.noFault()
      await add()
      const messages = proxy.count()
      await db.deleteFrom('setting').execute()
      const sessions = async (text: string, where: string) =>
        (
          await admin.query(`${text} from pg_stat_activity where datname = $1 and ${where}`, [
            place.pathname.slice(1),
          ])
        ).rows.length
      // It is idle between any two statements of the transaction, too: its end is lost once another session asks after it.
      const asked = () =>
        expect.poll(() => sessions('select pid', `query like 'select txid_status%'`)).toBeGreaterThan(0)
      const held = `state = 'idle in transaction'`
      // However slow the machine is, no time passes until we say so.
      let now = performance.now()
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
      onTestFinished(() => void clock.mockRestore())
      // The last message is the commit.
      proxy.failAt(messages, 'held')
      const adding = add()
      await asked()
      expect(await sessions('select pg_terminate_backend(pid)', held)).toBe(1)
      await adding
      expect(await db.selectFrom('setting').selectAll().execute()).toHaveLength(1)

      await db.deleteFrom('setting').execute()
      proxy.failAt(messages, 'held')
      const giving = add().catch((error: unknown) => error)
      await asked()
      // A quarter of a minute later.
      now += 20_000
      expect(await giving).toMatchObject({
        code: 'STORE_UNREACHABLE',
        message: expect.stringContaining('still holds that transaction'),
      })
    })

    test('whose connection breaks at any message has done each transaction exactly once', async () => {
      const { port } = await engine.server()
      const place = new URL(await ownPlace())
      const proxy = await cuttingProxy(port)
      place.port = String(proxy.port)
      const db = await open(place.href)
      onTestFinished(() => proxy.close())
      let count = 0
      const add = () =>
        transaction(db, async tx => {
          const { length } = await tx.selectFrom('evidence').select('id').execute()
          await tx
            .insertInto('evidence')
            .values({
              id: `${count}-${length}`,
              at: length,
              kind: 'k',
              subject: 's',
              body: '',
              seq: null,
              hash: null,
            })
            .execute()
        })
      await add()
      proxy.noFault()
      await add()
      const messages = proxy.count()
      expect(messages).toBeGreaterThan(8)
      for (const when of ['before', 'after'] as const)
        for (let message = 1; message <= messages; message++) {
          count++
          proxy.failAt(message, when)
          await add()
        }
      proxy.noFault()
      const rows = await db.selectFrom('evidence').select('at').orderBy('at').execute()
      expect(rows.map(row => row.at)).toEqual(Array.from({ length: 2 + 2 * messages }, (_, n) => n))
    })
  })
})
