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
    [file(one(), one({ check: 'no-such-check' })), 'x.yaml: line 12: check: no-such-check is not known'],
    [
      file(one({ check: 'owner-missin' })),
      'x.yaml: line 4: check: owner-missin is not known: did you mean owner-missing?',
    ],
    [file(one({ expires: 'soon' })), 'x.yaml: line 9: expires: give the last day'],
    [
      file(one({ onwer: 'a typo' })),
      'x.yaml: line 10: onwer is not known (check, entity, owner, reason, control, expires)',
    ],
    [
      'exceptions:\n  - check: unused\n    entity: app\n',
      'x.yaml: line 2: owner is missing; line 2: reason is missing',
    ],
    ['exceptions:\n  - check: "unused\n', 'x.yaml: line 3: it is no YAML there'],
    ['', 'x.yaml: line 1: the file: give names with values'],
    [
      file(one({ check: 'no-such-check' }), one({ expires: 'soon', owner: '' })),
      'x.yaml: line 4: check: no-such-check is not known; line 14: owner is empty; line 17: expires: give',
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
  const held = await apply(
    '2026-07-31',
    one(),
    one({ check: 'unused' }),
    one({ entity: 'nobody-knows' }),
    one(),
  )
  expect(held.findings.map(({ name, exception }) => [name, exception?.owner])).toEqual([
    ['app', 'payments'],
    ['other', undefined],
  ])
  expect(held.idle.map(({ why }) => why)).toEqual([
    'unused does not find app wrong',
    'nothing is known by the name nobody-knows',
    'line 3 excepts the same already',
  ])
  const after = await apply('2026-08-01', one())
  expect(after.findings.map(({ exception }) => exception)).toEqual([null, null])
  expect(after.expired).toHaveLength(1)
  await estate.fold(await estate.source(), [
    {
      see: 'identity',
      ref: { system: 'people', instance: 'hr', kind: 'person', id: '7' },
      names: ['Bob'],
      facts: { mails: { value: ['bob@acme.example'] }, isActive: { value: false } },
    },
  ])
  const left = await apply('2026-07-01', one({ owner: 'bob@acme.example' }))
  expect(left.findings.map(({ exception }) => exception)).toEqual([null, null])
  expect(left.ownerless).toHaveLength(1)
  // Now that there is a list, nobody in it is called so; without one nothing was said.
  const slip = await apply('2026-07-01', one({ owner: 'paymnets' }))
  expect(slip.findings.map(({ exception }) => exception?.owner)).toEqual(['paymnets', undefined])
  expect(slip.unlisted).toHaveLength(1)
  expect([held.unlisted, left.unlisted]).toEqual([[], []])
})
