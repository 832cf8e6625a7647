import { describe, expect, test } from 'vitest'
import { scoreOf } from '../judge/ownership/score.ts'
import { makeOrganisation } from '../judge/organisation/organisation.ts'
import { takeIn } from '../judge/organisation/take-in.ts'

const all = { ownerless: 0, claimedOwnerless: 0 }

// No rule was made while looking at one of these.
describe.each(Array.from({ length: 10 }, (_, index) => `whole-${index + 1}`))('the organisation %s', seed => {
  test('has at least 80 of 100 owners claimed, of which at least 95 of 100 are right', async () => {
    const organisation = makeOrganisation(seed, 2000)
    const score = await scoreOf(await takeIn(organisation), organisation)
    const { owned, claimed, claims, right, ownerless, claimedOwnerless, wrong } = score
    all.ownerless += ownerless
    all.claimedOwnerless += claimedOwnerless
    const share = (part: number, of: number) => `${part} of ${of} (${((100 * part) / of).toFixed(1)} %)`
    console.log(
      `${seed}: ${share(claimed, owned)} claimed, ${share(right, claims)} right; of nobody’s ${share(claimedOwnerless, ownerless)} claimed`,
    )
    expect(claimed / owned).toBeGreaterThanOrEqual(0.8)
    expect(right / claims, JSON.stringify(wrong, null, 1)).toBeGreaterThanOrEqual(0.95)
  })
})

// All that hangs on one service that was left is claimed together, so that one such service is 2 of 100.
test('of what nobody owns, fewer than 10 of 100 are claimed for somebody for certain', () => {
  expect(all.ownerless).toBeGreaterThan(0)
  expect(all.claimedOwnerless / all.ownerless).toBeLessThan(0.1)
})
