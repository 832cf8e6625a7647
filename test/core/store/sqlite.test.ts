import { chmod, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { type Db, openStore, transaction } from '../../../src/core/store/store.ts'
import { ownDirectory } from '../../know/estate.ts'

async function open(path: string, options = {}): Promise<Db> {
  const db = await openStore(path, options)
  onTestFinished(() => db.destroy())
  return db
}

test('what is no database is STORE_BROKEN, and left as it is', async () => {
  const path = join(await ownDirectory(), 'db')
  await writeFile(path, 'this is no database, and long enough to be looked at as one'.repeat(100))
  await expect(openStore(path)).rejects.toMatchObject({ code: 'STORE_BROKEN' })
})

test('a full disk is STORE_FULL, and what was committed is there', async () => {
  const path = join(await ownDirectory(), 'db')
  const db = await open(path, { maxPageCount: 120 })
  const write = (store: Db, id: string) =>
    transaction(store, tx =>
      tx
        .insertInto('evidence')
        .values({ id, at: 1, kind: 'k', subject: 's', body: 'x'.repeat(2000), seq: null, hash: null })
        .execute(),
    )
  const count = async (store: Db) => (await store.selectFrom('evidence').select('id').execute()).length
  let written = 0
  const fill = async () => {
    for (; ; written++) await write(db, `id-${written}`)
  }
  await expect(fill()).rejects.toMatchObject({ code: 'STORE_FULL' })
  expect(written).toBeGreaterThan(0)
  expect(await count(db)).toBe(written)
  const roomy = await open(path)
  expect(await count(roomy)).toBe(written)
  await write(roomy, 'more')
})

test('nobody else may read its files, also in a folder that others look into', async () => {
  const folder = await ownDirectory()
  await chmod(folder, 0o755)
  const db = await open(join(folder, 'db'))
  await transaction(db, tx =>
    tx
      .insertInto('evidence')
      .values({ id: 'a', at: 1, kind: 'k', subject: 's', body: 'x', seq: null, hash: null })
      .execute(),
  )
  const files = await readdir(folder)
  expect(files.toSorted()).toEqual(['db', 'db-shm', 'db-wal'])
  for (const file of files) expect((await stat(join(folder, file))).mode & 0o077, file).toBe(0)
})

test('what is erased is overwritten, and every commit is flushed', async () => {
  const db = await open(':memory:')
  const setting = async (name: string) =>
    Object.values((await sql.raw<object>(`pragma ${name}`).execute(db)).rows[0] ?? {})
  expect(await setting('secure_delete')).toEqual([1])
  expect(await setting('synchronous')).toEqual([2])
  expect(await setting('foreign_keys')).toEqual([1])
})

test('a transaction that could not begin leaves no setting behind', async () => {
  const path = join(await ownDirectory(), 'db')
  const [one, other] = [await open(path), await open(path)]
  const setting = async () =>
    Object.values((await sql.raw<object>('pragma temp_store').execute(other)).rows[0] ?? {})
  const before = await setting()
  await one.transaction().execute(async () => {
    await expect(other.transaction().execute(async () => {})).rejects.toThrow('locked')
    expect(await setting()).toEqual(before)
  })
})
