import { expect, test } from 'vitest'
import { containers } from '../../../../src/know/readers/archive/all.ts'
import { packers } from './looking.ts'
import { campaign, decoders } from './mutation.ts'

const INPUTS = 300

const all = packers.skip ? [] : await decoders()

test.skipIf(packers.skip)(`every container is among them ${packers.reason}`, () => {
  const heads = all.flatMap(({ path, samples }) => samples.map(sample => ({ path, sample })))
  for (const container of containers)
    expect(
      heads.some(({ path, sample }) => container.fits(sample.subarray(0, 8192), path)),
      container.name,
    ).toBe(true)
})

test.each(all)(`${INPUTS} damaged inputs: $name`, async decoder => {
  const { withFinds } = await campaign(decoder, INPUTS, 1)
  // Some changes leave something to be found: otherwise nothing behind the first check would be tried.
  expect(withFinds).toBeGreaterThan(0)
})
