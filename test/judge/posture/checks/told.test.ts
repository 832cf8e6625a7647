import { expect, test } from 'vitest'
import { told } from '../../../../src/judge/posture/checks/told.ts'
import { openEstate, testKeys } from '../../../know/estate.ts'

test('a fact that was told of what became another, which became a third, is one of the third', async () => {
  const { db } = await openEstate()
  const source = { id: 's', system: 'x', instance: '1', label: 'x', config: '{}', created_at: 0 }
  await db.insertInto('source').values(source).execute()
  for (const [id, merged_into] of [
    ['third', null],
    ['second', 'third'],
    ['first', 'second'],
  ] as const)
    await db
      .insertInto('entity')
      .values({
        id,
        type: 'credential',
        system: 'x',
        instance: '1',
        kind: 'key',
        native: id,
        first_seen: 0,
        last_seen: 0,
        gone_at: null,
        merged_into,
      })
      .execute()
  await db
    .insertInto('fact')
    .values({ entity_id: 'first', name: 'created', source_id: 's', value: '"2025"', at: null, learnt_at: 0 })
    .execute()
  const all = await told({ db, keys: testKeys, now: 0 })
  expect(all.map(({ id, facts }) => [id, facts.get('created'), facts.has('expires')])).toEqual([
    ['third', '2025', false],
  ])
})
