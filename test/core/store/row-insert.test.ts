import { expect, test } from 'vitest'
import { RowInsert } from '../../../src/core/store/row-insert.ts'
import type { NewRow } from '../../../src/core/store/schema.ts'
import { transaction } from '../../../src/core/store/store.ts'
import { openOwnStore } from '../../own-store.ts'

const row = (seq: number, hash: string): NewRow<'checkpoint'> => ({
  seq,
  hash,
  at: seq + 1,
  public_key: `key ${seq}`,
  signature: `signature ${hash}`,
})
const fresh = new RowInsert('checkpoint', insert =>
  insert.onConflict(conflict => conflict.doNothing()).returning('seq'),
)

test.each([0, 1, 7, 8, 64, 147])('%i rows are all inserted, each column with its own value', async count => {
  const { db, close } = await openOwnStore()
  const rows = Array.from({ length: count }, (_, seq) => row(seq, `hash ${seq}`))
  const inserted = await transaction(db, tx => fresh.run(tx, rows))
  expect(inserted.map(({ seq }) => seq)).toEqual(rows.map(({ seq }) => seq))
  expect(await db.selectFrom('checkpoint').selectAll().orderBy('seq').execute()).toEqual(rows)
  await close()
})

test('what was there, or comes twice, is not told as inserted', async () => {
  const { db, close } = await openOwnStore()
  await transaction(db, tx => fresh.run(tx, [row(1, 'first')]))
  // The order of the columns is that of these rows, and not of those that were inserted before.
  const rows = [row(2, 'second'), row(1, 'third'), row(2, 'fourth')].map(({ hash, ...others }) => ({
    hash,
    ...others,
  }))
  expect(await transaction(db, tx => fresh.run(tx, rows))).toEqual([{ seq: 2 }])
  const stored = await db.selectFrom('checkpoint').selectAll().orderBy('seq').execute()
  expect(stored).toEqual([row(1, 'first'), row(2, 'second')])
  await close()
})

test('an ending with parameters of its own is refused: it would keep the first ones', async () => {
  const { db, close } = await openOwnStore()
  const fixed = new RowInsert('checkpoint', insert =>
    insert.onConflict(conflict => conflict.column('seq').doUpdateSet({ hash: 'mine' })),
  )
  await expect(transaction(db, tx => fixed.run(tx, [row(1, 'x')]))).rejects.toThrow(/parameters/)
  await close()
})
