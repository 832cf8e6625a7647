import { beforeAll, expect, test } from 'vitest'
import { claimRun } from '../../src/act/actions/claim.ts'
import { credentialsOfIdentity } from '../../src/act/incident/subject.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { transaction } from '../../src/core/store/store.ts'
import { suspensionsOf } from '../../src/judge/requirements/suspensions.ts'
import { setHold } from '../../src/know/inventory/holds.ts'
import { takeBackOwner } from '../../src/know/inventory/owner-word.ts'
import { loadRoots } from '../../src/know/inventory/roots.ts'
import { mustHold } from './invariants.ts'
import type { AutomaticEvent } from '../../src/act/lifecycle/automatic.ts'
import type { Ending, Process, Watch } from './process.ts'
import { SHOP } from './shop.ts'
import { reportOf, type Scene, Stage } from './stage.ts'
import { DAY_MS, beginUnowned, held, idOf, opens, own, rules, told, untilSuspended } from './unowned.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.set(SHOP)
})

const begin = (text: string) => beginUnowned(stage, text)

const row = async ({ db }: Scene) => await db.selectFrom('automation').selectAll().executeTakeFirstOrThrow()
const runs = async ({ db }: Scene) =>
  await db.selectFrom('run').select(['id', 'kind', 'state']).orderBy('id').execute()
const kindsOf = async ({ db }: Scene) =>
  (await db.selectFrom('evidence').select('kind').orderBy('id').execute()).map(({ kind }) => kind)
async function stateOf(scene: Scene): Promise<string | undefined> {
  const [found] = (await suspensionsOf(scene.db, await loadRoots(scene.db))).values()
  return found?.state
}
async function disown(scene: Scene): Promise<void> {
  const id = await idOf(scene, 'orders')
  await transaction(scene.db, tx => takeBackOwner(tx, realIo(), id, 'ann'))
}
async function untilShut(more = ', resume: true'): Promise<Scene> {
  const scene = await begin(rules(more))
  await untilSuspended(scene)
  expect(told(await scene.automatic())).toEqual([['suspend acted', expect.any(String)]])
  return scene
}

/** Of the first `n` transactions that a watch begins, each in a scene of its own. */
async function beforeEvery(
  n: number,
  make: () => Promise<Scene>,
  comes: (scene: Scene, process: Process) => Promise<void>,
  then: (scene: Scene, ending: Ending<AutomaticEvent[]>, count: number) => Promise<void>,
): Promise<void> {
  let most = 0
  for (let nth = 1; nth <= n; nth++) {
    const scene = await make()
    const ending = await scene.automaticEnding({
      beforeTransaction: async (count, process) => {
        most = Math.max(most, count)
        if (count === nth) await comes(scene, process)
      },
    })
    await then(scene, ending, nth)
    await mustHold(scene.db)
    await scene.end()
  }
  expect(most, 'all that it begins').toBeLessThanOrEqual(n)
}

const TRANSACTIONS = 14
const ofSuspending = async (scene: Scene) =>
  (await kindsOf(scene)).filter(kind => kind.startsWith('suspend.') || kind.startsWith('identity.'))
const SUSPENDED = ['suspend.announced', 'identity.suspended', 'suspend.acted']

test('whatever comes of it between, another watch that is done, or dies: it is suspended once, and can be given back', async () => {
  for (const dieAt of [undefined, { key: 'end-sessions:orders', boundary: 'begin' } as const])
    await beforeEvery(
      TRANSACTIONS,
      async () => {
        const scene = await begin(rules(', resume: true'))
        await untilSuspended(scene)
        return scene
      },
      async scene => {
        const ending = await scene.automaticEnding(dieAt ? { dieAt } : {})
        if (ending !== 'died') reportOf(ending)
      },
      async (scene, ending, nth) => {
        const about = `${nth} ${dieAt?.key}`
        expect(
          told(reportOf(ending)).filter(([what]) => what !== 'suspend acted'),
          about,
        ).toEqual([])
        await scene.estate.time.sleep(60_000)
        await scene.automatic()
        expect(opens(scene), about).toBe(false)
        expect(
          (await runs(scene)).map(({ kind, state }) => [kind, state]),
          about,
        ).toEqual([['suspend', 'done']])
        expect(await row(scene), about).toMatchObject({
          told: expect.stringMatching(/^orders: nobody gets in/),
          run_id: (await runs(scene))[0]!.id,
          ended_at: null,
        })
        expect(await ofSuspending(scene), about).toEqual(SUSPENDED)
        await own(scene, 'orders')
        expect(told(await scene.automatic()), about).toEqual([['suspend resumed', expect.any(String)]])
        expect(opens(scene), about).toBe(true)
        expect(await held(scene), about).toEqual([])
      },
    )
})

