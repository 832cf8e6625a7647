import { expect, onTestFinished, test } from 'vitest'
import { fingerprintsOf, membersOf } from '../../../src/know/inventory/merge.ts'
import { openOwnStore } from '../../own-store.ts'

test('more identities than one statement can ask for, as of a large repository that is gone', async () => {
  const { db, close } = await openOwnStore()
  onTestFinished(close)
  const many = Array.from(
    { length: 70_000 },
    (_, at) => `0198e0a0-0000-7000-8000-${String(at).padStart(12, '0')}`,
  )
  expect(await membersOf(db, many)).toHaveLength(many.length)
  expect(await fingerprintsOf(db, many)).toEqual(new Set())
})
