import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { formatRef } from '../../../src/core/contract/ref.ts'
import { transaction } from '../../../src/core/store/store.ts'
import { fold } from '../../../src/know/inventory/fold.ts'
import { check } from '../../../src/serve/operations/check.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import { owner } from '../../../src/serve/operations/owner.ts'
import { show } from '../../../src/serve/operations/show.ts'
import { claim, sawCopy } from '../../know/estate.ts'
import { openWorld } from './open-world.ts'

const HR = `Employee ID,Full Name,Work Email,Team,Status
1,Jane Doe,jane@acme.example,Payments,Active
2,Bob Left,bob@acme.example,Search,Terminated
3,Ann Lee,ann@acme.example,Search,Active
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

let opened: Awaited<ReturnType<typeof openWorld>>
beforeAll(async () => {
  opened = await openWorld([directory], ['github-token'])
  const root = join(opened.world.home, 'exports')
  await mkdir(root)
  await writeFile(join(root, 'hr.csv'), HR)
  const roles = [
    role('pay', { Owner: 'payments', onwer: 'jane@acme.example' }),
    role('find', { team: 'Search' }),
    role('bobs', { owner: 'bob@acme.example' }),
    role('torn', { owner: 'payments', 'service-owner': 'search' }),
    role('lost', { owner: 'TBD' }),
  ]
  await writeFile(join(root, 'account.json'), JSON.stringify({ UserDetailList: [], RoleDetailList: roles }))
  await opened.world.connections.add(opened.world.db, 'directory', { path: root })
  await observe.run(opened.world, observe.input.parse({}))
})
afterAll(() => opened?.close())

const run = (given: object) => owner.run(opened.world, owner.input.parse(given))
const printed = async (given: object) => stripVTControlCharacters(owner.text(await run(given), 80))
const ownerOf = async (subject: string) => {
  const output = await run({ action: 'show', subject })
  return output.action === 'show' ? [output.ownership.state, output.ownership.answers] : []
}

test('all are counted, and who has none for certain is listed', async () => {
  const output = await run({ action: 'show' })
  expect(output).toMatchObject({
    counts: { confirmed: 0, confident: 2, likely: 0, conflict: 1, departed: 1, orphan: 1 },
    open: [
      { name: 'lost', state: 'orphan' },
      { name: 'bobs', state: 'departed', answers: 'bob@acme.example' },
      { name: 'torn', state: 'conflict' },
    ].map(one => ({ ...one, name: expect.stringContaining(one.name) })),
  })
  expect(await printed({ action: 'show' })).toContain('2 of 5 identities have an owner for certain')
})

test('one is shown with all that speaks for anyone', async () => {
  expect(await ownerOf('pay')).toEqual(['confident', 'payments'])
  const text = await printed({ action: 'show', subject: 'pay' })
  expect(text).toContain('payments answers for it')
  expect(text).toContain('AWS tag onwer')
  expect(await printed({ action: 'show', subject: 'lost' })).toContain('TBD (AWS tag owner)')
  const shown = await show.run(opened.world, { subject: 'pay' })
  expect(stripVTControlCharacters(show.text(shown, 80))).toContain('payments answers for it')
})

test('findings are orphans, departed owners and conflicts, each with its evidence', async () => {
  const { findings, checks } = await check.run(opened.world, check.input.parse({}))
  const own = findings.filter(one => one.check.startsWith('owner-'))
  expect(own.map(one => [one.check, one.name.replace(/^.*\//, '')]).sort()).toEqual([
    ['owner-conflict', 'torn'],
    ['owner-departed', 'bobs'],
    ['owner-missing', 'lost'],
  ])
  expect(own.find(one => one.check === 'owner-departed')!.why).toContain('AWS tag owner')
  expect(checks.find(one => one.check === 'owner-missing')).toMatchObject({ fails: 1, passes: 4, unknown: 0 })
})

test('a person’s word settles it, on the record, until it is taken back', async () => {
  await run({ action: 'set', subject: 'torn', owner: 'search', by: 'ann', why: 'we run it' })
  expect(await ownerOf('torn')).toEqual(['confirmed', 'search'])
  await run({ action: 'confirm', subject: 'pay', by: 'jane' })
  expect(await ownerOf('pay')).toEqual(['confirmed', 'payments'])
  expect(await printed({ action: 'set', subject: 'torn', owner: 'nobody', by: 'ann' })).toContain(
    'taken back',
  )
  expect(await printed({ action: 'set', subject: 'torn', owner: 'nobody', by: 'ann' })).toBe(
    'Nobody had said whose it is: nothing was taken back.',
  )
  expect((await ownerOf('torn'))[0]).toBe('conflict')
  const evidence = await opened.world.db
    .selectFrom('evidence')
    .select(['kind', 'body'])
    .where('kind', 'like', 'owner.%')
    .orderBy('id')
    .execute()
  expect(evidence.map(({ kind, body }) => [kind, JSON.parse(body)])).toEqual([
    ['owner.confirmed', { owner: 'search', by: 'ann', why: 'we run it', from: 'payments' }],
    ['owner.confirmed', { owner: 'payments', by: 'jane' }],
    ['owner.taken-back', { by: 'ann' }],
  ])
})

test('all that somebody answered for is handed over at once', async () => {
  const output = await run({ action: 'handover', subject: 'bob@acme.example', owner: 'Search', by: 'ann' })
  expect(output).toMatchObject({ changed: [{ name: expect.stringContaining('bobs') }], isKnown: true })
  expect(await ownerOf('bobs')).toEqual(['confirmed', 'search'])
  expect(await printed({ action: 'handover', subject: 'bob@acme.example', owner: 'Search' })).toContain(
    'Nothing was theirs',
  )
})

test('nothing is given to who left, confirmed where nobody is likely, or said of a person’s own account', async () => {
  await expect(run({ action: 'set', subject: 'lost', owner: 'bob@acme.example' })).rejects.toMatchObject({
    code: 'CONFLICT',
  })
  await expect(run({ action: 'confirm', subject: 'lost' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(run({ action: 'set', subject: 'lost' })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  await expect(run({ action: 'show', subject: 'jane@acme.example' })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  })
  const { db, io } = opened.world
  const source = await db.selectFrom('source').select('id').executeTakeFirstOrThrow()
  const named = sawCopy({ value: 'v', path: 'app.env', claims: claim('db.acme.example:5432', 'app') })
  await transaction(db, tx => fold(tx, source, [named], { io, at: io.now().getTime() }))
  await expect(
    run({ action: 'show', subject: formatRef(claim('db.acme.example:5432', 'app')) }),
  ).rejects.toThrow('only a text names it')
  expect(await printed({ action: 'set', subject: 'lost', owner: 'nonesuch', by: 'ann' })).toContain(
    'check the name',
  )
})
