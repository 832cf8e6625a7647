import { expect, test } from 'vitest'
import { figuresOf } from '../../../../src/judge/posture/figures.ts'
import { credentialOld } from '../../../../src/judge/posture/checks/credential-old.ts'
import { endPassed } from '../../../../src/judge/posture/checks/end-passed.ts'
import { requirementUnmet } from '../../../../src/judge/posture/checks/requirement-unmet.ts'
import { rotationOverdue } from '../../../../src/judge/posture/checks/rotation-overdue.ts'
import { type Estate, openEstate, sawCopy, sawRole, role } from '../../../know/estate.ts'
import { DAY_MS, judged, withPassword } from './judged.ts'

async function required(estate: Estate, text: string): Promise<void> {
  const row = { id: 'r', text: `require: [${text}]`, file: 'r.yaml', said_by: 'ann', at: 0 }
  await estate.db.insertInto('requirement').values(row).execute()
}

test('where nothing tells when it was made, it is as old at least as its value was seen', async () => {
  const estate = await openEstate()
  const day = (at: number) => new Date(estate.clock.ms + at * DAY_MS).toISOString()
  await required(estate, '{ rotation: 30d }')
  await estate.fold(await estate.source(), [
    // Its value is seen, and so is that of the second, which is known to be new.
    sawRole('1', ['seen']),
    sawCopy({ value: 'one', path: 'a.env', claims: role('1') }),
    ...withPassword('2', { created: day(20) }),
    ...withPassword('3', { created: day(-20) }),
    ...withPassword('4', {}),
  ])
  expect((await judged(estate, rotationOverdue)).counts).toEqual({ fails: 0, unknown: 2, passes: 2 })
  estate.clock.ms += 31 * DAY_MS
  const { fails, counts } = await judged(estate, rotationOverdue)
  expect(counts).toEqual({ fails: 2, unknown: 1, passes: 1 })
  const rule = 'that of an ordinary identity is rotated every 30 days'
  expect(fails).toEqual({
    seen: `${rule}, and its value has stood at least since 2026-01-01, 31 days ago`,
    role3: `${rule}, and it was made on 2025-12-12, 51 days ago`,
  })
})

test('an end that is said to be never is no end to be past, and breaks a rule that asks for one', async () => {
  for (const said of ['never', 'None', 'no expiry']) {
    const estate = await openEstate()
    await estate.fold(await estate.source(), [
      ...withPassword('1', {}),
      { see: 'identity', ref: role('1'), names: ['role1'], facts: { expiry: { value: said } } },
    ])
    expect((await judged(estate, endPassed)).counts).toEqual({ fails: 0, unknown: 0, passes: 1 })
    await required(estate, '{ expiry: 365d }')
    expect((await judged(estate, requirementUnmet)).fails).toEqual({
      role1:
        'an ordinary identity needs an end within 365 days for 1 credential, not never (a tag says so, by source)',
    })
  }
})

test('of what is past its end and has no credential that anything tells of, nobody can tell; what it had and is dead is gone', async () => {
  const estate = await openEstate()
  const expiry = { value: '2025-12-01' }
  await estate.fold(await estate.source(), [
    { see: 'identity', ref: role('1'), names: ['declared'], facts: { expiry } },
    ...withPassword('2', {}),
    { see: 'identity', ref: role('2'), names: ['role2'], facts: { expiry } },
  ])
  expect((await judged(estate, endPassed)).counts).toEqual({ fails: 1, unknown: 1, passes: 0 })
  await estate.db.updateTable('credential').set({ state: 'dead' }).execute()
  expect((await judged(estate, endPassed)).counts).toEqual({ fails: 0, unknown: 1, passes: 1 })
})

test('a value that stands nowhere any more grows no older; the headline says of each what the checks say', async () => {
  const estate = await openEstate()
  const { db, keys, clock } = estate
  const source = await estate.source()
  const named = [sawRole('1', ['seen']), sawRole('2', ['kept'])]
  const kept = sawCopy({ value: 'kept', path: 'b.env', claims: role('2') })
  await estate.fold(source, [
    ...named,
    kept,
    sawCopy({ value: 'one', path: 'a.env', claims: role('1') }),
    ...withPassword('3', { created: new Date(clock.ms + 399 * DAY_MS).toISOString() }),
  ])
  clock.ms += 400 * DAY_MS
  await estate.fold(source, [
    ...named,
    kept,
    sawCopy({ value: 'two', path: 'a.env', claims: role('1') }),
    ...withPassword('3', { created: new Date(clock.ms - 1 * DAY_MS).toISOString() }),
  ])
  await db.updateTable('copy').set({ gone_at: clock.ms }).where('last_seen', '<', clock.ms).execute()
  const old = await judged(estate, credentialOld)
  expect(old.fails).toEqual({ kept: 'its value has stood at least since 2026-01-01, 400 days ago' })
  const rotated = async () => (await figuresOf({ db, keys, now: clock.ms })).rotated
  const share = ({ passes, unknown, fails }: typeof old.counts) => ({
    count: passes,
    of: passes + unknown + fails,
    unknown,
  })
  expect(old.counts).toEqual({ fails: 1, unknown: 1, passes: 1 })
  expect(await rotated()).toEqual(share(old.counts))
  await required(estate, '{ rotation: 30d }')
  const overdue = await judged(estate, rotationOverdue)
  expect(Object.keys(overdue.fails)).toEqual(['kept'])
  expect(await rotated()).toEqual(share(overdue.counts))
})
