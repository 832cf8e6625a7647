import { beforeAll, describe, expect, test } from 'vitest'
import { BOUNDARIES } from '../../src/act/actions/step.ts'
import type { ContainRequest } from '../../src/act/incident/contain.ts'
import { campaign } from './campaign.ts'
import { type Containment, eachCall, mustEndWell } from './disturbed.ts'
import { mustBeContained } from './invariants.ts'
import { SHOP } from './shop.ts'
import { reportOf, Stage } from './stage.ts'

const PLACE = 'orders/.env'
/** An odd step takes the fault before and the one after the effect in turn; all of them in the long campaigns. */
const MESSAGE_STEP = process.env['SOAK'] ? 1 : 3
let stage: Stage

beforeAll(async () => {
  stage = await Stage.set(SHOP)
})

describe.each(['graceful', 'emergency'] as const)('%s containment', mode => {
  const request: ContainRequest = { subject: 'orders', mode, windowSeconds: 0 }
  const containment = (): Containment => ({
    stage,
    request,
    mustBeContained: (scene, report) =>
      mustBeContained(scene.db, scene.estate, report, [scene.contained('orders', [PLACE])]),
  })

  test('undisturbed: contained, and each step told once at each boundary', async () => {
    const { told } = await clean()
    const keys = [...new Set(told.map(({ key }) => key))]
    expect(keys).toHaveLength(10)
    expect(told.filter(({ error }) => error)).toEqual([])
    expect(told).toHaveLength(keys.length * BOUNDARIES.length)
  })

  test('dead at each boundary of each step, it is finished by the next process', async () => {
    const { told } = await clean()
    await mustEndWell(containment(), told, async (scene, { key, boundary }) => {
      const ending = await scene.contain(request, { dieAt: { key, boundary } })
      expect(ending).toBe('died')
      return ending
    })
  })

  test('dead in each call to a system, before or after its effect, it is finished by the next process', async () => {
    const { calls } = await clean()
    expect(calls).toBeGreaterThan(20)
    await mustEndWell(containment(), eachCall(calls), async (scene, dieAtCall) => {
      const ending = await scene.contain(request, { dieAtCall })
      expect(ending).toBe('died')
      return ending
    })
  })

  test.each(['postgres', 'directory'] as const)(
    'each message to %s broken, before or after its effect: it recovers, or the next process finishes it',
    async system => {
      const { messages } = await clean()
      const each = eachCall(messages[system]).filter((_, index) => index % MESSAGE_STEP === 0)
      await mustEndWell(containment(), each, async (scene, { call, when }) => {
        scene.estate.failAt(system, call, when)
        const ending = await scene.contain(request)
        scene.estate.noFault()
        return ending
      })
    },
  )

  /** What an undisturbed run is told, and how many calls and messages it takes. */
  async function clean() {
    const scene = await stage.begin()
    const { server, directoryCalls } = scene.estate
    const before = { postgres: server.calls, directory: directoryCalls }
    const report = reportOf(await scene.contain(request))
    const messages = {
      postgres: server.calls - before.postgres,
      directory: scene.estate.directoryCalls - before.directory,
    }
    await containment().mustBeContained(scene, report)
    await scene.end()
    return { told: scene.told, calls: scene.calls, messages }
  }
})

/** The long campaigns are many more, from other seeds. */
const SEEDS = 60

test(`${SEEDS} seeded campaigns of deaths, broken messages, absences, an attacker and a consumer end right`, async () => {
  const wrong: string[] = []
  for (let seed = 1; seed <= SEEDS; seed++)
    await campaign(stage, seed).catch(error =>
      wrong.push(error instanceof Error ? error.message : String(error)),
    )
  expect(wrong).toEqual([])
})
