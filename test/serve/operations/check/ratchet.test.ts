import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { heldAgainst, writeRatchet } from '../../../../src/serve/operations/check/ratchet.ts'
import { ownDirectory } from '../../../know/estate.ts'

const standing = (byKind: Record<string, number>) => ({
  total: Object.values(byKind).reduce((sum, count) => sum + count, 0),
  byKind,
})

test('what was kept may shrink and may not grow; of what there is more is said', async () => {
  const file = join(await ownDirectory(), 'standing.json')
  await writeRatchet(file, standing({ 'aws access-key': 3, 'postgres password': 2 }))
  expect(await heldAgainst(file, standing({ 'aws access-key': 5 }))).toMatchObject({ holds: true, now: 5 })
  expect(await heldAgainst(file, standing({ 'aws access-key': 4, 'slack token': 2 }))).toEqual({
    kept: 5,
    now: 6,
    grown: [
      { kind: 'slack token', more: 2 },
      { kind: 'aws access-key', more: 1 },
    ],
    holds: false,
  })
})

test('a file that is not there, and one that is no ratchet, are told with what to do', async () => {
  const folder = await ownDirectory()
  await expect(heldAgainst(join(folder, 'none'), standing({}))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const file = join(folder, 'other.json')
  await writeFile(file, '{"firebreak":"baseline"}')
  await expect(heldAgainst(file, standing({}))).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})
