import { beforeAll, expect, test } from 'vitest'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { transaction } from '../../src/core/store/store.ts'
import { say, type WordName } from '../../src/know/inventory/word.ts'
import { Consumer } from './consumer.ts'
import { loginIn, mustHold } from './invariants.ts'
import { OTHER_PASSWORD, PASSWORD, SHOP, url } from './shop.ts'
import { type Scene, Stage } from './stage.ts'

const DAY_MS = 86_400_000
const RULES = `require:
  - rotation: 30d
    automatic: { rotate: true, expire: true, notice: 7d }
`

let stage: Stage
beforeAll(async () => {
  // The one is in a file that may be written alone, the other in notes as well.
  stage = await Stage.set({
    ...SHOP,
    files: {
      'orders/.env': `DATABASE_URL=${url('orders', PASSWORD)}\n`,
      'billing/.env': `DATABASE_URL=${url('billing', OTHER_PASSWORD)}\n`,
      'notes/setup.md': `Use ${url('billing', OTHER_PASSWORD)} for now.\n`,
    },
  })
})

async function begin(text = RULES): Promise<Scene> {
  const scene = await stage.begin()
  await scene.db
    .insertInto('requirement')
    .values({ id: 'r', text, file: 'r.yaml', said_by: 'ann', at: 0 })
    .execute()
  return scene
}

async function word(scene: Scene, of: string, name: WordName, value: string): Promise<void> {
  const { entity_id } = await scene.db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select('name.entity_id')
    .where('name', '=', of)
    .where('entity.type', '=', 'identity')
    .executeTakeFirstOrThrow()
  await transaction(scene.db, tx => say(tx, realIo(), { entityId: entity_id, name, value, by: 'ann' }))
}

const told = (events: Awaited<ReturnType<Scene['automatic']>>, name: string) =>
  events.filter(one => one.name === name).map(({ event, action, why }) => [`${action} ${event}`, why])
const opens = ({ estate }: Scene, name: string, password: string) => {
  const session = estate.server.login(name, new Secret(password))
  if (session) session.alive = false
  return session !== undefined
}

test('what is too old is announced first, then replaced without anything failing, once; what cannot be seen whole is left, with why', async () => {
  const scene = await begin()
  const { time } = scene.estate
  expect(await scene.automatic()).toEqual([])
  await time.sleep(24 * DAY_MS)
  const announced = await scene.automatic()
  expect(told(announced, 'orders')).toEqual([
    [
      'rotate announced',
      expect.stringMatching(
        /^it is to be rotated every 30 days, and its value has stood since .* at least; it is rotated on /,
      ),
    ],
  ])
  expect(await scene.automatic()).toEqual([])
  await time.sleep(8 * DAY_MS)
  const consumer = new Consumer(scene.estate, 'orders/.env', 'orders-api', { rereads: true })
  const acted = await scene.automatic()
  consumer.stop()
  expect(told(acted, 'orders')).toEqual([['rotate acted', 'it was done, and the old one is proven dead']])
  expect(told(acted, 'billing')).toEqual([
    ['rotate left', 'it stands in notes/setup.md, where Firebreak may not write'],
  ])
  expect(consumer.failures).toBe(0)
  expect([opens(scene, 'orders', PASSWORD), opens(scene, 'billing', OTHER_PASSWORD)]).toEqual([false, true])
  const [issued] = scene.estate.issuedFor(scene.estate.roles.get('orders')!)
  const written = loginIn(scene.estate.text('orders/.env'), [issued!.name])
  expect(opens(scene, written!.name, written!.password)).toBe(true)
  // Not again, and what was told is not told again.
  await scene.observe()
  expect(await scene.automatic()).toEqual([])
  await time.sleep(2 * 3_600_000)
  expect(await scene.automatic()).toEqual([])
  await mustHold(scene.db)
  await scene.end()
})

test('an account for emergencies is never touched, nor what a rule does not let act', async () => {
  for (const text of [undefined, RULES.replace('rotate: true', 'rotate: false')]) {
    const scene = await begin(text)
    if (text === undefined)
      for (const name of ['orders', 'billing']) await word(scene, name, 'class', 'break-glass')
    await scene.estate.time.sleep(24 * DAY_MS)
    expect(await scene.automatic()).toEqual([])
    await scene.estate.time.sleep(40 * DAY_MS)
    expect(await scene.automatic()).toEqual([])
    expect(opens(scene, 'orders', PASSWORD)).toBe(true)
    await scene.end()
  }
})

