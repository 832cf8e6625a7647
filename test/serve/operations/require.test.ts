import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { profilesOf } from '../../../src/judge/requirements/profiles.ts'
import { nonHumans } from '../../../src/judge/ownership/non-human.ts'
import { loadRoots } from '../../../src/know/inventory/roots.ts'
import { check } from '../../../src/serve/operations/check.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import { require } from '../../../src/serve/operations/require.ts'
import { set } from '../../../src/serve/operations/set.ts'
import { show } from '../../../src/serve/operations/show.ts'
import { openWorld } from './open-world.ts'

const ACCOUNT = '123456789012'
const role = (name: string, tags: Record<string, string> = {}) => ({
  Path: '/',
  RoleName: name,
  RoleId: `AROA${name.toUpperCase()}`,
  Arn: `arn:aws:iam::${ACCOUNT}:role/${name}`,
  AssumeRolePolicyDocument: { Statement: [] },
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
})
const GOOD = `require:
  - class: [ordinary, shared]
    environment: production
    owner: true
    purpose: true
  - class: break-glass
    owner: true
`
const DEPLOYMENT = `apiVersion: v1
kind: ServiceAccount
metadata: { name: emergency, namespace: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: shop }
spec:
  template:
    spec:
      serviceAccountName: emergency
      containers: [{ name: api, image: shop/api }]
`

let opened: Awaited<ReturnType<typeof openWorld>>
let root: string
beforeAll(async () => {
  opened = await openWorld([directory], ['github-token'])
  root = join(opened.world.home, 'exports')
  await mkdir(root)
  const roles = [
    role('orders-prod', { owner: 'payments' }),
    role('export', { owner: 'payments', env: 'prod', purpose: 'nightly export' }),
    role('reports', { env: 'dev' }),
    role('acme-crm', { vendor: 'Acme' }),
    role('both', { service: 'orders', app: 'cart' }),
    role('llm-helper'),
  ]
  await writeFile(join(root, 'account.json'), JSON.stringify({ UserDetailList: [], RoleDetailList: roles }))
  await writeFile(join(root, 'shop.yaml'), DEPLOYMENT)
  await opened.world.connections.add(opened.world.db, 'directory', { path: root })
  await observe.run(opened.world, observe.input.parse({ workers: 1 }))
})
afterAll(() => opened?.close())

async function putInForce(text: string) {
  const file = join(root, 'requirements.yaml')
  await writeFile(file, text)
  return await require.run(opened.world, { file, by: 'ann' })
}
const failing = async (id: string) => {
  const { findings } = await check.run(opened.world, check.input.parse({}))
  return findings
    .filter(one => one.check === id)
    .map(({ name, why }) => `${name.replace(/^.*\//, '')}: ${why}`)
    .sort()
}
const profiles = async () => {
  const { db } = opened.world
  const identities = await nonHumans(db)
  const found = await profilesOf(db, await loadRoots(db), identities)
  return new Map(identities.map(({ id, native }) => [native, found.get(id)!]))
}

test('each class is recognised by a sign that is told', async () => {
  const told = [...(await profiles())].map(([native, profile]) => [
    native,
    profile.class.value,
    profile.class.why,
  ])
  expect(told.sort()).toEqual([
    [expect.stringContaining('emergency'), 'break-glass', expect.stringContaining('it is called')],
    [
      expect.stringContaining('ACME-CRM'),
      'third-party',
      expect.stringContaining('its vendor is Acme: a tag says so'),
    ],
    [expect.stringContaining('BOTH'), 'shared', 'its AWS tag service is orders; its AWS tag app is cart'],
    [expect.stringContaining('EXPORT'), 'ordinary', 'nothing says otherwise'],
    [expect.stringContaining('LLM-HELPER'), 'agentic', expect.stringContaining('it is called')],
    [expect.stringContaining('ORDERS-PROD'), 'ordinary', 'nothing says otherwise'],
    [expect.stringContaining('REPORTS'), 'ordinary', 'nothing says otherwise'],
  ])
})

test('what is missing by class and environment is a finding, until it is said', async () => {
  expect(await putInForce(GOOD)).toMatchObject({ rules: 2, covered: 3, identities: 7 })
  const [emergency, orders, ...others] = await failing('requirement-unmet')
  expect(others).toEqual([])
  expect(emergency).toBe('emergency: a break-glass identity needs an owner')
  expect(orders).toBe('orders-prod: an ordinary identity in production needs a purpose')
  const said = { subject: 'orders-prod', name: 'purpose' as const, by: 'ann' }
  await set.run(opened.world, {
    ...said,
    subject: `arn:aws:iam::${ACCOUNT}:role/orders-prod`,
    value: 'orders',
  })
  expect(await failing('requirement-unmet')).toEqual([emergency])
})

test('of a third party’s, who answers at the vendor’s is asked for, shown, and said by a person', async () => {
  await putInForce(`${GOOD}  - class: third-party\n    vendorContact: true\n`)
  const subject = `arn:aws:iam::${ACCOUNT}:role/acme-crm`
  const contact = async () =>
    (await show.run(opened.world, { subject })).life.find(({ asked }) => asked === 'vendor contact')
  expect(await failing('requirement-unmet')).toContain(
    'acme-crm: a third-party identity needs a vendor contact',
  )
  expect(await contact()).toMatchObject({ value: null, why: 'nobody tells' })
  const said = { subject, name: 'vendor-contact' as const, value: 'security@acme.example', by: 'ann' }
  await set.run(opened.world, said)
  expect(await contact()).toMatchObject({ value: 'security@acme.example', why: 'ann says so' })
  expect((await failing('requirement-unmet')).filter(line => line.startsWith('acme-crm'))).toEqual([])
  await set.run(opened.world, { ...said, value: 'nothing' })
})

