import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { heldAgainst, writeRatchet } from '../../../../src/serve/operations/check/ratchet.ts'
import { ownDirectory } from '../../../know/estate.ts'

const standing = (byKind: Record<string, number>, byClass: Record<string, number> = {}) => ({
  total: Object.values(byKind).reduce((sum, count) => sum + count, 0),
  byKind,
  byClass,
})

test('what was kept may shrink and may not grow; of what there is more is said', async () => {
  const file = join(await ownDirectory(), 'standing.json')
  await writeRatchet(file, standing({ 'aws access-key': 3, 'postgres password': 2 }))
  expect(await heldAgainst(file, standing({ 'aws access-key': 3 }))).toMatchObject({ holds: true, now: 3 })
  expect(await heldAgainst(file, standing({ 'aws access-key': 4, 'slack token': 2 }))).toEqual({
    kept: 5,
    now: 6,
    grown: [
      { kind: 'slack token', kept: 0, now: 2 },
      { kind: 'aws access-key', kept: 3, now: 4 },
    ],
    holds: false,
  })
})

test('fewer of one system or class do not make up for more of another', async () => {
  const file = join(await ownDirectory(), 'standing.json')
  await writeRatchet(file, standing({ 'aws access-key': 3, 'slack token': 2 }, { ordinary: 4, shared: 1 }))
  expect(
    await heldAgainst(file, standing({ 'aws access-key': 5 }, { ordinary: 4, shared: 1 })),
  ).toMatchObject({ holds: false, grown: [{ kind: 'aws access-key', kept: 3, now: 5 }] })
  expect(
    await heldAgainst(
      file,
      standing({ 'aws access-key': 3, 'slack token': 2 }, { ordinary: 3, 'third-party': 2 }),
    ),
  ).toMatchObject({ holds: false, grown: [{ kind: 'third-party identities', kept: 0, now: 2 }] })
  // As it was written before there were classes in it.
  const { byClass: _, ...before } = standing({ 'aws access-key': 3 })
  await writeFile(file, JSON.stringify({ firebreak: 'ratchet', version: 1, standing: before }))
  expect(await heldAgainst(file, standing({ 'aws access-key': 3 }, { shared: 3 }))).toMatchObject({
    holds: true,
  })
})

test('a file that is not there, and one that is no ratchet, are told with what to do', async () => {
  const folder = await ownDirectory()
  await expect(heldAgainst(join(folder, 'none'), standing({}))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const file = join(folder, 'other.json')
  await writeFile(file, '{"firebreak":"baseline"}')
  await expect(heldAgainst(file, standing({}))).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})
