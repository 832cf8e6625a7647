import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { OffboardReport, OffboardRequest } from '../../src/act/lifecycle/offboard.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { transaction } from '../../src/core/store/store.ts'
import { say } from '../../src/know/inventory/word.ts'
import { CACHE_ENDPOINT, type Description } from './estate.ts'
import { mustBeClosed, mustHold, mustNotStandIn } from './invariants.ts'
import { PASSWORD, SHOP, url } from './shop.ts'
import { reportOf, type Scene, Stage } from './stage.ts'

/** Made here, so that nobody takes them for somebody's. */
const value = (name: string) => createHash('sha256').update(name).digest('base64url').slice(0, 30)
const key = (name: string) => ({
  id: ['AKIA', `${name.toUpperCase().replaceAll(/[^A-Z]/g, '')}Q7N2KXT6WLM4RZBH`.slice(0, 16)].join(''),
  secret: createHash('sha256').update(name).digest('base64').slice(0, 40),
})
const ROLES = ['orders_app', 'orders_jobs', 'orders_report', 'orders_ro', 'orders_admin']
const USERS = ['orders-cache', 'orders-queue', 'orders-lock']
const AWS_USERS = ['orders-deploy', 'orders-backup']
const KEYS = ['deploya', 'deployb', 'backupa', 'backupb']
const cacheUrl = (name: string) => `redis://${name}:${value(name)}@${CACHE_ENDPOINT}/0`
const keyLines = (name: string) =>
  `AWS_ACCESS_KEY_ID=${key(name).id}\nAWS_SECRET_ACCESS_KEY=${key(name).secret}\n`
const lines = (names: readonly string[]) =>
  names.map((name, at) => `DATABASE_URL_${at}=${url(name, value(name))}\n`).join('')

const FILES = {
  'orders/catalog-info.yaml':
    'apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: orders }\nspec: { type: service, owner: payments }\n',
  'billing/catalog-info.yaml':
    'apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: billing }\nspec: { type: service, owner: finance }\n',
  'orders/.env': `PORT=3000\n${lines(ROLES.slice(0, 3))}${USERS.slice(0, 2)
    .map((name, at) => `REDIS_URL_${at}=${cacheUrl(name)}\n`)
    .join('')}`,
  'orders/jobs/.env': `${lines(ROLES.slice(3))}REDIS_URL=${cacheUrl(USERS[2]!)}\n`,
  'orders/deploy/a.env': keyLines('deploya'),
  'orders/deploy/b.env': keyLines('deployb'),
  'orders/deploy/c.env': keyLines('backupa'),
  'orders/deploy/d.env': keyLines('backupb'),
  'notes/setup.md': `Use ${url('orders_app', value('orders_app'))} for now.\n`,
  // Both services have it.
  'orders/shared.env': `SHARED_URL=${url('warehouse', value('warehouse'))}\n`,
  'billing/.env': `WAREHOUSE=${url('warehouse', value('warehouse'))}\nOWN=${url('billing', value('billing'))}\n`,
}

const GRANT = {
  database: 'shop',
  kind: 'table',
  column: null,
  privilege: 'SELECT',
  grantable: false,
  object: 'public.item',
  grantor: 'postgres',
} as const

const ORDERS: Description = {
  roles: [
    ...ROLES.map(name => ({ name, password: value(name), grants: [{ ...GRANT, grantee: name }] })),
    ...['warehouse', 'billing', 'orders_legacy'].map(name => ({ name, password: value(name) })),
  ],
  users: [...USERS, 'other'].map(name => ({
    name,
    password: value(name),
    rules: ['~shop:*', '&*', '+@all'],
  })),
  aws(account) {
    for (const [index, name] of AWS_USERS.entries()) {
      const keys = KEYS.slice(2 * index, 2 * index + 2).map(key)
      account.users.set(name, {
        name,
        id: `AIDA${name.toUpperCase().replace('-', '')}`,
        arn: `arn:aws:iam::${account.number}:user/${name}`,
        keys: new Map(
          keys.map(({ id, secret }) => [
            id,
            { id, secret, active: true, created: new Date(Date.UTC(2025, 0, 1)) },
          ]),
        ),
        tags: new Map([['service', 'orders']]),
        policies: new Map(),
        hasPassword: false,
      })
    }
  },
  files: FILES,
  approved: ['orders/**/.env', 'orders/**/*.env'],
  workloads: [{ name: 'orders', reads: 'orders/**/.env' }],
}

