import { expect, test } from 'vitest'
import { transaction } from '../../../../src/core/store/store.ts'
import { unrotatedAfterHandover } from '../../../../src/judge/posture/checks/unrotated-after-handover.ts'
import { sayOwner } from '../../../../src/know/inventory/owner-word.ts'
import { entityByRef } from '../../../../src/know/inventory/queries.ts'
import { claim, openEstate, role, sawCopy, sawInstance, sawRole } from '../../../know/estate.ts'
import { DAY_MS, judged } from './judged.ts'

const ENDPOINT = 'db.acme.example:5432'

test('a value that was seen before its owner changed is the same; of one that was seen since, nobody can tell', async () => {
  const estate = await openEstate()
  const source = await estate.source()
  const kept = sawCopy({ value: 'kept', path: 'a.env', claims: role('1') })
  // A text names the role by where its server is.
  const named = sawCopy({ value: 'named', path: 'b.env', claims: claim(ENDPOINT, 'named') })
  const newer = sawCopy({ value: 'newer', path: 'c.env', claims: role('3') })
  const server = [
    sawInstance([ENDPOINT]),
    sawRole('1', ['kept']),
    sawRole('2', ['named']),
    sawRole('3', ['newer']),
  ]
  await estate.fold(source, [...server, kept, named])
  estate.clock.ms += DAY_MS
  for (const oid of ['1', '2', '3']) {
    const { id } = (await entityByRef(estate.db, 'identity', role(oid)))!
    const word = { entityId: id, owner: 'orders', by: 'ann', from: 'payments' }
    await transaction(estate.db, tx => sayOwner(tx, estate.io, word))
  }
  estate.clock.ms += DAY_MS
  await estate.fold(source, [...server, kept, named, newer])
  const { fails, counts } = await judged(estate, unrotatedAfterHandover)
  const why = 'it went from payments to orders on 2026-01-02, 1 day ago, and its value was seen before'
  expect(fails).toEqual({ kept: why, named: why })
  expect(counts).toEqual({ fails: 2, unknown: 1, passes: 0 })
})
