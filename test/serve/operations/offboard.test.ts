import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import { offboard } from '../../../src/serve/operations/offboard.ts'
import { owner } from '../../../src/serve/operations/owner.ts'
import { githubToken } from '../../github-token.ts'
import { openWorld } from './open-world.ts'

const HR = `Employee ID,Full Name,Work Email,Team,Status
1,Jane Doe,jane@acme.example,Payments,Active
`
const ACCOUNT = '123456789012'
const role = (name: string, tags: Record<string, string>) => ({
  Path: '/',
  RoleName: name,
  RoleId: `AROA${name.toUpperCase()}`,
  Arn: `arn:aws:iam::${ACCOUNT}:role/${name}`,
  AssumeRolePolicyDocument: { Statement: [] },
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
})
const component = (name: string, system = 'shop') => `apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: ${name} }
spec: { type: service, owner: payments, system: ${system} }
`

let opened: Awaited<ReturnType<typeof openWorld>>
beforeAll(async () => {
  opened = await openWorld([directory], ['github-token'])
  const root = join(opened.world.home, 'exports')
  for (const folder of ['orders', 'cart', 'ring']) await mkdir(join(root, folder), { recursive: true })
  await writeFile(join(root, 'hr.csv'), HR)
  await writeFile(join(root, 'orders/catalog-info.yaml'), component('orders'))
  await writeFile(join(root, 'cart/catalog-info.yaml'), component('cart'))
  // Two systems that are a part of each other, and services that need each other.
  await writeFile(
    join(root, 'ring/catalog-info.yaml'),
    [
      ['System', 'ring-a', 'system: ring-b'],
      ['System', 'ring-b', 'system: ring-a'],
      ['Component', 'ring-x', 'system: ring-a, dependsOn: [component:ring-y]'],
      ['Component', 'ring-y', 'system: ring-b, dependsOn: [component:ring-x]'],
    ]
      .map(
        ([kind, name, spec]) =>
          `apiVersion: backstage.io/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: { owner: payments, ${spec} }\n`,
      )
      .join('---\n'),
  )
  const roles = [
    role('ringer', { service: 'ring-x' }),
    role('reader', { service: 'orders' }),
    role('both', { service: 'orders', app: 'cart' }),
    role('carts', { service: 'cart' }),
    role('books', { service: 'ledger', owner: 'jane@acme.example' }),
    role('janes', { owner: 'jane@acme.example' }),
    role('orders-old', {}),
    role('watcher', { vendor: 'Acme Monitoring' }),
    role('watchers-of-another', { vendor: 'Acme' }),
  ]
  await writeFile(join(root, 'account.json'), JSON.stringify({ UserDetailList: [], RoleDetailList: roles }))
  await opened.world.connections.add(opened.world.db, 'directory', { path: root })
  await observe.run(opened.world, observe.input.parse({ workers: 1 }))
})
afterAll(() => opened?.close())

const run = (given: object) => offboard.run(opened.world, offboard.input.parse({ window: 0, ...given }))
const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).sort()

test('of a service, what is its alone, what others use, and what only its name speaks for are told apart', async () => {
  const report = await run({ subject: 'orders' })
  expect(names(report.own)).toEqual(['reader'])
  expect(report.own[0]!.why).toEqual(['its AWS tag service is orders'])
  expect(report.shared).toMatchObject([{ name: 'both', why: 'cart uses it: its AWS tag app is cart' }])
  expect(names(report.likely)).toEqual(['orders-old'])
  expect(report.state).toBe('planned')
  const text = stripVTControlCharacters(offboard.text(report, 80))
  expect(text).toContain('Shared with others')
  expect(text).toMatch(/Nothing was changed\.\n\nNext: the same with --apply\n$/)
  expect(text.split('\n').filter(line => line.length > 80)).toEqual([])
})

test('of a system, what its services share among themselves is its own', async () => {
  const report = await run({ subject: 'shop' })
  expect(names(report.own)).toEqual(['both', 'carts', 'reader'])
  expect(report.shared).toEqual([])
})

test('a catalog that turns in circles ends nowhere else, and is gone through once', async () => {
  for (const subject of ['ring-a', 'ring-b']) expect(names((await run({ subject })).own)).toEqual(['ringer'])
  expect(names((await run({ subject: 'ring-x' })).own)).toEqual(['ringer'])
})

test('what others use of a person’s is handed over before anything goes', async () => {
  const subject = 'jane@acme.example'
  const planned = await run({ subject })
  expect([names(planned.own), names(planned.shared)]).toEqual([['janes'], ['books']])
  await expect(run({ subject, apply: true })).rejects.toMatchObject({
    code: 'CONFLICT',
    advice: expect.stringContaining('--handover-to'),
  })
  await run({ subject, apply: true, handoverTo: 'payments' })
  const after = await owner.run(opened.world, owner.input.parse({ action: 'show', subject: 'books' }))
  expect(after).toMatchObject({ ownership: { state: 'confirmed', answers: 'payments' } })
})

test('nothing is meant by a name that nothing has, and one of several by its kind', async () => {
  await expect(run({ subject: 'nonesuch' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(run({})).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  expect((await run({ subject: 'service:cart' })).subject).toEqual({ kind: 'service', name: 'cart' })
  await expect(run({ subject: 'person:cart' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('of a vendor, what it acts as here and what it accepts hangs on it', async () => {
  const acts = await run({ subject: 'acme-monitoring' })
  expect(acts.subject).toEqual({ kind: 'vendor', name: 'Acme Monitoring' })
  expect(names(acts.own)).toEqual(['watcher'])
  expect(acts.own[0]!.why).toEqual([expect.stringContaining('its vendor is Acme Monitoring: a tag says so')])
  const token = githubToken()
  await writeFile(join(opened.world.home, 'exports', 'orders', 'deploy.env'), `GITHUB_TOKEN=${token}\n`)
  await observe.run(opened.world, observe.input.parse({ workers: 1 }))
  const accepts = await run({ subject: 'vendor:GitHub' })
  expect(accepts.own.map(({ why }) => why)).toEqual([['it is a GitHub token, which GitHub accepts']])
  await expect(run({ subject: 'vendor:postgres' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('what runs beside a service’s folder is not the service’s, though no other lies in that repository', async () => {
  const root = join(opened.world.home, 'mono')
  await mkdir(join(root, 'services/stock'), { recursive: true })
  const compose = (name: string) => `services: { ${name}: { image: x, env_file: [own.env] } }\n`
  await writeFile(join(root, 'services/stock/catalog-info.yaml'), component('stock', 'store'))
  await writeFile(join(root, 'services/stock/compose.yaml'), compose('keeper'))
  await writeFile(join(root, 'services/stock/own.env'), `TOKEN=${githubToken()}\n`)
  await writeFile(join(root, 'compose.yaml'), compose('nightly'))
  await writeFile(join(root, 'own.env'), `TOKEN=${githubToken()}\n`)
  await opened.world.connections.add(opened.world.db, 'directory', { path: root })
  await observe.run(opened.world, observe.input.parse({ workers: 1 }))
  const { own, shared } = await run({ subject: 'stock' })
  expect(own.flatMap(({ why }) => why)).toEqual(
    expect.arrayContaining(['services/stock/compose.yaml#keeper reads it']),
  )
  expect([own.length, shared]).toEqual([1, []])
})
