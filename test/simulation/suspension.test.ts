import { beforeAll, expect, test } from 'vitest'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { transaction } from '../../src/core/store/store.ts'
import { ownershipOf, ownershipOfOne } from '../../src/judge/ownership/ownership.ts'
import { breakGlassAmong, notedIds, profilesOf } from '../../src/judge/requirements/profiles.ts'
import { nonHumans } from '../../src/judge/ownership/non-human.ts'
import { suspensionsOf } from '../../src/judge/requirements/suspensions.ts'
import { loadRoots } from '../../src/know/inventory/roots.ts'
import { say } from '../../src/know/inventory/word.ts'
import { mustHold } from './invariants.ts'
import { OTHER_PASSWORD, PASSWORD, SHOP, url } from './shop.ts'
import { reportOf, Stage } from './stage.ts'
import { DAY_MS, beginUnowned, held, idOf, opens, own, rules, told, untilSuspended } from './unowned.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.set(SHOP)
})

const begin = (text: string) => beginUnowned(stage, text)

test('what nobody owns is announced, then suspended and seen to be shut; a person’s word gives it back where policy says so', async () => {
  const scene = await begin(rules(', resume: true'))
  const { server, roles, time } = scene.estate
  const announced = await scene.automatic()
  expect(announced.map(({ name }) => name)).not.toContain('billing')
  expect(told(announced)).toEqual([
    [
      'suspend announced',
      expect.stringMatching(/^nothing speaks for anybody who is known; it is suspended on .* or after$/),
    ],
  ])
  await time.sleep(13 * DAY_MS)
  expect(await scene.automatic()).toEqual([])
  expect(opens(scene)).toBe(true)
  const session = server.login('orders', new Secret(PASSWORD), 'orders-api')
  await time.sleep(2 * DAY_MS)
  expect(told(await scene.automatic())).toEqual([
    ['suspend acted', expect.stringMatching(/^orders: nobody gets in \(.*(login|log in).*\)$/i)],
  ])
  expect(opens(scene)).toBe(false)
  expect(session?.alive).toBe(false)
  expect(opens(scene, 'billing', OTHER_PASSWORD)).toBe(true)
  expect(await held(scene)).toEqual(['suspended: nothing speaks for anybody who is known'])
  const found = await suspensionsOf(scene.db, await loadRoots(scene.db))
  expect([...found.values()].map(({ state }) => state)).toEqual(['suspended'])
  // It is no news that it still is.
  await scene.observe()
  expect(await scene.automatic()).toEqual([])

  await own(scene, 'orders')
  expect(told(await scene.automatic())).toEqual([
    ['suspend resumed', 'it is as it was before: orders may log in'],
  ])
  expect(opens(scene)).toBe(true)
  expect(roles.get('orders')!.state.attributes.login).toBe(true)
  expect(await held(scene)).toEqual([])
  await scene.observe()
  expect(await scene.automatic()).toEqual([])
  const kinds = (await scene.db.selectFrom('evidence').select('kind').execute()).map(({ kind }) => kind)
  expect(kinds).toEqual(
    expect.arrayContaining(['suspend.announced', 'identity.suspended', 'suspend.acted', 'identity.resumed']),
  )
  await mustHold(scene.db)
  await scene.end()
})

test('an owner who is found in time ends it, and without a word of policy what is suspended stays so', async () => {
  const scene = await begin(rules())
  await untilSuspended(scene)
  await own(scene, 'orders')
  expect(told(await scene.automatic())).toEqual([['suspend withdrawn', 'payments answers for it']])
  expect(opens(scene)).toBe(true)
  await scene.end()

  const other = await begin(rules())
  await untilSuspended(other)
  await other.automatic()
  await own(other, 'orders')
  await other.estate.time.sleep(DAY_MS)
  expect(await other.automatic()).toEqual([])
  expect(opens(other)).toBe(false)
  await other.end()
})

