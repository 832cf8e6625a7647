import { describe, expect, test } from 'vitest'
import { makeOrganisation } from '../judge/organisation/organisation.ts'
import { plantedScore } from '../judge/posture/planted.ts'

// No check was made while looking at one of these.
describe.each(Array.from({ length: 10 }, (_, index) => `planted-whole-${index + 1}`))(
  'the organisation %s',
  seed => {
    test('has each wrong found that is planted, nobody blamed for another’s, and evidence for each finding', async () => {
      const { found, findings, withoutEvidence } = await plantedScore(makeOrganisation(seed, 2000))
      const sum = (countOf: (one: (typeof found)[number]) => number) =>
        found.reduce((all, one) => all + countOf(one), 0)
      console.log(
        `${seed}: ${sum(one => one.planted)} planted, ${sum(one => one.missed.length)} missed, ${sum(one => one.blamed.length)} wrongly blamed; ${findings} findings, ${withoutEvidence.length} without evidence`,
      )
      expect(found.filter(({ missed }) => missed.length > 0)).toEqual([])
      expect(found.filter(({ blamed }) => blamed.length > 0)).toEqual([])
      expect(withoutEvidence).toEqual([])
    })
  },
)