test.each([
  [
    'a word',
    GOOD.replace('purpose: true', 'pupose: true'),
    /line 5: pupose is not known: did you mean purpose\?/,
  ],
  [
    'a class',
    GOOD.replace('class: break-glass', 'class: brake-glass'),
    /line 6: class: brake-glass is not known: did you mean break-glass\?/,
  ],
  [
    'what is to be suspended',
    GOOD.replace('owner: true', 'automatic: { suspend: [orphaned], grace: 14d }'),
    /line 4: suspend: orphaned is not known: did you mean orphan\?/,
  ],
  [
    'a word of what happens by itself',
    GOOD.replace('owner: true', 'automatic: { suspends: [orphan] }'),
    /line 4: suspends is not known: did you mean suspend\?/,
  ],
  [
    'a class among others',
    GOOD.replace('[ordinary, shared]', '[ordinry, shared]'),
    /line 2: class: ordinry is not known: did you mean ordinary\?/,
  ],
  ['one that is too large', `a: &a [x, x]\nb: [${'*a, '.repeat(200)}x]\n`, /it has too many aliases/],
  ['a value', GOOD.replace('owner: true', 'owner: yes please'), /line 4: owner: /],
  ['YAML', GOOD.replace('[ordinary, shared]', '[ordinary, shared'), /line \d: it is no YAML there/],
  [
    'its first word',
    GOOD.replace('require:', 'requires:'),
    /line 1: requires is not known: did you mean require\?/,
  ],
])('a slip in %s is told with its line, and what was good before stays in force', async (_, text, says) => {
  await putInForce(GOOD)
  await expect(putInForce(text)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringMatching(says),
  })
  expect(await require.run(opened.world, {})).toMatchObject({ rules: 2, by: 'ann' })
})

test('an environment may be written as on a tag', async () => {
  const { covered } = await putInForce('require:\n  - environment: Prod\n    owner: true\n')
  expect(covered).toBeGreaterThan(0)
  expect(await putInForce('require:\n  - environment: production\n    owner: true\n')).toMatchObject({
    covered,
  })
})

test('an account for emergencies that a workload runs as is a finding, until a person says what it is', async () => {
  const [finding] = await failing('break-glass-in-workflow')
  expect(finding).toMatch(/^emergency: .*api uses it .*, and it is for emergencies: it is called/)
  const ref = (await nonHumans(opened.world.db)).find(({ native }) => native.includes('emergency'))!
  await set.run(opened.world, {
    subject: ref.id,
    name: 'class',
    value: 'Ordinary',
    by: 'ann',
    why: 'misnamed',
  })
  expect(await failing('break-glass-in-workflow')).toEqual([])
  expect(
    [...(await profiles()).values()].find(({ class: { why } }) => why === 'ann says so: misnamed'),
  ).toBeDefined()
  await set.run(opened.world, { subject: ref.id, name: 'class', value: 'nothing', by: 'ann' })
  expect(await failing('break-glass-in-workflow')).toHaveLength(1)
})

test('a use beyond what it is for is a finding, and none that the purpose names', async () => {
  const ref = (await nonHumans(opened.world.db)).find(({ native }) => native.includes('emergency'))!
  await set.run(opened.world, { subject: ref.id, name: 'purpose', value: 'shop/api runs as it', by: 'ann' })
  expect(await failing('purpose-drift')).toEqual([])
  await writeFile(
    join(root, 'cron.yaml'),
    DEPLOYMENT.replace('name: api, namespace', 'name: payroll, namespace'),
  )
  await observe.run(opened.world, observe.input.parse({ workers: 1 }))
  expect((await failing('purpose-drift'))[0]).toMatch(
    /^emergency: it is for “shop\/api runs as it”, and .*payroll/,
  )
})

test('one is shown with what it is, what it may do, who runs as it, and which data it reaches, each with its reason', async () => {
  const ref = (await nonHumans(opened.world.db)).find(({ native }) => native.includes('emergency'))!
  const shown = await show.run(opened.world, { subject: ref.id })
  const life = new Map(shown.life.map(({ asked, value, why }) => [asked, [value, why]]))
  expect(life.get('class')).toEqual(['break-glass', expect.stringContaining('it is called')])
  expect(life.get('runtime')![0]).toContain('shop/deployment/api')
  expect(life.get('kind of credentials')![0]).toBe('short-lived')
  // What nobody tells is said to be unknown.
  expect(life.get('really used')).toEqual([null, 'nobody tells'])
  expect(life.get('highest data')).toEqual([null, 'nobody tells'])
  const text = stripVTControlCharacters(show.text(shown, 80))
  expect(text).toMatch(/really used +unknown +nobody tells/)
  // A reference keeps its line, so that it can be copied.
  const wide = text.split('\n').filter(line => line.length > 80 && !line.startsWith('identity  '))
  expect(wide).toEqual([])
})

test('no class, and no date, but those that there are', async () => {
  const said = { subject: `arn:aws:iam::${ACCOUNT}:role/export`, by: 'ann' }
  await expect(set.run(opened.world, { ...said, name: 'class', value: 'odd' })).rejects.toMatchObject({
    advice: expect.stringContaining('break-glass'),
  })
  await expect(set.run(opened.world, { ...said, name: 'expiry', value: 'soon' })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  })
})
