import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  applyExceptions,
  parseExceptions,
  readExceptions,
} from '../../../../src/serve/operations/check/exceptions.ts'
import { listFindings } from '../../../../src/serve/operations/findings.ts'
import type { World } from '../../../../src/serve/operations/operation.ts'
import { entityByRef } from '../../../../src/know/inventory/queries.ts'
import { openEstate, ownDirectory, role, sawRole } from '../../../know/estate.ts'

const one = (more: object = {}) => ({
  check: 'owner-missing',
  entity: 'app',
  owner: 'payments',
  reason: 'it moves in July',
  control: 'only the office reaches it',
  expires: '2026-07-31',
  ...more,
})
const file = (...exceptions: object[]) => JSON.stringify({ exceptions }, null, 1)

test('what is wrong in the file is told with its line and what to do', async () => {
  expect(parseExceptions('x.yaml', file(one()))).toMatchObject([{ line: 3, owner: 'payments' }])
  const wrongs: [string, string][] = [
    [file(one(), one({ check: 'no-such-check' })), 'x.yaml, line 12: check: is no check'],
    [file(one({ expires: 'soon' })), 'x.yaml, line 9: expires: give the last day'],
    [file(one({ reson: 'a typo' })), 'x.yaml, line 3: '],
    ['exceptions:\n  - check: unused\n    entity: app\n', 'x.yaml, line 2: owner: '],
    ['exceptions:\n  - check: "unused\n', 'x.yaml, line '],
    ['', 'x.yaml, line 1: '],
    [
      file(one({ check: 'no-such-check' }), one({ expires: 'soon', owner: '' })),
      'x.yaml, line 4: check: is no check: docs/posture.md has them; line 14: owner: ',
    ],
    [
      file(one({ check: 'no-such-check' }), one({ expires: 'soon' })),
      '; line 17: expires: give the last day',
    ],
    [file(...Array.from({ length: 30 }, () => one({ owner: '' }))), '; and 10 more'],
  ]
  for (const [text, says] of wrongs)
    expect(() => parseExceptions('x.yaml', text), text).toThrowError(
      expect.objectContaining({ message: expect.stringContaining(says) }),
    )
  await expect(readExceptions(join(await ownDirectory(), 'none.yaml'))).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
})

test('an exception holds until its day, of the one thing that it names; others are said', async () => {
  const estate = await openEstate()
  await estate.fold(await estate.source(), [sawRole('1', ['app']), sawRole('2', ['other'])])
  const ids = await Promise.all(
    ['1', '2'].map(async oid => (await entityByRef(estate.db, 'identity', role(oid)))!.id),
  )
  for (const [at, entity_id] of ids.entries())
    await estate.db
      .insertInto('finding')
      .values({
        id: `f${at}`,
        check: 'owner-missing',
        entity_id,
        why: 'nobody',
        first_seen: 1,
        last_seen: 1,
        ended_at: null,
      })
      .execute()
  const world = { ...estate } as unknown as World
  const apply = async (day: string, ...exceptions: object[]) => {
    estate.clock.ms = Date.parse(`${day}T12:00:00Z`)
    const parsed = parseExceptions('x.yaml', file(...exceptions))
    return await applyExceptions(world, 'x.yaml', parsed, await listFindings(world))
  }
  const held = await apply('2026-07-31', one(), one({ check: 'unused' }), one({ entity: 'nobody-knows' }))
  expect(held.findings.map(({ name, exception }) => [name, exception?.owner])).toEqual([
    ['app', 'payments'],
    ['other', undefined],
  ])
  expect(held.idle.map(({ check, entity }) => [check, entity])).toEqual([
    ['unused', 'app'],
    ['owner-missing', 'nobody-knows'],
  ])
  const after = await apply('2026-08-01', one())
  expect(after.findings.map(({ exception }) => exception)).toEqual([null, null])
  expect(after.expired).toHaveLength(1)
})
