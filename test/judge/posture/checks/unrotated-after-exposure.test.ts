import { expect, test } from 'vitest'
import { unrotatedAfterExposure } from '../../../../src/judge/posture/checks/unrotated-after-exposure.ts'
import { copyOf, DAY_MS, judged, toldBy, withPassword } from './judged.ts'

test('what was seen in code and is accepted since fails, also where it was taken out; a newer one passes; else nobody can tell', async () => {
  const start = Date.UTC(2026, 0, 1)
  const estate = await toldBy(
    'postgres',
    ['1', '2', '3', '4'].flatMap(oid => withPassword(oid, {})),
  )
  const { db } = estate
  await toldBy(
    'git',
    ['1', '2', '3'].map(oid => copyOf(oid, `${oid}.env`)),
    estate,
  )
  await toldBy('directory', [copyOf('4', '4.env')], estate)
  /** The credential that a copy in a file is of. */
  const copied = async (path: string) =>
    await db
      .selectFrom('copy')
      .innerJoin('credential', 'credential.fingerprint', 'copy.fingerprint')
      .select(['credential.entity_id', 'copy.source_id'])
      .where('copy.path', '=', path)
      .executeTakeFirstOrThrow()
  const live = (await copied('1.env')).entity_id
  await db.updateTable('credential').set({ state: 'live' }).where('entity_id', '=', live).execute()
  const { entity_id, source_id } = await copied('2.env')
  const value = JSON.stringify(new Date(start + 5 * DAY_MS).toISOString())
  await db
    .insertInto('fact')
    .values({ entity_id, source_id, name: 'created', value, learnt_at: start })
    .execute()
  expect((await judged(estate, unrotatedAfterExposure)).counts.fails).toBe(0)
  estate.clock.ms = start + 10 * DAY_MS
  await db
    .updateTable('copy')
    .set({ gone_at: start + DAY_MS })
    .where('path', '=', '1.env')
    .execute()
  const { fails, counts } = await judged(estate, unrotatedAfterExposure)
  expect(fails).toEqual({ role1: expect.stringContaining('2026-01-01') })
  expect(counts).toEqual({ fails: 1, unknown: 1, passes: 1 })
})
