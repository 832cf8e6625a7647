// The simulation of the same name, with each message broken.
import '../simulation/contain.test.ts'
import { beforeAll, expect, test } from 'vitest'
import { campaign } from '../simulation/campaign.ts'
import { SHOP } from '../simulation/shop.ts'
import { Stage } from '../simulation/stage.ts'

/** Fifty times as many as the ordinary tests run, other ones each day; `SEED=n` begins with that one, to see a failure again. */
const CAMPAIGNS = 3000
const FIRST = Number(process.env['SEED'] ?? Math.floor(Date.now() / 86_400_000) * CAMPAIGNS)
let stage: Stage

beforeAll(async () => {
  stage = await Stage.set(SHOP)
})

test(`${CAMPAIGNS} seeded campaigns against containment, from seed ${FIRST}`, async () => {
  const wrong: string[] = []
  for (let seed = FIRST; seed < FIRST + CAMPAIGNS && wrong.length < 10; seed++)
    await campaign(stage, seed).catch(error =>
      wrong.push(error instanceof Error ? error.message : String(error)),
    )
  expect(wrong).toEqual([])
}, 3_600_000)
