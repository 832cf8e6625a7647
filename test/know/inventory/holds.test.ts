import { expect, test } from 'vitest'
import { transaction } from '../../../src/core/store/store.ts'
import { heldBy, liftHold, liftHolds, setHold } from '../../../src/know/inventory/holds.ts'
import { entityByRef } from '../../../src/know/inventory/queries.ts'
import { claim, openEstate, role, sawCopy, sawInstance, sawRole } from '../estate.ts'

async function estateWithAlias() {
  const estate = await openEstate()
  await estate.fold(await estate.source(), [
    sawCopy({ value: 'v', path: 'a', claims: claim('db:5432', 'app') }),
    sawInstance(['db:5432']),
    sawRole('1', ['app']),
  ])
  const real = await entityByRef(estate.db, 'identity', role('1'))
  const alias = await estate.db
    .selectFrom('entity')
    .select('id')
    .where('native', '=', '?app')
    .executeTakeFirstOrThrow()
  const hold = (id: string, run: string | undefined) =>
    transaction(estate.db, tx => setHold(tx, estate.io, id, run, 'being contained'))
  return { estate, realId: real!.id, aliasId: alias.id, hold }
}

test('what is held under an alias is held', async () => {
  const { estate, realId, aliasId, hold } = await estateWithAlias()
  await hold(aliasId, 'run-1')
  expect(await heldBy(estate.db, realId)).toMatchObject([{ run_id: 'run-1', why: 'being contained' }])
  expect(await heldBy(estate.db, aliasId)).toHaveLength(1)
})

test('a run holds a thing once, and no other run holds it beside', async () => {
  const { estate, realId, aliasId, hold } = await estateWithAlias()
  await hold(realId, 'run-1')
  await hold(aliasId, 'run-1')
  await expect(hold(realId, 'run-2')).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(await heldBy(estate.db, realId)).toHaveLength(1)
})

test('a run that ends lifts what it held, and only that', async () => {
  const { estate, realId, hold } = await estateWithAlias()
  await hold(realId, undefined)
  await hold(realId, 'run-1')
  await transaction(estate.db, tx => liftHolds(tx, estate.io, 'run-1'))
  const [left, ...others] = await heldBy(estate.db, realId)
  expect([left?.run_id, others]).toEqual([null, []])
  await transaction(estate.db, tx => liftHold(tx, estate.io, left!.id))
  expect(await heldBy(estate.db, realId)).toEqual([])
  await hold(realId, 'run-2')
  expect(await heldBy(estate.db, realId)).toMatchObject([{ run_id: 'run-2' }])
})