test('whatever comes of it between, another watch that gives it back too: there is one run, and it is told once', async () => {
  await beforeEvery(
    TRANSACTIONS,
    async () => {
      const scene = await untilShut()
      await own(scene, 'orders')
      return scene
    },
    async scene => void (await scene.automatic()),
    async (scene, ending, nth) => {
      expect(
        told(reportOf(ending)).filter(([what]) => what !== 'suspend resumed'),
        `${nth}`,
      ).toEqual([])
      expect(
        (await runs(scene)).map(({ kind, state }) => [kind, state]),
        `${nth}`,
      ).toEqual([
        ['suspend', 'done'],
        ['resume', 'done'],
      ])
      expect(await ofSuspending(scene), `${nth}`).toEqual([...SUSPENDED, 'identity.resumed'])
      expect(opens(scene), `${nth}`).toBe(true)
      expect(await held(scene), `${nth}`).toEqual([])
    },
  )
})

test('a death before whichever transaction loses nothing of what it came to', async () => {
  await beforeEvery(
    TRANSACTIONS,
    async () => {
      const scene = await begin(rules())
      await untilSuspended(scene)
      return scene
    },
    (_, process) => process.die(),
    async (scene, _, nth) => {
      await scene.estate.time.sleep(60_000)
      await scene.automatic()
      expect((await row(scene)).told, `${nth}`).toMatch(/^orders: nobody gets in/)
      expect(await ofSuspending(scene), `${nth}`).toEqual(SUSPENDED)
    },
  )
})

test('what was begun is not given back while whoever works on it lives, who stops where it was taken over', async () => {
  const scene = await begin(rules())
  await untilSuspended(scene)
  expect(await scene.automaticEnding({ dieAt: { key: 'suspend:orders', boundary: 'call' } })).toBe('died')
  const claim = { claimed_by: 'another-host:1:1', claim_until: scene.estate.time.now() + 30_000 }
  await scene.db.updateTable('run').set(claim).execute()
  await own(scene, 'orders')
  expect(told(await scene.automatic())).toEqual([])
  expect((await runs(scene)).map(({ kind, state }) => [kind, state])).toEqual([['suspend', 'running']])
  await scene.estate.time.sleep(60_000)
  expect(told(await scene.automatic())).toEqual([['suspend resumed', expect.any(String)]])
  expect(opens(scene)).toBe(true)
  await scene.end()

  const other = await begin(rules())
  await untilSuspended(other)
  let taken: Promise<unknown> | undefined
  const ending = await other.automaticEnding({
    onBoundary: ({ run_id }, boundary) => {
      if (boundary === 'intent') taken ??= claimRun(other.db, realIo(), run_id).then(one => one.release())
    },
  })
  await taken
  expect(told(reportOf(ending))).toEqual([])
  expect(told(await other.automatic())).toEqual([['suspend acted', expect.any(String)]])
  await other.end()
})

/** Somebody holds every credential of it, just when it would be given back. */
function holding(scene: Scene, ids: readonly string[]): { watch: Watch; until: () => Promise<void> } {
  let set: Promise<unknown> | undefined
  const hold = () =>
    transaction(scene.db, async tx => {
      for (const id of ids) await setHold(tx, realIo(), id, undefined, 'being looked at')
    })
  return {
    watch: {
      onBoundary: ({ key }, boundary) => {
        if (key === 'resume:orders' && boundary === 'begin') set ??= hold()
      },
    },
    until: async () => void (await set),
  }
}

