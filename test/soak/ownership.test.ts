import { describe, expect, test } from 'vitest'
import { scoreOf } from '../judge/ownership/score.ts'
import { makeOrganisation } from '../judge/organisation/organisation.ts'
import { takeIn } from '../judge/organisation/take-in.ts'

// No rule was made while looking at one of these.
describe.each(Array.from({ length: 10 }, (_, index) => `whole-${index + 1}`))('the organisation %s', seed => {
  test('has at least 80 of 100 owners claimed, of which at least 95 of 100 are right', async () => {
    const organisation = makeOrganisation(seed, 2000)
    const { owned, claimed, claims, right, wrong } = await scoreOf(await takeIn(organisation), organisation)
    console.log(
      `${seed}: ${claimed} of ${owned} claimed (${((100 * claimed) / owned).toFixed(1)} %), ${right} of ${claims} right (${((100 * right) / claims).toFixed(1)} %)`,
    )
    expect(claimed / owned).toBeGreaterThanOrEqual(0.8)
    expect(right / claims, JSON.stringify(wrong, null, 1)).toBeGreaterThanOrEqual(0.95)
  })
})
