import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { claimSource, enrol, nextDue } from '../../../src/know/observe/schedule.ts'
import { openEstate } from '../estate.ts'

async function scheduled(count = 2) {
  const estate = await openEstate()
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push((await estate.source(`s${n}`)).id)
  await enrol(estate.db, estate.io)
  const claim = (due?: 'due' | 'now', among = ids) => claimSource(estate.db, estate.io, among, due)
  const row = async (id: string) =>
    await estate.db.selectFrom('watch').selectAll().where('source_id', '=', id).executeTakeFirstOrThrow()
  return { ...estate, ids, claim, row }
}

test('a new source is due at once, one at a time, the one that waited longest first', async () => {
  const { db, io, ids, claim, clock } = await scheduled()
  const [one, two, three] = [await claim(), await claim(), await claim()]
  expect([one?.sourceId, two?.sourceId, three]).toEqual([...ids, undefined])
  await two!.done({ at: clock.ms + 5000 })
  await one!.done({ at: clock.ms + 9000 })
  expect(await claim()).toBeUndefined()
  expect(await nextDue(db, ids)).toBe(clock.ms + 5000)
  clock.ms += 10_000
  expect((await claim())?.sourceId).toBe(two!.sourceId)
  await enrol(db, io)
  expect(await db.selectFrom('watch').selectAll().execute()).toHaveLength(2)
})

test('many that claim at once get each source once', async () => {
  const { claim, ids } = await scheduled(6)
  const rounds: string[] = []
  // What one is claiming another passes over, and finds when it looks again.
  for (let round = 0; round < 20 && rounds.length < ids.length; round++)
    for (const claimed of await Promise.all(Array.from({ length: 4 }, () => claim())))
      if (claimed) rounds.push(claimed.sourceId)
  expect(rounds.toSorted()).toEqual(ids.toSorted())
})

test('many that want each source once get it at the first try, whoever else claims at that moment', async () => {
  const { claim, ids } = await scheduled(4)
  const claimed = await Promise.all(ids.map(() => claim('now')))
  expect(claimed.map(one => one?.sourceId).sort()).toEqual(ids.toSorted())
})

test('failures are counted until it goes through', async () => {
  const { claim, row, ids, clock } = await scheduled(1)
  for (const failures of [0, 1, 2]) {
    const claimed = await claim('now')
    expect(claimed?.failures).toBe(failures)
    await claimed!.done({ at: clock.ms + 1, error: 'it is away' })
  }
  expect(await row(ids[0]!)).toMatchObject({ failures: 3, error: 'it is away', baseline_at: null })
  const claimed = await claim('now')
  await claimed!.done({ at: clock.ms + 1 })
  expect(await row(ids[0]!)).toMatchObject({ failures: 0, error: null, claimed_by: null })
})

test('what was broken off is due as before', async () => {
  const { claim, ids } = await scheduled(1)
  await (await claim())!.release()
  expect((await claim())?.sourceId).toBe(ids[0])
})

test('the baseline is the first run to the end, and stays', async () => {
  const { db, claim, row, ids, clock } = await scheduled(1)
  const [id = ''] = ids
  for (const observed_at of [100, 200]) {
    const claimed = await claim('now')
    await db.updateTable('source').set({ observed_at }).where('id', '=', id).execute()
    await claimed!.done({ at: clock.ms })
  }
  expect((await row(id)).baseline_at).toBe(100)
})

test('the claim of a process that is gone is free; that of another host when it was not renewed', async () => {
  const { db, claim, ids, clock } = await scheduled(1)
  const hold = (claimed_by: string) =>
    db
      .updateTable('watch')
      .set({ claimed_by, claim_until: clock.ms + 30_000 })
      .execute()
  await hold('another-host:1:1')
  expect(await claim()).toBeUndefined()
  expect(await nextDue(db, ids)).toBeUndefined()
  clock.ms += 30_000
  expect((await claim())?.sourceId).toBe(ids[0])
  // The number of this very process, but begun at another time: the number was used again.
  await hold(`${hostname()}:${process.pid}:1`)
  expect((await claim())?.sourceId).toBe(ids[0])
})

test('who lost its claim changes nothing any more', async () => {
  const { claim, row, ids, clock } = await scheduled(1)
  const old = await claim()
  clock.ms += 60_000
  const fresh = await claim()
  await old!.done({ at: 1, error: 'late' })
  await old!.release()
  expect(await row(ids[0]!)).toMatchObject({ failures: 0, error: null, claimed_by: expect.any(String) })
  await fresh!.done({ at: clock.ms + 7 })
  expect(await row(ids[0]!)).toMatchObject({ claimed_by: null, next_at: clock.ms + 7 })
})
