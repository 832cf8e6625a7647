import { expect, test } from 'vitest'
import { lifeOf } from '../../../src/judge/requirements/life.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { entityByRef, resolveEntity } from '../../../src/know/inventory/queries.ts'
import { openEstate, password, role, sawRole } from '../../know/estate.ts'

test.each([
  [{ validUntil: null }, 'never'],
  [{ validUntil: null, expires: null }, 'never'],
  [
    { validUntil: '2020-01-31T00:00:00.000Z', expires: '2020-01-31T00:00:00.000Z' },
    '2020-01-31, which is past',
  ],
  [{ expires: 'never' }, 'never'],
  [{ kind: 'scram-sha-256' }, null],
])('of a password of which %j is told, when it dies is %s', async (told, says) => {
  const estate = await openEstate()
  const facts = Object.fromEntries(Object.entries(told).map(([name, value]) => [name, { value }]))
  await estate.fold(await estate.source(), [
    sawRole('1', ['app']),
    { see: 'credential', ref: { ...password('1'), identity: role('1') }, facts },
  ])
  const { id } = (await entityByRef(estate.db, 'identity', role('1')))!
  const none = () => Promise.reject(new Error('no graph is needed'))
  const life = await lifeOf(estate.db, await resolveEntity(estate.db, id), estate.clock.ms, none)
  expect(life.find(({ asked }) => asked === 'dies')?.value).toBe(says)
  expect(life.find(({ asked }) => asked === 'kind of credentials')?.why).toBe('it has 1 that lasts: password')
})

test('a role of a database that has no password any more lives by none for a time', async () => {
  const estate = await openEstate()
  await estate.fold(await estate.source(), [sawRole('1', ['app'])])
  const { id } = (await entityByRef(estate.db, 'identity', role('1')))!
  const none = () => Promise.reject(new Error('no graph is needed'))
  const life = await lifeOf(estate.db, await resolveEntity(estate.db, id), estate.clock.ms, none)
  expect(life.find(({ asked }) => asked === 'kind of credentials')).toMatchObject({ value: null })
})

test.each([
  ['user', [], null, 'nobody tells'],
  ['role', [], 'short-lived', 'it has no credential of its own: who becomes it gets one for a time'],
  ['user', ['runs-as'], 'short-lived', 'it has no credential of its own: who becomes it gets one for a time'],
  ['user', ['defined-in', 'authenticates-as'], 'static', 'a file makes a key'],
])(
  'of a %s to which %j leads and of which no credential is known, it is %s',
  async (kind, crossings, value, why) => {
    const estate = await openEstate()
    const ref = { system: 'aws', instance: '1', kind, id: 'u1' }
    await estate.fold(await estate.source(), [
      { see: 'identity', ref, names: ['app'], facts: {} },
      ...crossings.map(
        (crossing): Finding => ({
          see: 'edge',
          from: { ...ref, kind: 'thing', id: crossing },
          to: ref,
          crossing,
          certainty: 'proven',
          why: 'a file makes a key',
        }),
      ),
    ])
    const { id } = (await entityByRef(estate.db, 'identity', ref))!
    const none = () => Promise.reject(new Error('no graph is needed'))
    const life = await lifeOf(estate.db, await resolveEntity(estate.db, id), estate.clock.ms, none)
    expect(life.find(({ asked }) => asked === 'kind of credentials')).toMatchObject({ value, why })
  },
)

test('what a report tells of keys by their place alone is told: that they last, and when one was used', async () => {
  const estate = await openEstate()
  const ref = { system: 'aws', instance: '1', kind: 'user', id: 'u1' }
  const used = {
    accessKeys: 2,
    passwordLastUsed: '2025-01-01T00:00:00.000Z',
    accessKey1LastUsed: '2024-06-01T00:00:00.000Z',
    accessKey2LastUsed: '2025-06-01T00:00:00.000Z',
    accessKey2LastUsedService: 's3',
    accessKey2LastUsedRegion: 'eu-west-1',
  }
  const facts = Object.fromEntries(Object.entries(used).map(([name, value]) => [name, { value }]))
  await estate.fold(await estate.source(), [{ see: 'identity', ref, names: ['app'], facts }])
  const { id } = (await entityByRef(estate.db, 'identity', ref))!
  const none = () => Promise.reject(new Error('no graph is needed'))
  const life = await lifeOf(estate.db, await resolveEntity(estate.db, id), estate.clock.ms, none)
  expect(life.find(({ asked }) => asked === 'really used')).toMatchObject({
    value: '2025-06-01T00:00:00.000Z for s3 in eu-west-1',
    why: 'accessKey2LastUsed, by test:source',
  })
  expect(life.find(({ asked }) => asked === 'kind of credentials')).toMatchObject({
    value: 'static',
    why: 'accessKeys: 2, by test:source',
  })
})
