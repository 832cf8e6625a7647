import { expect, test } from 'vitest'
import { nearNames } from '../../../src/serve/operations/near-names.ts'
import { openEstate } from '../../know/estate.ts'

test('a part of a name, or a slip of the pen, finds it; what is like nothing finds nothing', async () => {
  const { db } = await openEstate()
  for (const [index, name] of ['ci-deployer', 'ci-deployer-eu', 'app_rw', 'appXrw', '100%'].entries()) {
    const id = `e${index}`
    await db
      .insertInto('entity')
      .values({
        id,
        type: 'identity',
        system: 'test',
        instance: '1',
        kind: 'user',
        native: id,
        merged_into: null,
        first_seen: 1,
        last_seen: 1,
        gone_at: null,
      })
      .execute()
    await db.insertInto('name').values({ entity_id: id, name, first_seen: 1, last_seen: 1 }).execute()
  }
  expect(await nearNames(db, 'Deployer')).toEqual(['ci-deployer', 'ci-deployer-eu'])
  expect(await nearNames(db, 'ci-depolyer')).toEqual(['ci-deployer'])
  expect(await nearNames(db, 'p_rw')).toEqual(['app_rw'])
  expect(await nearNames(db, 'ap_rw')).toEqual(['app_rw'])
  expect(await nearNames(db, 'something-else')).toEqual([])
  expect(await nearNames(db, 'ci')).toEqual([])
})
