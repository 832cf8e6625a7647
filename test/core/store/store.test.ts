import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type NewRow, TABLE_NAMES } from '../../../src/core/store/schema.ts'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { openOwnStore, ownPlace } from '../../own-store.ts'

async function open(path: string, options = {}): Promise<Db> {
  const db = await openStore(path, options)
  onTestFinished(() => db.destroy())
  return db
}

const entry = (id: string): NewRow<'evidence'> => ({
  id,
  at: 1,
  kind: 'k',
  subject: 's',
  body: '{}',
  seq: null,
  hash: null,
})
const count = async (db: Db) => (await db.selectFrom('evidence').select('id').execute()).length

describe('opening', () => {
  test('again finds what was written, and migrates nothing twice', async () => {
    const path = await ownPlace()
    const first = await openStore(path)
    await first.insertInto('evidence').values(entry('a')).execute()
    await first.destroy()
    expect(await count(await open(path))).toBe(1)
  })

  test('by many at once makes the tables once', async () => {
    const path = await ownPlace()
    const opened = await Promise.all(Array.from({ length: 5 }, () => open(path)))
    for (const db of opened) expect(await count(db)).toBe(0)
  })

  test('what a newer version made is STORE_BROKEN, and left as it is', async () => {
    const path = await ownPlace()
    const db = await open(path)
    await sql`insert into kysely_migration (name, timestamp) values ('9999_later', 'x')`.execute(db)
    await expect(openStore(path)).rejects.toMatchObject({
      code: 'STORE_BROKEN',
      message: expect.stringContaining('9999_later'),
    })
  })

  test('what is no path is told so without what may be a password in it', async () => {
    const opening = openStore('mysql://app:hunter2@db/x')
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') })
  })

  test('whose URL names a certificate that cannot be read says that', async () => {
    const opening = openStore(
      'postgres://app:hunter2@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nonexistent',
    )
    await expect(opening).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(/certificate .*no such file/),
    })
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') })
  })
})

test('the tables are those that the code knows, so that none is forgotten when all are moved', async () => {
  const { db } = await openOwnStore()
  const tables = await db.introspection.getTables()
  const named = tables.map(table => table.name).filter(name => !name.startsWith('sqlite_'))
  expect(named.toSorted()).toEqual(TABLE_NAMES.toSorted())
})

describe('writing', () => {
  test('from two handles at once loses nothing', async () => {
    const path = await ownPlace()
    const [one, two] = [await open(path), await open(path)]
    const write = (db: Db, name: string) =>
      Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          transaction(db, async tx => {
            // Read, then write: with a deferred transaction one of two such would fail halfway.
            await tx.selectFrom('evidence').select('id').limit(1).execute()
            await tx
              .insertInto('evidence')
              .values(entry(`${name}-${n}`))
              .execute()
          }),
        ),
      )
    await Promise.all([write(one, 'one'), write(two, 'two')])
    expect(await count(one)).toBe(100)
  })

  test('from several processes at once loses nothing', async () => {
    const path = await ownPlace()
    const db = await open(path)
    const store = fileURLToPath(new URL('../../../src/core/store/store.ts', import.meta.url))
    const program = `
      import { openStore, transaction } from ${JSON.stringify(store)}
      const db = await openStore(process.argv[1])
      for (let n = 0; n < 60; n++) await transaction(db, async tx => {
        const { length } = await tx.selectFrom('evidence').select('id').execute()
        await tx.insertInto('evidence').values({ id: process.argv[2] + n, at: length, kind: 'k', subject: 's', body: '{}', seq: null, hash: null }).execute()
      })
      await db.destroy()`
    await Promise.all(['a', 'b', 'c'].map(name => run(program, path, name)))
    const rows = await db.selectFrom('evidence').select('at').execute()
    // Each saw all that was committed before it: a lost update would give one number twice.
    expect(rows.map(row => row.at).sort((a, b) => a - b)).toEqual(Array.from({ length: 180 }, (_, n) => n))
  })

  test('waits for a writer that is at work, without holding up this process', async () => {
    const path = await ownPlace()
    const [one, two] = [await open(path), await open(path)]
    const begun = Promise.withResolvers<void>()
    const long = transaction(one, async tx => {
      await tx.insertInto('evidence').values(entry('long')).execute()
      begun.resolve()
      // They tick while the other one waits, which would hold them up.
      for (let ticks = 0; ticks < 100; ticks++)
        await new Promise(resolve => {
          setTimeout(resolve, 5)
        })
    })
    await begun.promise
    const short = transaction(two, async tx => {
      await tx.insertInto('evidence').values(entry('short')).execute()
    })
    await Promise.all([long, short])
    expect(await count(one)).toBe(2)
  })

  test('that fails leaves nothing', async () => {
    const { db } = await openOwnStore()
    const failing = transaction(db, async tx => {
      await tx.insertInto('evidence').values(entry('a')).execute()
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await count(db)).toBe(0)
  })

  test('references hold: nothing points at what is not there', async () => {
    const { db } = await openOwnStore()
    const orphan = transaction(db, tx =>
      tx.insertInto('name').values({ entity_id: 'none', name: 'x', first_seen: 1, last_seen: 1 }).execute(),
    )
    await expect(orphan).rejects.toThrow(/foreign key/i)
  })
})

