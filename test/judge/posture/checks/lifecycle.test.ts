import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Connector } from '../../../../src/core/contract/connector.ts'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import { Secret } from '../../../../src/core/contract/secret.ts'
import { lifecycleChecks } from '../../../../src/judge/posture/checks/lifecycle.ts'
import { runChecks } from '../../../../src/judge/posture/run-checks.ts'
import { owner } from '../../../../src/serve/operations/owner.ts'
import { observe } from '../../../../src/serve/operations/observe.ts'
import { set } from '../../../../src/serve/operations/set.ts'
import { openWorld } from '../../../serve/operations/open-world.ts'

const DAY_MS = 86_400_000
const at = (kind: string, id: string) => ({ system: 'place', instance: 'here', kind, id })
const identity = at('account', 'export')
const credential = { ...at('key', 'k1'), identity }
const job = at('job', 'nightly')
const RULES = `require:
  - rotation: 30d
    stores: ['place:here/vault/**']
`

let opened: Awaited<ReturnType<typeof openWorld>>
/** What the system tells now. */
let told: Observation[] = []

const place: Connector<object> = {
  system: 'place',
  summary: 'a place',
  config: z.strictObject({}),
  open: async () => ({
    instance: 'here',
    settleSeconds: 0,
    close: async () => {},
    async *discover(): AsyncGenerator<Observation> {
      yield* told
      yield { see: 'covered', scope: 'here', complete: true }
    },
  }),
}

function observations(options: { ageDays: number; path: string; hasJob: boolean }): Observation[] {
  const created = new Date(Date.now() - options.ageDays * DAY_MS).toISOString()
  const slots = [{ part: 'value' as const, at: '0-8', encodings: [], line: 1 }]
  return [
    { see: 'resource', ref: at('tree', 'here'), names: ['here'], facts: {} },
    { see: 'identity', ref: identity, names: ['export'], facts: {} },
    { see: 'credential', ref: credential, facts: { created: { value: created } } },
    {
      see: 'copy',
      place: { in: at('tree', 'here'), path: options.path, version: `v:${options.path}`, slots },
      kind: 'test-token',
      secret: new Secret(['tok', '_q8w3e7r1t5y9u2i6o4p0a8s3d7f1g5h9'].join('')),
      claims: credential,
      confidence: 0.9,
    },
    ...(options.hasJob
      ? ([
          { see: 'workload', ref: job, names: ['nightly'], facts: {} },
          {
            see: 'edge',
            from: job,
            to: identity,
            crossing: 'runs-as',
            certainty: 'proven',
            why: 'the schedule says so',
          },
        ] satisfies Observation[])
      : []),
  ]
}

beforeAll(async () => {
  opened = await openWorld([place], ['github-token'])
  await opened.world.connections.add(opened.world.db, 'place', {}, 'here')
  const row = { id: 'r', text: RULES, file: 'r.yaml', said_by: 'ann', at: 0 }
  await opened.world.db.insertInto('requirement').values(row).execute()
})
afterAll(() => opened?.close())

async function failing(options: Parameters<typeof observations>[0]): Promise<Map<string, string>> {
  const { world } = opened
  told = observations(options)
  await observe.run(world, observe.input.parse({ workers: 1 }))
  await runChecks(world.db, world, lifecycleChecks)
  const rows = await world.db.selectFrom('finding').selectAll().where('ended_at', 'is', null).execute()
  return new Map(rows.map(({ check, why }) => [check, why]))
}

test('what is in time, in its store and in use is no finding; each slip is one, and ends with it', async () => {
  const well = { ageDays: 10, path: 'vault/export', hasJob: true }
  expect([...(await failing(well))]).toEqual([])
  const old = await failing({ ...well, ageDays: 40 })
  expect([...old.keys()]).toEqual(['rotation-overdue'])
  expect(old.get('rotation-overdue')).toMatch(
    /^that of an ordinary identity is rotated every 30 days, and it was made on .*, 40 days ago$/,
  )
  const astray = await failing({ ...well, path: 'notes.md' })
  expect([...astray]).toEqual([
    ['store-not-allowed', 'that of an ordinary identity may not stand in place:here/notes.md'],
  ])
  const left = await failing({ ...well, hasJob: false })
  expect([...left]).toEqual([['workload-gone', 'nightly used it and is gone; 1 credential stands']])
  expect([...(await failing(well))]).toEqual([])
})

test('what is past the end that somebody gave it is a finding until it is given a later one', async () => {
  const { world } = opened
  const well = { ageDays: 3, path: 'vault/export', hasJob: true }
  const end = async (value: string) => {
    await set.run(world, set.input.parse({ subject: 'export', name: 'expiry', value, by: 'ann' }))
    return [...(await failing(well))]
  }
  expect(await end(new Date(Date.now() + DAY_MS).toISOString())).toEqual([])
  const day = new Date(Date.now() - 2 * DAY_MS).toISOString()
  expect(await end(day)).toEqual([
    ['end-passed', `it ended on ${day.slice(0, 10)}, 2 days ago (ann says so), and 1 credential stands`],
  ])
  expect(await end('nothing')).toEqual([])
})

test('what the owner before could read is a finding until it is another one', async () => {
  const { world } = opened
  const well = { ageDays: 3, path: 'vault/export', hasJob: true }
  await failing(well)
  const give = (to: string) =>
    owner.run(world, owner.input.parse({ action: 'set', subject: 'export', owner: to, by: 'ann' }))
  await give('payments')
  expect([...(await failing(well))]).toEqual([])
  await give('orders')
  expect([...(await failing(well))]).toEqual([
    [
      'unrotated-after-handover',
      expect.stringMatching(/^it went from payments to orders on .*, 0 days ago, and was made before$/),
    ],
  ])
  // Said once more, by whatever name, it went to nobody else.
  await give('Orders')
  expect([...(await failing(well)).keys()]).toEqual(['unrotated-after-handover'])
  expect([...(await failing({ ...well, ageDays: -1 }))]).toEqual([])
  await give('nobody')
  expect([...(await failing(well))]).toEqual([])
})