const request: OffboardRequest = { subject: 'orders', mode: 'graceful', windowSeconds: 1, apply: true }

let stage: Stage
beforeAll(async () => {
  stage = await Stage.set(ORDERS)
})

describe('a service with 12 credentials over PostgreSQL, Redis, AWS and files', () => {
  test('what hangs on it is shown, and what others use is named with why; nothing is changed', async () => {
    const scene = await stage.begin()
    const report = reportOf(await scene.offboard({ ...request, apply: false }))
    expect(report.own.map(({ name }) => name).sort()).toEqual([...ROLES, ...USERS, ...AWS_USERS].sort())
    expect(report.credentials).toHaveLength(12)
    expect(report.shared).toEqual([
      expect.objectContaining({
        name: 'warehouse',
        why: expect.stringContaining('billing uses it: a copy of its credential stands in billing/.env'),
      }),
    ])
    expect(report.likely.map(({ name }) => name)).toEqual(['orders_legacy'])
    expect(report.state).toBe('planned')
    expect(scene.estate.server.login('orders_app', new Secret(value('orders_app')))).toBeDefined()
    expect(scene.estate.text('orders/.env')).toBe(FILES['orders/.env'])
    await scene.end()
  })

  test('it goes in order, and each credential is tried and refused', async () => {
    const scene = await stage.begin()
    const report = reportOf(await scene.offboard(request))
    await mustBeGone(scene, report)
    const order = scene.told.filter(({ boundary }) => boundary === 'begin').map(({ key }) => key)
    for (const name of ROLES) {
      const verbs = ['uses', 'suspend', 'narrow', 'end-sessions', 'revoke', 'prove']
      const places = verbs.map(verb => order.indexOf(`${verb}:${name}`))
      expect(places, name).toEqual(places.toSorted((a, b) => a - b))
      expect(places[0], name).toBeGreaterThanOrEqual(0)
      // Nothing is taken out of a file before it is revoked.
      const removed = order.findIndex(one => one.startsWith('remove:') && one.includes('orders/.env'))
      if (ROLES.indexOf(name) < 3) expect(removed, name).toBeGreaterThan(places[4]!)
    }
    // Asked for again, it is told again.
    const again = reportOf(await scene.offboard(request))
    expect(again.run).toBe(report.run)
    await scene.end()
  })

  test('a process that died in a step of any kind is followed by one that finishes', async () => {
    const points = [
      ['uses:orders_app', 'verified'],
      ['suspend:orders-cache', 'call'],
      ['narrow:orders_app', 'call'],
      ['revoke:orders-deploy', 'call'],
      ['remove:', 'call'],
      ['prove:orders_app', 'result'],
    ] as const
    const wrong: string[] = []
    for (const [point, boundary] of points) {
      const scene = await stage.begin()
      const planned = reportOf(await scene.offboard({ ...request, apply: false }))
      const { key } = planned.steps.find(step => step.key.startsWith(point))!
      try {
        expect(await scene.offboard(request, { dieAt: { key, boundary } })).toBe('died')
        await mustBeGone(scene, reportOf(await scene.offboard(request)))
      } catch (error) {
        wrong.push(`${key} ${boundary}: ${error instanceof Error ? error.message : String(error)}`)
      } finally {
        await scene.end()
      }
    }
    expect(wrong).toEqual([])
  })
})

test('who is logged in and is no part of it keeps it from being cut, until it is hastened', async () => {
  const scene = await stage.begin()
  const session = scene.estate.server.login('orders_app', new Secret(value('orders_app')), 'payroll')!
  const stuck = reportOf(await scene.offboard(request))
  expect(stuck.steps.find(step => step.key === 'uses:orders_app')).toMatchObject({
    state: 'stuck',
    error: expect.stringContaining('payroll@memory uses it, and is no part of what leaves'),
  })
  expect(session.alive).toBe(true)
  expect(stuck.contained).toBe(false)
  const report = reportOf(await scene.offboard({ ...request, mode: 'emergency' }))
  expect(report.run).toBe(stuck.run)
  await mustBeGone(scene, report)
  await scene.end()
})

