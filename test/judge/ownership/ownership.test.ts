import { expect, test } from 'vitest'
import { ownershipOf, ownershipOfOne } from '../../../src/judge/ownership/ownership.ts'
import { makeOrganisation } from '../organisation/organisation.ts'
import { NOW } from '../organisation/people.ts'
import { takeIn } from '../organisation/take-in.ts'
import { scoreOf } from './score.ts'

// Ten whole organisations, the worst of which counts, are held against their answer sheets in test/soak.
test('of a part of an organisation enough owners are claimed, and of those that are nearly all are right', async () => {
  const organisation = makeOrganisation('a part', 500)
  const { owned, claimed, claims, right, wrong } = await scoreOf(await takeIn(organisation), organisation)
  expect(claimed / owned).toBeGreaterThan(0.7)
  expect(right / claims, JSON.stringify(wrong, null, 1)).toBeGreaterThan(0.94)
})

test('of one alone the same is told as of all', async () => {
  const { db } = await takeIn(makeOrganisation('one of them', 120))
  const { ownership } = await ownershipOf(db, NOW)
  expect(ownership.size).toBeGreaterThan(100)
  for (const [id, own] of [...ownership].slice(0, 40))
    expect((await ownershipOfOne(db, NOW, id)).ownership).toEqual(own)
})