test('neither an account for emergencies nor what a rule does not let be is suspended, nor before every source was read', async () => {
  const emergency = await begin(rules())
  const entityId = await idOf(emergency, 'orders')
  await transaction(emergency.db, tx =>
    say(tx, realIo(), { entityId, name: 'class', value: 'break-glass', by: 'ann' }),
  )
  const forbidden = await begin(`${rules()}  - class: ordinary\n    automatic: { rotate: false }\n`)
  const unread = await begin(rules())
  const [source] = await unread.db.selectFrom('source').selectAll().execute()
  await unread.db
    .insertInto('source')
    .values({ ...source!, id: 'unread', label: 'unread', observed_at: null })
    .execute()
  for (const scene of [emergency, forbidden, unread]) {
    expect(told(await scene.automatic())).toEqual([])
    await scene.estate.time.sleep(40 * DAY_MS)
    expect(told(await scene.automatic())).toEqual([])
    expect(opens(scene)).toBe(true)
    await scene.end()
  }
})

test('what no connected system can suspend is left, and told so once', async () => {
  const scene = await begin(rules())
  await scene.db
    .updateTable('entity')
    .set({ instance: 'another' })
    .where('id', '=', await idOf(scene, 'orders'))
    .execute()
  await scene.db
    .updateTable('entity')
    .set({ instance: 'another' })
    .where('type', '=', 'credential')
    .where('system', '=', 'postgres')
    .execute()
  const left = [
    'suspend left',
    'no connection reaches the postgres that its password is of: whether it can be suspended is unknown',
  ]
  expect(told(await scene.automatic())).toEqual([left])
  await scene.estate.time.sleep(20 * DAY_MS)
  expect(told(await scene.automatic())).toEqual([])
  expect(opens(scene)).toBe(true)
  await scene.end()
})

test('what has ended already, or has no credential, is not announced', async () => {
  const gone = await begin(rules())
  await gone.offboard({ subject: 'identity:orders', mode: 'emergency', windowSeconds: 0, apply: true })
  expect(told(await gone.automatic())).toEqual([])
  await gone.end()

  const bare = await begin(rules())
  await bare.db.updateTable('credential').set({ identity_id: null }).execute()
  expect(told(await bare.automatic())).toEqual([
    ['suspend left', expect.stringMatching(/^it has no credential of its own/)],
  ])
  await bare.end()
})

test('nothing is done before the notice was taken, and then its time is whole', async () => {
  const scene = await begin(`${rules()}notify: { url: "https://n.example/", secret: "env:NONE" }\n`)
  const notices = () => scene.db.selectFrom('notice').selectAll().execute()
  await untilSuspended(scene)
  expect((await notices()).map(({ event }) => event)).toEqual(['suspend-announced'])
  // It is on its way.
  expect(told(await scene.automatic())).toEqual([])
  await scene.db.updateTable('notice').set({ error: 'it was answered with 503' }).execute()
  expect(told(await scene.automatic())).toEqual([
    ['suspend left', expect.stringMatching(/^its notice was not taken, and nothing is done before that/)],
  ])
  expect(opens(scene)).toBe(true)
  await scene.db.updateTable('notice').set({ sent_at: scene.estate.time.now() }).execute()
  await scene.estate.time.sleep(13 * DAY_MS)
  await scene.automatic()
  expect(opens(scene)).toBe(true)
  await scene.estate.time.sleep(2 * DAY_MS)
  expect(told(await scene.automatic())).toEqual([['suspend acted', expect.any(String)]])
  expect(opens(scene)).toBe(false)
  expect((await notices()).map(({ event }) => event)).toEqual(['suspend-announced', 'suspended'])
  await scene.end()
})

const STEPS = ['suspend:orders', 'end-sessions:orders', 'shut:orders']
const BOUNDARIES = ['begin', 'intent', 'call', 'result', 'verified'] as const

test('whenever the process dies, another goes on: it is suspended once, and given back as it was', async () => {
  for (const key of STEPS)
    for (const boundary of BOUNDARIES) {
      const scene = await begin(rules(', resume: true'))
      const before = JSON.stringify(scene.estate.roles.get('orders')!.state)
      await untilSuspended(scene)
      expect(await scene.automaticEnding({ dieAt: { key, boundary } }), `${key} ${boundary}`).toBe('died')
      await scene.estate.time.sleep(60_000)
      expect(told(await scene.automatic()), `${key} ${boundary}`).toEqual([
        ['suspend acted', expect.any(String)],
      ])
      expect(opens(scene)).toBe(false)
      expect(await scene.db.selectFrom('run').select('state').execute()).toEqual([{ state: 'done' }])
      await own(scene, 'orders')
      const again = await scene.automaticEnding({ dieAt: { key: 'resume:orders', boundary } })
      expect(again).toBe('died')
      await scene.estate.time.sleep(60_000)
      expect(told(await scene.automatic())).toEqual([['suspend resumed', expect.any(String)]])
      expect(opens(scene)).toBe(true)
      expect(JSON.stringify(scene.estate.roles.get('orders')!.state)).toBe(before)
      expect(await held(scene)).toEqual([])
      await mustHold(scene.db)
      await scene.end()
    }
})