test('where only an old value of it stands in a file, what opens it now is cut, too', async () => {
  const old = ['Gr4Wn8Cz', '6bVk2MyE'].join('')
  const own = await Stage.set({ ...SHOP, files: { 'orders/.env': `DATABASE_URL=${url('orders', old)}\n` } })
  const scene = await own.begin()
  const { server, roles } = scene.estate
  const report = reportOf(await scene.offboard({ ...request, subject: 'identity:orders' }))
  expect(report.contained, JSON.stringify(report, null, 1)).toBe(true)
  expect(server.login('orders', new Secret(PASSWORD))).toBeUndefined()
  expect(roles.get('orders')!.state.attributes.login).toBe(false)
  expect(report.credentials.map(({ label, state }) => [label, state])).toEqual([
    ['orders', 'dead'],
    ['orders (2)', 'dead'],
  ])
  expect(scene.estate.text('orders/.env')).not.toContain(old)
  await scene.end()
})

/** Asked of the systems, the files, the journal and the evidence. */
async function mustBeGone(scene: Scene, report: OffboardReport): Promise<void> {
  const all = JSON.stringify(report, null, 1)
  expect(report.contained, all).toBe(true)
  expect(report.credentials, all).toHaveLength(12)
  expect(
    report.credentials.every(({ state }) => state === 'dead'),
    all,
  ).toBe(true)
  const { server, cache, aws, roles } = scene.estate
  for (const name of ROLES) {
    expect(server.login(name, new Secret(value(name))), name).toBeUndefined()
    expect(roles.get(name)!.state.grants, name).toEqual([])
  }
  for (const name of USERS) expect(cache!.login(name, new Secret(value(name))), name).toBeUndefined()
  for (const name of AWS_USERS) {
    expect([...aws!.account.users.get(name)!.keys.keys()], name).toEqual([])
    expect([...aws!.account.users.get(name)!.policies.keys()].sort(), name).toContain('FirebreakNarrow')
  }
  // Who has nothing to do with it goes on.
  for (const name of ['warehouse', 'billing', 'orders_legacy']) {
    const session = server.login(name, new Secret(value(name)))
    expect(session, name).toBeDefined()
    session!.alive = false
  }
  expect(cache!.login('other', new Secret(value('other')))).toBeDefined()
  const secrets = [...ROLES, ...USERS].map(value)
  for (const path of ['orders/.env', 'orders/jobs/.env', 'orders/deploy/a.env'])
    for (const secret of [...secrets, ...KEYS.map(name => key(name).secret)])
      expect(scene.estate.text(path).includes(secret), path).toBe(false)
  for (const path of ['billing/.env', 'orders/shared.env', 'notes/setup.md'] as const)
    expect(scene.estate.text(path)).toBe(FILES[path])
  expect(scene.estate.text('orders/.env')).toContain('PORT=3000\n')
  await mustBeClosed(scene.db, report)
  await mustHold(scene.db)
  await mustNotStandIn(scene.db, [...secrets, ...KEYS.map(name => key(name).secret)], all)
}

test('an account for emergencies is left alone, unless it is meant', async () => {
  const scene = await stage.begin()
  const identity = await scene.db
    .selectFrom('name')
    .select('entity_id')
    .where('name', '=', 'billing')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .where('entity.type', '=', 'identity')
    .executeTakeFirstOrThrow()
  const word = { entityId: identity.entity_id, name: 'class' as const, value: 'break-glass', by: 'ann' }
  await transaction(scene.db, tx => say(tx, realIo(), word))
  const subject = 'identity:billing'
  const refused = await scene.offboard({ ...request, subject })
  expect(refused).toMatchObject({
    failure: { code: 'CONFLICT', advice: expect.stringContaining('--break-glass') },
  })
  const contained = await scene.contain({ subject: 'warehouse', mode: 'graceful', windowSeconds: 0 })
  expect(reportOf(contained).contained).toBe(true)
  expect(scene.estate.server.login('billing', new Secret(value('billing')))).toBeDefined()
  const report = reportOf(await scene.offboard({ ...request, subject, breakGlass: true, mode: 'emergency' }))
  expect(report.contained).toBe(true)
  expect(scene.estate.server.login('billing', new Secret(value('billing')))).toBeUndefined()
  await scene.end()
})