test('what gets stuck as it is given back is nobody’s to suspend before, and ends its hold in the end', async () => {
  const scene = await untilShut()
  await own(scene, 'orders')
  const { watch, until } = holding(scene, await credentialsOfIdentity(scene.db, await idOf(scene, 'orders')))
  expect(told(reportOf(await scene.automaticEnding(watch)))).toEqual([
    [
      'suspend failed',
      expect.stringMatching(/^the run is stuck: .*it is held: being looked at\. wait for that to end$/),
    ],
  ])
  await until()
  expect(opens(scene)).toBe(false)
  expect(await stateOf(scene)).toBe('resuming')
  await scene.estate.time.sleep(DAY_MS)
  expect(told(await scene.automatic())).toEqual([['suspend left', 'it is held: being looked at']])
  await scene.db.updateTable('hold').set({ lifted_at: 1 }).where('run_id', 'is', null).execute()
  await scene.estate.time.sleep(DAY_MS)
  expect(told(await scene.automatic())).toEqual([['suspend resumed', expect.any(String)]])
  expect(opens(scene)).toBe(true)
  expect(await held(scene)).toEqual([])
  await scene.end()
})

test('what is half given back is given back whole, and only then suspended anew', async () => {
  const scene = await untilShut()
  await own(scene, 'orders')
  expect(await scene.automaticEnding({ dieAt: { key: 'resume:orders', boundary: 'call' } })).toBe('died')
  await disown(scene)
  expect(opens(scene)).toBe(true)
  expect(await stateOf(scene)).toBe('resuming')
  await scene.estate.time.sleep(60_000)
  expect(told(await scene.automatic())).toEqual([['suspend resumed', expect.any(String)]])
  expect(await held(scene)).toEqual([])
  expect(told(await scene.automatic())).toEqual([['suspend announced', expect.any(String)]])
  expect(opens(scene)).toBe(true)
  await scene.end()
})

test('what is being cut off is not given back by what was begun before, and what was cut off never', async () => {
  const scene = await untilShut()
  // Somebody lets it in again, and it leaks.
  scene.estate.roles.get('orders')!.state.attributes.login = true
  await scene.observe()
  await own(scene, 'orders')
  expect(await scene.automaticEnding({ dieAt: { key: 'resume:orders', boundary: 'intent' } })).toBe('died')
  const request = { subject: 'orders', mode: 'emergency' as const, windowSeconds: 0 }
  const dieAt = { key: 'revoke:orders', boundary: 'call' } as const
  expect(await scene.contain(request, { dieAt })).toBe('died')
  expect(opens(scene)).toBe(false)
  await scene.estate.time.sleep(60_000)
  expect(told(await scene.automatic())).toEqual([
    ['suspend left', expect.stringMatching(/^it is held: being contained \(emergency\), run /)],
  ])
  expect(opens(scene)).toBe(false)
  expect(reportOf(await scene.contain(request)).contained).toBe(true)
  await scene.estate.time.sleep(DAY_MS)
  expect(told(await scene.automatic())).toEqual([
    ['suspend resumed', 'it is as it was before: orders: it was revoked since, and stays so'],
  ])
  expect(opens(scene)).toBe(false)
  await scene.end()
})

test('what was begun goes on, or is taken back, also while a source is not read yet', async () => {
  for (const isOwned of [false, true]) {
    const scene = await begin(rules())
    await untilSuspended(scene)
    const dieAt = { key: 'suspend:orders', boundary: 'result' } as const
    expect(await scene.automaticEnding({ dieAt })).toBe('died')
    const [source] = await scene.db.selectFrom('source').selectAll().execute()
    const unread = { ...source!, id: 'unread', label: 'unread', observed_at: null }
    await scene.db.insertInto('source').values(unread).execute()
    if (isOwned) await own(scene, 'orders')
    await scene.estate.time.sleep(60_000)
    expect(told(await scene.automatic())).toEqual([
      [isOwned ? 'suspend resumed' : 'suspend acted', expect.any(String)],
    ])
    await scene.end()
  }
})