describe('what is written', () => {
  const setting = (value: string) => ({ name: 'moved_to' as const, value })

  test.each([
    ['nothing', ''],
    ['NUL', 'a\0b\0'],
    ['the marks that stand for NUL', '\u0001\u0001\u0002\0\u0001'],
    ['quotes and a backslash', `'"\\ $1 %s`],
    ['all of Unicode', 'é ñ 漢 🙂 \u{10ffff} \ufffe \u2028'],
    ['a million characters', 'x\0'.repeat(500_000)],
  ])('comes out the same: %s', async (_, value) => {
    const { db } = await openOwnStore()
    await db.insertInto('setting').values(setting(value)).execute()
    const found = await db.selectFrom('setting').select('value').where('value', '=', value).execute()
    expect(found).toEqual([{ value }])
  })

  test('half a character becomes the sign for that', async () => {
    const { db } = await openOwnStore()
    await db.insertInto('setting').values(setting('a\ud800b')).execute()
    expect((await db.selectFrom('setting').select('value').executeTakeFirst())?.value).toBe('a\ufffdb')
  })

  test('numbers come out as numbers, to the last bit', async () => {
    const { db } = await openOwnStore()
    const estate = { at: Number.MAX_SAFE_INTEGER, seq: Number.MIN_SAFE_INTEGER }
    await db
      .insertInto('evidence')
      .values({ ...entry('a'), ...estate })
      .execute()
    expect(await db.selectFrom('evidence').select(['at', 'seq']).execute()).toEqual([estate])
    const source = {
      id: 's',
      system: 's',
      instance: 'i',
      label: 'l',
      config: '{}',
      cursor: null,
      created_at: 0,
      observed_at: null,
      disconnected_at: null,
      connected_at: null,
      epoch: 0,
    }
    await db.insertInto('source').values(source).execute()
    expect(await db.selectFrom('source').selectAll().execute()).toEqual([source])
    const times = { first_seen: 1, last_seen: 1, gone_at: null }
    await db
      .insertInto('entity')
      .values({
        id: 'e',
        type: 'resource',
        system: 's',
        instance: 'i',
        kind: 'k',
        native: 'n',
        merged_into: null,
        ...times,
      })
      .execute()
    for (const weight of [0.1 + 0.2, 1e-300, 0, 1 / 3]) {
      const owner = {
        entity_id: 'e',
        owner: String(weight),
        source: 's',
        source_id: 's',
        weight,
        at: null,
        learnt_at: 1,
      }
      await db.insertInto('owner').values(owner).execute()
      expect(
        await db.selectFrom('owner').selectAll().where('owner', '=', owner.owner).execute(),
      ).toMatchObject([owner])
    }
  })

  test('is told apart and unique however long it is, and written again is changed', async () => {
    const { db } = await openOwnStore()
    const times = { first_seen: 1, last_seen: 1, gone_at: null }
    // What cannot be pressed, and is longer than a page of an index.
    const long = Array.from({ length: 12_000 }, (_, n) =>
      String.fromCodePoint(33 + ((n * n * 7919) % 94)),
    ).join('')
    const entity = (native: string) => ({
      id: native.slice(-3),
      type: 'resource' as const,
      system: 's',
      instance: 'i',
      kind: 'k',
      native,
      merged_into: null,
      ...times,
    })
    await db
      .insertInto('entity')
      .values([entity(`${long}aaa`), entity(`${long}bbb`)])
      .execute()
    await expect(
      db
        .insertInto('entity')
        .values({ ...entity(`${long}aaa`), id: 'x' })
        .execute(),
    ).rejects.toThrow(/unique/i)
    const name = { entity_id: 'aaa', name: long, first_seen: 1, last_seen: 1 }
    const again = (row: typeof name) =>
      db
        .insertInto('name')
        .values(row)
        .onConflict(conflict =>
          conflict.columns(['entity_id', 'name']).doUpdateSet({ last_seen: row.last_seen }),
        )
        .execute()
    await again(name)
    await again({ ...name, last_seen: 2 })
    expect(await db.selectFrom('name').selectAll().where('name', '=', long).execute()).toEqual([
      { ...name, last_seen: 2 },
    ])
    const ignored = await db
      .insertInto('name')
      .values(name)
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirst()
    expect(ignored.numInsertedOrUpdatedRows).toBe(0n)
  })
})

describe('what is asked for', () => {
  const ids = ['B', 'a', 'b', 'É', 'é', 'z', '🙂', '\uff5e']
  const filled = async () => {
    const { db } = await openOwnStore()
    await db
      .insertInto('evidence')
      .values(ids.map(id => ({ ...entry(id), seq: id === 'a' ? 1 : null })))
      .execute()
    return db
  }
  const idsOf = (rows: readonly { id: string }[]) => rows.map(row => row.id)

  test('sorts by its bytes', async () => {
    const db = await filled()
    const sorted = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(idsOf(await db.selectFrom('evidence').select('id').orderBy('id').execute())).toEqual(sorted)
    const { least } = await db
      .selectFrom('evidence')
      .select(({ fn }) => fn.min('id').as('least'))
      .executeTakeFirstOrThrow()
    expect(least).toBe('B')
  })

  test('tells small letters from capitals', async () => {
    const db = await filled()
    expect(idsOf(await db.selectFrom('evidence').select('id').where('id', 'like', 'b%').execute())).toEqual([
      'b',
    ])
  })

  test('by no ids is nothing', async () => {
    const db = await filled()
    expect(await db.selectFrom('evidence').select('id').where('id', 'in', []).execute()).toEqual([])
    expect(await db.selectFrom('evidence').select('id').where('id', 'not in', []).execute()).toHaveLength(
      ids.length,
    )
  })

  test('is counted as a number', async () => {
    const db = await filled()
    const { count } = await db
      .selectFrom('evidence')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    expect(count).toBe(ids.length)
  })
})

async function run(program: string, ...args: string[]): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const code = await new Promise(resolve => {
    child.on('exit', resolve)
  })
  expect(code).toBe(0)
}
