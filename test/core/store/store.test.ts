import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { NewRow } from '../../../src/core/store/schema.ts'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { ownDirectory } from '../../know/estate.ts'

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
    const path = join(await ownDirectory(), 'new', 'db')
    const first = await openStore(path)
    await first.insertInto('evidence').values(entry('a')).execute()
    await first.destroy()
    expect(await count(await open(path))).toBe(1)
  })

  test('by many at once makes the tables once', async () => {
    const path = join(await ownDirectory(), 'db')
    const opened = await Promise.all(Array.from({ length: 5 }, () => open(path)))
    for (const db of opened) expect(await count(db)).toBe(0)
  })

  test('what is no database is STORE_BROKEN, and left as it is', async () => {
    const path = join(await ownDirectory(), 'db')
    await writeFile(path, 'this is no database, and long enough to be looked at as one'.repeat(100))
    await expect(openStore(path)).rejects.toMatchObject({ code: 'STORE_BROKEN' })
  })

  test('what is no path is told so without what may be a password in it', async () => {
    const opening = openStore('postgres://app:hunter2@db/x')
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') })
  })
})

describe('writing', () => {
  test('from two handles at once loses nothing', async () => {
    const path = join(await ownDirectory(), 'db')
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
    const path = join(await ownDirectory(), 'db')
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
    const path = join(await ownDirectory(), 'db')
    const [one, two] = [await open(path), await open(path)]
    let ticks = 0
    const ticking = setInterval(() => ticks++, 5)
    onTestFinished(() => clearInterval(ticking))
    const long = transaction(one, async tx => {
      await tx.insertInto('evidence').values(entry('long')).execute()
      await new Promise(resolve => {
        setTimeout(resolve, 400)
      })
    })
    await new Promise(resolve => {
      setTimeout(resolve, 50)
    })
    await transaction(two, tx => tx.insertInto('evidence').values(entry('short')).execute())
    await long
    expect(await count(one)).toBe(2)
    expect(ticks).toBeGreaterThan(10)
  })

  test('that fails leaves nothing', async () => {
    const db = await open(':memory:')
    const failing = transaction(db, async tx => {
      await tx.insertInto('evidence').values(entry('a')).execute()
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await count(db)).toBe(0)
  })

  test('to a full disk is STORE_FULL, and what was committed is there', async () => {
    const path = join(await ownDirectory(), 'db')
    const db = await open(path, { maxPageCount: 100 })
    const body = JSON.stringify('x'.repeat(2000))
    let written = 0
    const fill = async () => {
      for (; ; written++)
        await transaction(db, tx =>
          tx
            .insertInto('evidence')
            .values({ ...entry(`id-${written}`), body })
            .execute(),
        )
    }
    await expect(fill()).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(written).toBeGreaterThan(0)
    expect(await count(db)).toBe(written)
    const roomy = await open(path)
    expect(await count(roomy)).toBe(written)
    await transaction(roomy, tx => tx.insertInto('evidence').values(entry('more')).execute())
  })

  test('references hold: nothing points at what is not there', async () => {
    const db = await open(':memory:')
    const orphan = transaction(db, tx =>
      tx.insertInto('name').values({ entity_id: 'none', name: 'x', first_seen: 1, last_seen: 1 }).execute(),
    )
    await expect(orphan).rejects.toThrow(/FOREIGN KEY/)
  })
})

test('what is erased is overwritten, and every commit is flushed', async () => {
  const db = await open(':memory:')
  const { sql } = await import('kysely')
  const setting = async (name: string) =>
    Object.values((await sql.raw<object>(`pragma ${name}`).execute(db)).rows[0] ?? {})
  expect(await setting('secure_delete')).toEqual([1])
  expect(await setting('synchronous')).toEqual([2])
  expect(await setting('foreign_keys')).toEqual([1])
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