test('what has come to its end goes, after the notice, and not while somebody is at work with it', async () => {
  const scene = await begin(RULES.replace('rotate: true', 'rotate: false'))
  const { time } = scene.estate
  await word(scene, 'orders', 'expiry', new Date(time.now() + 10 * DAY_MS).toISOString())
  await time.sleep(4 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([
    ['expire announced', expect.stringContaining('ann says so')],
  ])
  await time.sleep(8 * DAY_MS)
  const consumer = new Consumer(scene.estate, 'orders/.env', 'orders-api', { rereads: true })
  expect(told(await scene.automatic(), 'orders')).toEqual([
    ['expire left', expect.stringMatching(/^orders-api@memory .* fails from suspend:orders on$/)],
  ])
  consumer.stop()
  expect(consumer.failures).toBe(0)
  await time.sleep(2 * 3_600_000)
  expect(told(await scene.automatic(), 'orders')).toEqual([
    ['expire acted', 'it was done, and the old one is proven dead'],
  ])
  expect(opens(scene, 'orders', PASSWORD)).toBe(false)
  expect(scene.estate.text('orders/.env')).not.toContain(PASSWORD)
  // It is there still, past its end, and gone: nobody is told again. With a later end it goes again.
  await scene.observe()
  await time.sleep(2 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([])
  await word(scene, 'orders', 'expiry', new Date(time.now() + DAY_MS).toISOString())
  expect(told(await scene.automatic(), 'orders')).toEqual([['expire announced', expect.any(String)]])
  await scene.end()
})

test('what has come to its end goes, too, where nobody knows a value of it to try', async () => {
  const bare = await Stage.set({ ...SHOP, files: { 'billing/.env': 'NONE=1\n' } })
  const scene = await bare.begin()
  const text = RULES.replace('rotate: true', 'rotate: false')
  const requirement = { id: 'r', text, file: 'r.yaml', said_by: 'ann', at: 0 }
  await scene.db.insertInto('requirement').values(requirement).execute()
  const { time } = scene.estate
  await word(scene, 'orders', 'expiry', new Date(time.now() + 2 * DAY_MS).toISOString())
  expect(told(await scene.automatic(), 'orders')).toEqual([['expire announced', expect.any(String)]])
  await time.sleep(8 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([
    ['expire acted', 'it was done, and the old one is proven dead'],
  ])
  expect(opens(scene, 'orders', PASSWORD)).toBe(false)
  await mustHold(scene.db)
  await scene.end()
})

test('where notices are sent, nothing is replaced before the notice was taken, and then its time is whole', async () => {
  const scene = await begin(`${RULES}notify: { url: "https://n.example/", secret: "env:NONE" }\n`)
  const { time } = scene.estate
  await time.sleep(24 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([['rotate announced', expect.any(String)]])
  await scene.db.updateTable('notice').set({ error: 'it was answered with 503' }).execute()
  await time.sleep(30 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([
    ['rotate left', 'its notice was not taken, and nothing is done before that: it was answered with 503'],
  ])
  await scene.db.updateTable('notice').set({ sent_at: time.now() }).execute()
  await time.sleep(6 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([])
  expect(opens(scene, 'orders', PASSWORD)).toBe(true)
  await time.sleep(2 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([['rotate acted', expect.any(String)]])
  await scene.end()
})

test('what was announced before there was a place to send it to is sent, and waits for that', async () => {
  const scene = await begin()
  await scene.estate.time.sleep(24 * DAY_MS)
  await scene.automatic()
  const text = `${RULES}notify: { url: "https://n.example/", secret: "env:NONE" }\n`
  await scene.db.updateTable('requirement').set({ text }).execute()
  await scene.estate.time.sleep(30 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([['rotate announced', expect.any(String)]])
  expect(opens(scene, 'orders', PASSWORD)).toBe(true)
  await scene.end()
})

test('a notice that is on its way is waited for, and holds nothing up once it was taken', async () => {
  const scene = await begin(
    `${RULES.replace('notice: 7d', 'notice: 0d')}notify: { url: "https://n.example/", secret: "env:NONE" }\n`,
  )
  await scene.estate.time.sleep(31 * DAY_MS)
  expect(told(await scene.automatic(), 'orders')).toEqual([['rotate announced', expect.any(String)]])
  expect(opens(scene, 'orders', PASSWORD)).toBe(true)
  await scene.db.updateTable('notice').set({ sent_at: scene.estate.time.now() }).execute()
  expect(told(await scene.automatic(), 'orders')).toEqual([['rotate acted', expect.any(String)]])
  await scene.end()
})
