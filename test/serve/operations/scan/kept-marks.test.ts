import { expect, test } from 'vitest'
import { KeptMarks } from '../../../../src/serve/operations/scan/kept-marks.ts'
import { openEstate } from '../../../know/estate.ts'

const DAY_MS = 86_400_000
const NAMES = ['fp_one', 'fp_two', 'fp_three'] as const

/** One baseline, and the finds of a scan that is compared with it. */
async function marked(id = 'a-baseline') {
  const estate = await openEstate()
  const marks = { id }
  const found = (fingerprint: string) => ({ fingerprint, preview: null }) as never
  const load = async (...names: readonly string[]) =>
    await KeptMarks.load(estate, names, { accept: { marks }, collect: undefined } as never)
  /** A scan that finds these, and the marks that it is told. */
  const scan = async (...names: readonly string[]) => {
    const kept = await load(...names)
    const told = names.map(name => kept.of(found(name), marks as never))
    for (const [index, name] of names.entries())
      if (told[index] === undefined) kept.add(found(name), marks as never, name.slice(-2))
    return { told, hasWritten: await kept.keep() }
  }
  const rows = async () =>
    await estate.db
      .selectFrom('baseline_mark')
      .selectAll()
      .orderBy('baseline_id')
      .orderBy('fingerprint')
      .execute()
  const forget = async () => {
    await KeptMarks.forget(estate)
    return (await rows()).map(({ fingerprint }) => fingerprint)
  }
  return { ...estate, scan, rows, forget }
}

test('what was marked is told to the next scan, sealed again for none', async () => {
  const { scan, rows, clock } = await marked()
  expect(await scan(...NAMES)).toEqual({ told: [undefined, undefined, undefined], hasWritten: true })
  const first = await rows()
  expect(first.map(({ used_at }) => used_at)).toEqual([clock.ms, clock.ms, clock.ms])
  expect(new Set(first.map(({ sealed }) => sealed)).size).toBe(3)
  clock.ms += 3_600_000
  expect(await scan(...NAMES)).toEqual({ told: ['ne', 'wo', 'ee'], hasWritten: false })
  expect(await rows()).toEqual(first)
})

test('after a day that it was used is written, of what was used', async () => {
  const { scan, rows, clock } = await marked()
  await scan(...NAMES)
  const first = await rows()
  const began = clock.ms
  clock.ms += DAY_MS + 1
  expect(await scan('fp_one', 'fp_two')).toEqual({ told: ['ne', 'wo'], hasWritten: true })
  const later = await rows()
  expect(later.map(({ sealed }) => sealed)).toEqual(first.map(({ sealed }) => sealed))
  expect(Object.fromEntries(later.map(row => [row.fingerprint, row.used_at - began]))).toEqual({
    fp_one: DAY_MS + 1,
    fp_two: DAY_MS + 1,
    fp_three: 0,
  })
})

test('what no scan used for ninety days is forgotten, of every baseline, and nothing else', async () => {
  const { db, scan, rows, forget, clock } = await marked()
  await scan(...NAMES)
  const [row] = await rows()
  await db
    .insertInto('baseline_mark')
    .values([
      { ...row!, baseline_id: 'another', fingerprint: 'fp_unused' },
      { ...row!, baseline_id: 'another', fingerprint: 'fp_rare', used_at: clock.ms + DAY_MS },
    ])
    .execute()
  clock.ms += 90 * DAY_MS
  expect(await forget()).toEqual(['fp_one', 'fp_three', 'fp_two', 'fp_rare', 'fp_unused'])
  await scan('fp_two')
  clock.ms += 1
  expect(await forget()).toEqual(['fp_two', 'fp_rare'])
  // What is found once more is marked anew.
  expect((await scan('fp_one')).told).toEqual([undefined])
  clock.ms += DAY_MS
  expect(await forget()).toEqual(['fp_one', 'fp_two'])
})
