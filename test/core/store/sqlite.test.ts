import { chmod, chown, readdir, stat, symlink, writeFile } from 'node:fs/promises'
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

const entry = (id: string, body = 'x') => ({
  id,
  at: 1,
  kind: 'k',
  subject: 's',
  body,
  seq: null,
  hash: null,
})

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
        .values(entry(id, 'x'.repeat(2000)))
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
  await transaction(db, tx => tx.insertInto('evidence').values(entry('a')).execute())
  const files = await readdir(folder)
  expect(files.toSorted()).toEqual(['db', 'db-shm', 'db-wal'])
  for (const file of files) expect((await stat(join(folder, file))).mode & 0o077, file).toBe(0)
})

test('one that others could read, from before, is its owner’s alone once it was opened, also through a link', async () => {
  const folder = await ownDirectory()
  const [path, link] = [join(folder, 'db'), join(folder, 'link')]
  const first = await open(path)
  await symlink(path, link)
  const modes = async () =>
    await Promise.all(['', '-wal', '-shm'].map(async end => (await stat(path + end)).mode & 0o777))
  for (const end of ['', '-wal', '-shm']) await chmod(path + end, 0o664)
  await open(link)
  expect(await modes()).toEqual([0o600, 0o600, 0o600])
  // Whoever had it open meanwhile still writes.
  await first.insertInto('evidence').values(entry('a')).execute()
})

test('what is no database keeps its mode', async () => {
  const path = join(await ownDirectory(), 'db')
  await writeFile(path, 'this is no database, and long enough to be looked at as one'.repeat(100))
  await chmod(path, 0o644)
  await expect(openStore(path)).rejects.toMatchObject({ code: 'STORE_BROKEN' })
  expect((await stat(path)).mode & 0o777).toBe(0o644)
})

test.runIf(process.getuid?.() === 0)('one that is another’s keeps its mode, and is opened', async () => {
  const path = join(await ownDirectory(), 'db')
  await (await openStore(path)).destroy()
  await chown(path, 65_534, 65_534)
  await chmod(path, 0o644)
  const db = await open(path)
  await db.insertInto('evidence').values(entry('a')).execute()
  expect((await stat(path)).mode & 0o777).toBe(0o644)
})

test('what is erased is overwritten, and every commit is flushed', async () => {
  const db = await open(join(await ownDirectory(), 'db'))
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
