import { expect, test } from 'vitest'
import { figuresOf } from '../../../src/judge/posture/figures.ts'
import { earlierPoints, keepPoint } from '../../../src/judge/posture/trend.ts'
import { entityByRef } from '../../../src/know/inventory/queries.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { openEstate, password, role, sawCopy, sawRole } from '../../know/estate.ts'

const DAY_MS = 86_400_000

test('each figure says what it was computed from, and what nobody can tell', async () => {
  const estate = await openEstate()
  const { db, keys, clock } = estate
  const source = await estate.source()
  await db.updateTable('source').set({ system: 'git' }).where('id', '=', source.id).execute()
  const iso = (days: number) => new Date(clock.ms - days * DAY_MS).toISOString()
  const made = (oid: string, facts: Record<string, string>): Finding => ({
    see: 'credential',
    ref: { ...password(oid), identity: role(oid) },
    facts: Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { value }])),
  })
  await estate.fold(source, [
    ...['1', '2', '3'].map(oid => sawRole(oid, [`role${oid}`])),
    { see: 'owner', of: role('1'), owner: 'group:payments', source: 'the tag owner', weight: 0.9 },
    made('1', { created: iso(10), lastUsed: iso(1) }),
    made('2', { created: iso(500) }),
    made('3', {}),
    sawCopy({ value: 'leaked', path: 'a.env', claims: role('2') }),
  ])
  const context = { db, keys, now: clock.ms }
  const before = await figuresOf(context)
  expect(before.visible).toEqual({ count: 1, of: 3, unknown: 0 })
  expect(before.rotated).toMatchObject({ count: 1 })
  expect(before.rotated.unknown).toBeGreaterThan(0)
  expect(before.exposed.count).toBe(1)
  expect(before).toMatchObject({ medianToDeadMs: null, dead: 0, exposedStillAlive: 1 })
  expect(before.standing.total).toBe(before.rotated.of)

  const text = 'require:\n  - rotation: 5d\n'
  await db
    .insertInto('requirement')
    .values({ id: 'r', text, file: 'r.yaml', said_by: 'ann', at: 0 })
    .execute()
  expect((await figuresOf({ ...context })).rotated).toEqual({ ...before.rotated, count: 0 })

  const dead = (await entityByRef(db, 'identity', role('2')))!.id
  await db
    .updateTable('credential')
    .set({ state: 'dead', state_at: clock.ms + 3 * DAY_MS })
    .where('identity_id', '=', dead)
    .execute()
  const after = await figuresOf({ ...context, now: clock.ms + 4 * DAY_MS })
  expect(after).toMatchObject({ dead: 1, exposedStillAlive: 0, medianToDeadMs: 3 * DAY_MS })
  expect(after.standing.total).toBeLessThan(before.standing.total)

  // Of two, what lies between.
  await estate.fold(source, [sawCopy({ value: 'second', path: 'b.env', claims: role('3') })])
  const other = (await entityByRef(db, 'identity', role('3')))!.id
  await db
    .updateTable('credential')
    .set({ state: 'dead', state_at: clock.ms + 1 * DAY_MS })
    .where('identity_id', '=', other)
    .execute()
  const both = await figuresOf({ ...context, now: clock.ms + 4 * DAY_MS })
  expect(both).toMatchObject({ dead: 2, medianToDeadMs: 2 * DAY_MS })
})

test('each run is kept, and the later is told how it stood before', async () => {
  const { db, io, clock } = await openEstate()
  expect(await earlierPoints(db)).toEqual([])
  const counts = [
    { check: 'a', fails: 2, unknown: 1, passes: 3 },
    { check: 'b', fails: 0, unknown: 0, passes: 9 },
  ]
  const point = await keepPoint(db, io, counts, 7)
  clock.ms += DAY_MS
  expect(await earlierPoints(db)).toEqual([point])
  expect(point).toMatchObject({ findings: 2, standing: 7, fails: { a: 2 } })
})
