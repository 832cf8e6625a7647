import { expect, test } from 'vitest'
import { lifeOf } from '../../../src/judge/requirements/life.ts'
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
