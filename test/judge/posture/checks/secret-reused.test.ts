import { expect, test } from 'vitest'
import { secretReused } from '../../../../src/judge/posture/checks/secret-reused.ts'
import { claim, openEstate, role, sawCopy, sawInstance, sawRole, WEAK } from '../../../know/estate.ts'
import { judged } from './judged.ts'

const roles = (...oids: string[]) => oids.map(oid => sawRole(oid, [`role${oid}`]))
const held = (oid: string, value: string, strengthBits?: number) =>
  sawCopy({ value, path: `${oid}.env`, claims: role(oid), ...(strengthBits && { strengthBits }) })
const said = (endpoint: string, name: string, value: string, strengthBits?: number) =>
  sawCopy({
    value,
    path: `${endpoint}-${name}.env`,
    claims: claim(endpoint, name),
    ...(strengthBits && { strengthBits }),
  })

async function known(...findings: Parameters<Awaited<ReturnType<typeof openEstate>>['fold']>[1][number][]) {
  const estate = await openEstate()
  await estate.fold(await estate.source(), findings)
  return estate
}

test('two identities with one secret fail, however weak it is; those with their own pass, wherever that stands', async () => {
  const estate = await known(
    ...roles('1', '2', '3', '4', '5'),
    held('1', 'one'),
    held('2', 'one'),
    held('3', 'own'),
    sawCopy({ value: 'own', path: 'copy.env' }),
    held('4', 'hunter2', WEAK),
    held('5', 'hunter2', WEAK),
  )
  const { fails, counts } = await judged(estate, secretReused)
  expect(fails).toEqual({
    role1: 'its value is that of postgres role2 (in test:source/2.env), too',
    role2: 'its value is that of postgres role1 (in test:source/1.env), too',
    role4: 'its value is that of postgres role5 (in test:source/5.env), too',
    role5: 'its value is that of postgres role4 (in test:source/4.env), too',
  })
  expect(counts).toEqual({ fails: 4, unknown: 0, passes: 1 })
})

test('three with one secret each name the two others, once, however often it stands', async () => {
  const estate = await known(
    ...roles('1', '2', '3'),
    ...['1', '2', '3'].flatMap(oid => [
      held(oid, 'one'),
      sawCopy({ value: 'one', path: `again/${oid}`, claims: role(oid) }),
    ]),
  )
  const { fails } = await judged(estate, secretReused)
  expect(fails['role1']).toBe(
    'its value is that of postgres role2 (in test:source/2.env), postgres role3 (in test:source/3.env), too',
  )
})

test('one name at two addresses may be one server, until both are known; two names at one address are two', async () => {
  const [a, b] = ['db-a:5432', 'db-b:5432']
  const estate = await known(
    said(a, 'app', 'one'),
    said(b, 'app', 'one'),
    said(a, 'left', 'two'),
    said(a, 'right', 'two'),
  )
  const before = await judged(estate, secretReused)
  expect(Object.values(before.fails)).toEqual([expect.stringMatching(/that of postgres (?:left|right) /)])
  expect(before.counts).toEqual({ fails: 2, unknown: 2, passes: 0 })

  await estate.fold(await estate.source(), [
    sawInstance([a], 'srv-a'),
    sawRole('1', ['app'], 'srv-a'),
    sawInstance([b], 'srv-b'),
    sawRole('1', ['app'], 'srv-b'),
  ])
  const { counts } = await judged(estate, secretReused)
  expect(counts).toEqual({ fails: 4, unknown: 0, passes: 0 })
})

test('a weak value at servers that nobody connected may stand there by habit; it fails once both let it in', async () => {
  const estate = await known(
    said('a:5432', 'postgres', 'postgres', WEAK),
    said('a:5432', 'admin', 'postgres', WEAK),
  )
  expect((await judged(estate, secretReused)).counts).toEqual({ fails: 0, unknown: 2, passes: 0 })
  await estate.db.updateTable('credential').set({ state: 'live', state_at: estate.clock.ms }).execute()
  expect((await judged(estate, secretReused)).counts).toEqual({ fails: 2, unknown: 0, passes: 0 })
})

test('a token that a forge and its registry take is of one identity; what a forge and a database have is of two', async () => {
  const at = (system: string, value: string) =>
    sawCopy({
      value,
      path: system,
      claims: { ...claim(`${system}.example:443`, 'ci'), system, kind: 'user' },
    })
  const known = await openEstate()
  await known.fold(await known.source(), [at('git-host', 'token'), at('oci-registry', 'token')])
  expect((await judged(known, secretReused)).counts).toEqual({ fails: 0, unknown: 2, passes: 0 })
  await known.fold(await known.source(), [at('mariadb', 'token')])
  expect((await judged(known, secretReused)).counts).toEqual({ fails: 3, unknown: 0, passes: 0 })
})

test('a token at a forge tells of nobody by its user name; what is dead is shared with nobody', async () => {
  const forge = (name: string) => ({ ...claim('forge.example:443', name), system: 'git-host', kind: 'user' })
  const tokens = await known(
    ...['oauth2', 'x-access-token'].map(name => sawCopy({ value: 'token', path: name, claims: forge(name) })),
  )
  expect((await judged(tokens, secretReused)).counts).toEqual({ fails: 0, unknown: 2, passes: 0 })

  const estate = await known(...roles('1', '2'), held('1', 'one'), held('2', 'one'))
  const [first] = await estate.db.selectFrom('credential').select('entity_id').orderBy('entity_id').execute()
  await estate.db
    .updateTable('credential')
    .set({ state: 'dead', state_at: estate.clock.ms })
    .where('entity_id', '=', first!.entity_id)
    .execute()
  expect((await judged(estate, secretReused)).counts).toEqual({ fails: 0, unknown: 0, passes: 1 })
})