test('what was cut off for good while it was suspended is not given back', async () => {
  const scene = await begin(rules(', resume: true'))
  await untilSuspended(scene)
  await scene.automatic()
  // Somebody lets it in again, it leaks, and it is contained.
  scene.estate.roles.get('orders')!.state.attributes.login = true
  await scene.observe()
  const request = { subject: 'orders', mode: 'emergency' as const, windowSeconds: 0 }
  const { contained } = reportOf(await scene.contain(request))
  expect(contained).toBe(true)
  await own(scene, 'orders')
  expect(told(await scene.automatic())).toEqual([
    ['suspend resumed', 'it is as it was before: orders: it was revoked since, and stays so'],
  ])
  expect(opens(scene)).toBe(false)
  expect(scene.estate.roles.get('orders')!.state.attributes.login).toBe(false)
  await scene.end()
})

test('a suspension that was not finished is taken back when an owner is found meanwhile', async () => {
  const scene = await begin(rules())
  await untilSuspended(scene)
  expect(await scene.automaticEnding({ dieAt: { key: 'suspend:orders', boundary: 'result' } })).toBe('died')
  await own(scene, 'orders')
  await scene.estate.time.sleep(60_000)
  expect(told(await scene.automatic())).toEqual([['suspend resumed', expect.any(String)]])
  expect(opens(scene)).toBe(true)
  const runs = await scene.db.selectFrom('run').select(['kind', 'state', 'run_key']).orderBy('id').execute()
  expect(runs).toEqual([
    { kind: 'suspend', state: 'abandoned', run_key: null },
    { kind: 'resume', state: 'done', run_key: null },
  ])
  expect(await held(scene)).toEqual([])
  await mustHold(scene.db)
  await scene.end()
})

test('what takes the place of a role is whose that one was by its comment, after a second time too, until something else is said of it', async () => {
  const roles = SHOP.roles.map(role => ({ ...role, comment: 'owner: payments' }))
  const files = { 'orders/.env': `DATABASE_URL=${url('orders', PASSWORD)}\n` }
  const commented = await Stage.set({ ...SHOP, roles, files })
  const scene = await beginUnowned(commented, rules(), [])
  let [name] = ['orders']
  for (const time of ['first', 'second']) {
    const request = { subject: name, mode: 'graceful' as const, windowSeconds: 0 }
    expect(reportOf(await scene.contain(request)).contained, time).toBe(true)
    await scene.observe()
    name = /\/\/([^:]+):/.exec(scene.estate.text('orders/.env'))![1]!
    const entityId = await idOf(scene, name)
    const { ownership } = await ownershipOfOne(scene.db, scene.estate.time.now(), entityId)
    expect(ownership, time).toMatchObject({ state: 'confident', answers: { name: 'payments' } })
    expect(await scene.automatic()).toEqual([])
  }
  const id = await idOf(scene, name)
  // What the first was called, and is for, tells of it as well.
  const first = { entity_id: await idOf(scene, 'orders'), first_seen: 0, last_seen: 0 }
  await scene.db
    .insertInto('name')
    .values({ ...first, name: 'prod-emergency' })
    .execute()
  const roots = await loadRoots(scene.db)
  const one = (await nonHumans(scene.db)).find(identity => identity.id === id)!
  const why = 'it is called prod-emergency'
  expect((await profilesOf(scene.db, roots, [one])).get(id)).toMatchObject({
    class: { value: 'break-glass', why },
    environment: { value: 'production', why },
  })
  expect(await breakGlassAmong(scene.db, [id])).toEqual(new Map([[id, why]]))
  expect(await notedIds(scene.db, roots)).toContain(id)
  const { native } = await scene.db
    .selectFrom('entity')
    .select('native')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  scene.estate.server.role(native)!.state.comment = 'owner: ledger'
  await scene.observe()
  const { ownership } = await ownershipOf(scene.db, scene.estate.time.now())
  expect(ownership.get(id)?.candidates.map(({ party }) => party.name)).toEqual(['ledger'])
  await mustHold(scene.db)
  await scene.end()
})
