import { expect, test } from 'vitest'
import { checks } from '../../../src/judge/posture/all.ts'
import { makeOrganisation } from '../organisation/organisation.ts'
import { plantedScore } from './planted.ts'

test('what is planted in an organisation is found, each one with its evidence, and nothing else is', async () => {
  const { found, withoutEvidence, counts } = await plantedScore(makeOrganisation('planted', 900))
  const known = new Set(checks.map(({ id }) => id))
  expect(found.filter(({ check }) => !known.has(check))).toEqual([])
  for (const { wrong, check, planted, missed, blamed } of found) {
    expect.soft(planted, wrong).toBeGreaterThan(0)
    expect.soft(missed, wrong).toEqual([])
    expect.soft(blamed, check).toEqual([])
    // Of who federates with nobody, of what stands where no environment is told, and of a role that lets nobody else in, they have nothing to say.
    if (!['loose-federation', 'environments-mixed', 'trust-without-external-id'].includes(check))
      expect.soft(counts.find(one => one.check === check)!.passes, check).toBeGreaterThan(0)
  }
  expect(withoutEvidence).toEqual([])
})
