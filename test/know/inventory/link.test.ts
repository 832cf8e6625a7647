import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { transaction } from '../../../src/core/store/store.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { mergeIdentities, undoMerge } from '../../../src/know/inventory/link.ts'
import { entityByRef, listCredentials } from '../../../src/know/inventory/queries.ts'
import {
  claim,
  type Estate,
  openEstate,
  role,
  sawCopy,
  sawInstance,
  sawRole,
  STRONG,
  told,
  WEAK,
} from '../estate.ts'
import { numRuns } from '../../own-store.ts'

async function undoAll(estate: Estate): Promise<number> {
  const merges = await estate.db
    .selectFrom('merge')
    .innerJoin('entity', 'entity.id', 'merge.from_id')
    .select('merge.id')
    .where('undone_at', 'is', null)
    .where('entity.type', '=', 'identity')
    .execute()
  for (const { id } of merges) await transaction(estate.db, tx => undoMerge(tx, estate.io, id))
  return merges.length
}

const url = sawCopy({ value: 'v', path: 'a', claims: claim('db:5432', 'app') })
const server = [sawInstance(['db:5432']), sawRole('1', ['app'])]

describe('a merge that is taken back', () => {
  test('leaves two things, and is not concluded again', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [url, ...server, sawCopy({ value: 'v', path: 'b', claims: role('1') })])
    expect(await listCredentials(estate.db, estate.keys)).toHaveLength(1)
    expect(await undoAll(estate)).toBe(1)
    const apart = async () =>
      (await listCredentials(estate.db, estate.keys)).map(({ identity, copies }) => [
        identity?.ref.id,
        copies.map(copy => copy.place.path),
      ])
    expect(await apart()).toEqual([
      ['?app', ['a']],
      ['1', ['b']],
    ])
    await estate.fold(source, [
      url,
      ...server,
      sawCopy({ value: 'v', path: 'c', claims: claim('db:5432', 'app') }),
    ])
    expect(await apart()).toEqual([
      ['?app', ['a', 'c']],
      ['1', ['b']],
    ])
    const rows = await estate.db.selectFrom('merge').selectAll().execute()
    expect(rows).toHaveLength(1)
    expect(rows[0]?.undone_at).not.toBeNull()
  })

  test('comes again when a person says so, with the credentials', async () => {
    const estate = await openEstate()
    await estate.fold(await estate.source(), [
      url,
      ...server,
      sawCopy({ value: 'v', path: 'b', claims: role('1') }),
    ])
    await undoAll(estate)
    const alias = await entityByRef(estate.db, 'identity', claim('db:5432', 'app'))
    const real = await entityByRef(estate.db, 'identity', role('1'))
    await transaction(estate.db, tx => mergeIdentities(tx, estate.io, alias!.id, real!.id, 'ann says so'))
    const credentials = await listCredentials(estate.db, estate.keys)
    expect(credentials.map(({ copies }) => copies.length)).toEqual([2])
  })

  test('is refused where no such merge stands', async () => {
    const estate = await openEstate()
    await expect(transaction(estate.db, tx => undoMerge(tx, estate.io, 'none'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  test('leaves what was there without the names that led to it', async () => {
    const copies = fc.array(
      fc
        .record({
          value: fc.constantFrom('strong-1', 'strong-2', 'weak-1'),
          path: fc.constantFrom('a', 'b', 'c', 'd'),
          claims: fc.option(
            fc.constantFrom(
              claim('db:5432', 'app'),
              claim('db:5432', 'admin'),
              claim('x:1', 'app'),
              role('1'),
              role('2'),
            ),
            { nil: undefined },
          ),
        })
        .map(({ claims, ...spec }) =>
          sawCopy({
            ...spec,
            strengthBits: spec.value.startsWith('weak') ? WEAK : STRONG,
            ...(claims && { claims }),
          }),
        ),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(copies, fc.boolean(), async (batch, namesFirst) => {
        const server = [sawInstance(['db:5432']), sawRole('1', ['app']), sawRole('2', ['admin'])]
        const never: Finding[] = [sawInstance(['elsewhere:5432']), ...server.slice(1)]
        const one = await openEstate()
        await one.fold(await one.source(), [...batch, ...never])
        one.clock.ms += 1000
        const two = await openEstate()
        const source = await two.source()
        await two.fold(source, namesFirst ? server : batch)
        two.clock.ms -= 1000
        await two.fold(source, namesFirst ? batch : server)
        await undoAll(two)
        await two.db
          .updateTable('name')
          .set({ name: 'elsewhere:5432' })
          .where('name', '=', 'db:5432')
          .execute()
        expect(await told(two)).toEqual(await told(one))
        await Promise.all([one.close(), two.close()])
      }),
      { numRuns: numRuns(80), seed: 99 },
    )
  })
})

test('two aliases of one role are one credential, and stay one when a third thing names the role itself', async () => {
  const estate = await openEstate()
  const source = await estate.source()
  await estate.fold(source, [
    sawInstance(['db:5432', 'db.internal:5432']),
    sawRole('1', ['app']),
    sawCopy({ value: 'v', path: 'a', claims: claim('db:5432', 'app') }),
    sawCopy({ value: 'v', path: 'b', claims: claim('db.internal:5432', 'app') }),
  ])
  const paths = async () =>
    (await listCredentials(estate.db, estate.keys)).map(({ copies }) => copies.map(copy => copy.place.path))
  expect(await paths()).toEqual([['a', 'b']])
  await estate.fold(source, [sawCopy({ value: 'v', path: 'c', claims: role('1') })])
  expect(await paths()).toEqual([['a', 'b', 'c']])
})

describe('a copy that gives the id of an access key', () => {
  const user = { system: 'aws', instance: '111122223333', kind: 'user', id: 'AIDA1' }
  const key = { ...user, kind: 'access-key', id: 'AKIA1', identity: user }
  const named = (value: string, path: string) =>
    sawCopy({
      value,
      path,
      kind: 'aws-access-key',
      claims: { system: 'aws', instance: '?', kind: 'access-key', id: 'AKIA1' },
    })
  const listed: Finding[] = [
    { see: 'identity', ref: user, names: ['ann'], facts: {} },
    { see: 'credential', ref: key, facts: {} },
  ]
  /** Each part is a run of its own. */
  const folded = async (...parts: Finding[][]) => {
    const estate = await openEstate()
    const source = await estate.source()
    for (const part of parts) await estate.fold(source, part)
    return estate
  }
  const credentialsOf = async (estate: Estate) =>
    (await listCredentials(estate.db, estate.keys)).map(({ ref, copies, identity }) => [
      ref.id.replace(/^fp:.*/, 'fp'),
      identity?.ref.id,
      copies.map(copy => copy.place.path).sort(),
    ])

  test('is nobody’s as long as no account lists the key', async () => {
    expect(await credentialsOf(await folded([named('v', 'a')]))).toEqual([['fp', undefined, ['a']]])
  })

  test.each([
    ['was listed before', [listed, [named('v', 'a')]]],
    ['is listed after', [[named('v', 'a')], listed]],
    ['is listed with it', [[named('v', 'a'), ...listed]]],
  ])('is that key’s, which %s', async (_, parts) => {
    expect(await credentialsOf(await folded(...parts))).toEqual([['AKIA1', 'AIDA1', ['a']]])
  })

  test('takes along copies that give the same value without an id', async () => {
    const estate = await folded([named('v', 'a'), sawCopy({ value: 'v', path: 'b' })], listed)
    expect(await credentialsOf(estate)).toEqual([['AKIA1', 'AIDA1', ['a', 'b']]])
  })

  test('beside another value: the same in whatever order, and both are the user’s', async () => {
    const parts = [[named('v', 'a')], [named('w', 'b')], listed]
    const orders = [
      [0, 1, 2],
      [1, 0, 2],
      [2, 0, 1],
      [2, 1, 0],
    ]
    const outcomes = await Promise.all(
      orders.map(async order => credentialsOf(await folded(...order.map(index => parts[index]!)))),
    )
    const [first] = outcomes.map(outcome => JSON.stringify(outcome.sort()))
    expect(outcomes.map(outcome => JSON.stringify(outcome.sort()))).toEqual(orders.map(() => first))
    expect(outcomes[0]!.map(([, identity]) => identity)).toEqual(['AIDA1', 'AIDA1'])
  })

  test('stands by itself again when that is taken back', async () => {
    const estate = await folded([named('v', 'a')], listed)
    const merges = await estate.db
      .selectFrom('merge')
      .innerJoin('entity', 'entity.id', 'merge.from_id')
      .select('merge.id')
      .where('entity.type', '=', 'resource')
      .execute()
    expect(merges).toHaveLength(1)
    await transaction(estate.db, tx => undoMerge(tx, estate.io, merges[0]!.id))
    expect((await credentialsOf(estate)).sort()).toEqual([
      ['AKIA1', 'AIDA1', []],
      ['fp', undefined, ['a']],
    ])
  })
})
