import { expect, test } from 'vitest'
import { campaign, decoders } from '../know/readers/archive/mutation.ts'

/** Other ones each day; `SEED=n` begins with that one, to see a failure again, and `INPUTS=n` has more or fewer of them. */
const INPUTS = Number(process.env['INPUTS'] ?? 100_000)
const FIRST = Number(process.env['SEED'] ?? (Math.floor(Date.now() / 86_400_000) % 10_000) * INPUTS)

test.each(await decoders())(
  `${INPUTS} damaged inputs from seed ${FIRST}: $name`,
  async decoder => {
    const { slowestMs, withFinds } = await campaign(decoder, INPUTS, FIRST)
    console.log(
      `${decoder.name}: ${INPUTS} inputs, slowest ${Math.round(slowestMs)} ms, finds in ${withFinds}`,
    )
    expect(withFinds).toBeGreaterThan(0)
  },
  7_200_000,
)
