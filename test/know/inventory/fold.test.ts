import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { entityByRef, listCredentials, listIdentities, namesOf } from '../../../src/know/inventory/queries.ts'
import {
  claim,
  openEstate,
  password,
  role,
  sawCopy,
  sawInstance,
  sawPassword,
  sawRole,
  STRONG,
  told,
  tree,
  WEAK,
} from '../estate.ts'
import { numRuns } from '../../own-store.ts'

describe('a key', () => {
  test('is system, instance, kind and id: names come and go', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [sawRole('1', ['app'])])
    await estate.fold(source, [sawRole('1', ['app_renamed']), sawRole('2', ['app'])])
    const identities = await listIdentities(estate.db)
    expect(identities.map(({ ref, names }) => [ref.id, names])).toEqual([
      ['1', ['app_renamed', 'app']],
      ['2', ['app']],
    ])
  })

  test('means one thing, whether an edge speaks of it first or its system', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    const edge: Finding = {
      see: 'edge',
      from: role('1'),
      to: role('2'),
      crossing: 'member-of',
      certainty: 'proven',
      why: 'it is a member',
    }
    await estate.fold(source, [edge])
    await estate.fold(source, [sawRole('1', ['app']), sawRole('2', ['group'])])
    const rows = await estate.db.selectFrom('entity').selectAll().execute()
    expect(rows.map(row => row.type)).toEqual(['identity', 'identity'])
  })
})

describe('a text that names an endpoint', () => {
  const url = sawCopy({ value: 'v', path: 'a.env', claims: claim('db:5432', 'app') })
  const server = [sawInstance(['db:5432', '127.0.0.1:5432']), sawRole('1', ['app'])]

  test('is provisional until an instance declares it', async () => {
    const estate = await openEstate()
    await estate.fold(await estate.source(), [url])
    const [credential] = await listCredentials(estate.db, estate.keys)
    expect(credential?.identity?.ref).toEqual(claim('db:5432', 'app'))
    expect(credential?.identity?.names).toEqual(['app'])
    expect(credential?.kind).toBe('password')
  })

  test.each([
    ['before', [[url], server]],
    ['after', [server, [url]]],
    ['with the server', [[url, ...server]]],
  ])('is told when it is seen %s', async (_, folds) => {
    const estate = await openEstate()
    const source = await estate.source()
    for (const findings of folds) await estate.fold(source, findings)
    const [credential, ...others] = await listCredentials(estate.db, estate.keys)
    expect(others).toEqual([])
    expect(credential?.identity?.ref).toEqual(role('1'))
    expect(credential?.ref).toMatchObject({
      system: 'postgres',
      instance: role('1').instance,
      kind: 'password',
    })
    const merges = await estate.db.selectFrom('merge').selectAll().execute()
    expect(merges).toHaveLength(1)
    expect(merges[0]?.reason).toMatch(/names app at db:5432/)
    expect(
      await estate.db.selectFrom('entity').selectAll().where('merged_into', 'is not', null).execute(),
    ).toHaveLength(1)
  })

  test('is told when the role gets the name later', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [url, sawInstance(['db:5432']), sawRole('1', ['other'])])
    expect((await listCredentials(estate.db, estate.keys))[0]?.identity?.ref).toEqual(claim('db:5432', 'app'))
    await estate.fold(source, [sawRole('1', ['app'])])
    expect((await listCredentials(estate.db, estate.keys))[0]?.identity?.ref).toEqual(role('1'))
  })

  test('at localhost is only the instance that declares localhost', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [
      sawCopy({ value: 'v', path: 'a', claims: claim('localhost:5432', 'app') }),
      ...server,
    ])
    expect((await listCredentials(estate.db, estate.keys))[0]?.identity?.ref).toEqual(
      claim('localhost:5432', 'app'),
    )
    await estate.fold(source, [sawInstance(['LOCALHOST:5432'])])
    expect((await listCredentials(estate.db, estate.keys))[0]?.identity?.ref).toEqual(role('1'))
  })

  test('that two servers declare is nobody’s', async () => {
    const estate = await openEstate()
    const twin = [sawInstance(['db:5432'], 'srv-2'), sawRole('9', ['app'], 'srv-2')]
    await estate.fold(await estate.source(), [url, ...server, ...twin])
    expect((await listCredentials(estate.db, estate.keys))[0]?.identity?.ref).toEqual(claim('db:5432', 'app'))
  })

  test('of another system is not meant', async () => {
    const estate = await openEstate()
    const other = sawCopy({ value: 'v', path: 'a', claims: { ...claim('db:5432', 'app'), system: 'mysql' } })
    await estate.fold(await estate.source(), [other, ...server])
    expect((await listCredentials(estate.db, estate.keys))[0]?.identity?.ref.system).toBe('mysql')
  })
})

describe('copies', () => {
  test('in five places are one credential with five copies', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    const other = await estate.source('another')
    const claims = claim('db:5432', 'app')
    await estate.fold(
      source,
      ['a', 'b', 'c'].map(path => sawCopy({ value: 'v', path, claims })),
    )
    await estate.fold(
      other,
      ['a', 'd'].map(path => sawCopy({ value: 'v', path, claims })),
    )
    const credentials = await listCredentials(estate.db, estate.keys)
    expect(credentials.map(({ copies }) => copies.map(copy => copy.place.path).sort())).toEqual([
      ['a', 'a', 'b', 'c', 'd'],
    ])
    expect(credentials[0]?.confidence).toBe(0.9)
  })

  test('of a strong value that nobody claims belong to whoever is claimed elsewhere, in either order', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [sawCopy({ value: 'v', path: 'unclaimed' })])
    const [alone] = await listCredentials(estate.db, estate.keys)
    expect(alone?.identity).toBeUndefined()
    expect(alone?.ref).toMatchObject({ system: 'postgres', instance: '?', kind: 'postgres-url' })
    await estate.fold(source, [sawCopy({ value: 'v', path: 'claimed', claims: role('1') })])
    await estate.fold(source, [sawCopy({ value: 'v', path: 'later' })])
    const [credential, ...others] = await listCredentials(estate.db, estate.keys)
    expect(others).toEqual([])
    expect(credential?.copies.map(copy => copy.place.path)).toEqual(['unclaimed', 'claimed', 'later'])
    const merges = await estate.db.selectFrom('merge').selectAll().execute()
    expect(merges.map(row => row.reason)).toEqual([
      'the fingerprints agree, and the value is too strong for chance',
    ])
  })

  test('of a weak value that nobody claims stay by themselves', async () => {
    const estate = await openEstate()
    const weak = { value: 'postgres', strengthBits: WEAK }
    await estate.fold(await estate.source(), [
      sawCopy({ ...weak, path: 'unclaimed' }),
      sawCopy({ ...weak, path: 'claimed', claims: role('1') }),
    ])
    const credentials = await listCredentials(estate.db, estate.keys)
    expect(
      credentials.map(({ identity, copies }) => [identity?.ref.id, copies.map(copy => copy.place.path)]),
    ).toEqual([
      [undefined, ['unclaimed']],
      ['1', ['claimed']],
    ])
    expect(await estate.db.selectFrom('edge').selectAll().execute()).toEqual([])
  })

  test.each([
    ['weak', WEAK, 'potential'],
    ['strong', STRONG, 'proven'],
  ])(
    'of a %s value on two identities are two credentials with an edge',
    async (_, strengthBits, certainty) => {
      const estate = await openEstate()
      const spec = { value: 'v', strengthBits }
      await estate.fold(await estate.source(), [
        sawCopy({ ...spec, path: 'a', claims: role('1') }),
        sawCopy({ ...spec, path: 'b', claims: role('2') }),
        sawCopy({ ...spec, path: 'c' }),
      ])
      const credentials = (await listCredentials(estate.db, estate.keys)).filter(({ identity }) => identity)
      const unclaimed = certainty === 'proven' ? ['c'] : []
      expect(credentials.map(({ copies }) => copies.map(copy => copy.place.path))).toEqual([
        ['a', ...unclaimed],
        ['b', ...unclaimed],
      ])
      const edges = await estate.db.selectFrom('edge').selectAll().execute()
      expect(edges.map(edge => [edge.crossing, edge.certainty])).toEqual([
        ['same-value', certainty],
        ['same-value', certainty],
      ])
    },
  )

  test('that claim an alias and the identity itself become one when the alias is told', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [
      sawCopy({ value: 'v', path: 'a', claims: claim('db:5432', 'app') }),
      sawCopy({ value: 'v', path: 'b', claims: role('1') }),
    ])
    expect(await listCredentials(estate.db, estate.keys)).toHaveLength(2)
    await estate.fold(source, [sawInstance(['db:5432']), sawRole('1', ['app'])])
    const [credential, ...others] = await listCredentials(estate.db, estate.keys)
    expect(others).toEqual([])
    expect(credential?.copies.map(copy => copy.place.path)).toEqual(['a', 'b'])
  })

  test('do not make a value the discovered credential’s own', async () => {
    const estate = await openEstate()
    await estate.fold(await estate.source(), [
      sawPassword('1'),
      sawCopy({ value: 'v', path: 'a', claims: role('1') }),
    ])
    const credentials = await listCredentials(estate.db, estate.keys)
    expect(credentials.map(({ ref, copies }) => [ref.id.startsWith('fp:'), copies.length])).toEqual([
      [false, 0],
      [true, 1],
    ])
    expect(credentials[0]?.ref).toEqual({ ...password('1'), identity: role('1') })
  })

  test('that one rule keeps to itself are shown by none', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [sawCopy({ value: 'v', path: 'a', preview: 'ghp_…abcd' })])
    expect((await listCredentials(estate.db, estate.keys))[0]?.preview).toBe('ghp_…abcd')
    await estate.fold(source, [sawCopy({ value: 'v', path: 'b' })])
    expect((await listCredentials(estate.db, estate.keys))[0]?.preview).toBeUndefined()
  })

  test('read anew with another claim leave no empty credential behind', async () => {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [sawCopy({ value: 'v', path: 'a', claims: role('1') })])
    await estate.fold(source, [sawCopy({ value: 'v', path: 'a', claims: role('2') })])
    const credentials = await listCredentials(estate.db, estate.keys)
    expect(credentials.map(({ identity }) => identity?.ref.id)).toEqual(['2'])
  })
})

test('facts that cannot change and do are a finding, and others are not', async () => {
  const estate = await openEstate()
  const first = await estate.source()
  const second = await estate.source('second')
  const saw = (createdAt: string, version: string): Finding => ({
    see: 'resource',
    ref: role('1'),
    names: [],
    facts: { createdAt: { value: createdAt }, version: { value: version } },
  })
  await estate.fold(first, [saw('2020', '15')])
  await estate.fold(second, [saw('2020', '16')])
  expect(await estate.db.selectFrom('finding').selectAll().execute()).toEqual([])
  await estate.fold(second, [saw('2021', '16')])
  const findings = await estate.db.selectFrom('finding').selectAll().execute()
  expect(findings).toMatchObject([
    { check: 'contradicting-facts', why: expect.stringContaining('createdAt') },
  ])
})

test('what each source says of owners stands by itself', async () => {
  const estate = await openEstate()
  const says = (owner: string, source: string, weight: number): Finding => ({
    see: 'owner',
    of: role('1'),
    owner,
    source,
    weight,
  })
  await estate.fold(await estate.source(), [
    sawRole('1', ['app']),
    says('team-a', 'tags', 0.4),
    says('team-a', 'tags', 0.5),
    says('team-b', 'comment', 0.5),
  ])
  const [identity] = await listIdentities(estate.db)
  expect(identity?.owners.map(({ owner, source, weight }) => [owner, source, weight])).toEqual([
    ['team-a', 'tags', 0.5],
    ['team-b', 'comment', 0.5],
  ])
})

test('two policies on one thing are both kept', async () => {
  const estate = await openEstate()
  const source = await estate.source()
  const policy = (text: string): Finding => ({ see: 'policy', on: role('1'), language: 'aws-iam', text })
  await estate.fold(source, [policy('one'), policy('two'), policy('one')])
  expect((await estate.db.selectFrom('policy').select('text').execute()).map(row => row.text).sort()).toEqual(
    ['one', 'two'],
  )
})

test('a scope is complete when nothing in the run says that it is not', async () => {
  const estate = await openEstate()
  const source = await estate.source()
  const covered = (complete: boolean, why?: string): Finding => ({
    see: 'covered',
    scope: 's',
    complete,
    ...(why && { why }),
  })
  await estate.fold(source, [covered(false, 'b'), covered(true), covered(false, 'a')])
  const rows = () => estate.db.selectFrom('coverage').select(['complete', 'why']).execute()
  expect(await rows()).toEqual([{ complete: 0, why: 'a\nb' }])
  await estate.fold(source, [covered(true)])
  expect(await rows()).toEqual([{ complete: 1, why: null }])
})

describe('in whatever order, and however often', () => {
  const endpoints = ['db:5432', 'localhost:5432', 'other:5432']
  const claims = fc.option(
    fc.oneof(
      fc
        .tuple(fc.constantFrom(...endpoints), fc.constantFrom('app', 'admin'))
        .map(([at, name]) => claim(at, name)),
      fc.constantFrom('1', '2').map(oid => role(oid)),
    ),
    { nil: undefined },
  )
  const copies = fc
    .record({
      value: fc.constantFrom('strong-1', 'strong-2', 'weak-1'),
      path: fc.constantFrom('a', 'b', 'c'),
      at: fc.constantFrom('0-8', '10-18'),
      claims,
      kind: fc.constantFrom('postgres-url', 'generic-password'),
      confidence: fc.constantFrom(0.5, 0.9),
      preview: fc.option(fc.constantFrom('ab…cd', 'xy…zz'), { nil: undefined }),
    })
    .map(({ claims, preview, ...spec }) =>
      sawCopy({
        ...spec,
        strengthBits: spec.value.startsWith('weak') ? WEAK : STRONG,
        ...(claims && { claims }),
        ...(preview !== undefined && { preview }),
      }),
    )
  const identities = fc
    .record({
      oid: fc.constantFrom('1', '2'),
      names: fc.subarray(['app', 'admin']),
      fact: fc.constantFrom(1, 2),
      at: fc.option(fc.constantFrom(5, 6), { nil: undefined }),
    })
    .map(
      ({ oid, names, fact, at }): Finding => ({
        see: 'identity',
        ref: role(oid),
        names,
        facts: { login: { value: fact, ...(at !== undefined && { at }) }, createdAt: { value: fact } },
      }),
    )
  const others: fc.Arbitrary<Finding> = fc.oneof(
    fc.subarray(endpoints).map(names => sawInstance(names)),
    fc.constantFrom('1', '2').map(sawPassword),
    fc.record({
      see: fc.constant('edge' as const),
      from: fc.constantFrom(role('1'), role('2'), tree),
      to: fc.constantFrom(role('1'), role('2'), password('1')),
      crossing: fc.constantFrom('member-of', 'reads'),
      certainty: fc.constantFrom('proven' as const, 'potential' as const),
      why: fc.constantFrom('this', 'that'),
    }),
    fc.record({
      see: fc.constant('occurrence' as const),
      document: fc.constantFrom('sha256:a', 'sha256:b'),
      path: fc.constantFrom('a', 'b', 'z'),
      commit: fc.constantFrom('c1', 'c2'),
      author: fc.constantFrom('ann', 'bob'),
      atHead: fc.boolean(),
    }),
    fc.record({
      see: fc.constant('owner' as const),
      of: fc.constantFrom(role('1'), tree),
      owner: fc.constantFrom('x', 'y'),
      source: fc.constantFrom('tags', 'codeowners'),
      weight: fc.constantFrom(0.2, 0.8),
    }),
    fc.record({
      see: fc.constant('covered' as const),
      scope: fc.constantFrom('s', 't'),
      complete: fc.boolean(),
      why: fc.constantFrom('p', 'q'),
    }),
  )
  const batches = fc.array(fc.oneof({ weight: 4, arbitrary: copies }, identities, others), { maxLength: 25 })
  const shuffles = batches.chain(batch =>
    fc.record({
      batch: fc.constant(batch),
      again: fc
        .tuple(fc.shuffledSubarray(batch, { minLength: batch.length }), fc.subarray(batch))
        .chain(([all, some]) =>
          fc.shuffledSubarray([...all, ...some], { minLength: all.length + some.length }),
        ),
      cut: fc.nat({ max: 50 }),
    }),
  )

  test('a batch gives the same inventory', async () => {
    await fc.assert(
      fc.asyncProperty(shuffles, async ({ batch, again }) => {
        const one = await openEstate()
        await one.fold(await one.source(), batch)
        const two = await openEstate()
        await two.fold(await two.source(), again)
        expect(await told(two)).toEqual(await told(one))
        await Promise.all([one.close(), two.close()])
      }),
      { numRuns: numRuns(60), seed: 4711 },
    )
  })

  test('and cut into two transactions of one run, too', async () => {
    await fc.assert(
      fc.asyncProperty(shuffles, async ({ batch, again, cut }) => {
        const one = await openEstate()
        await one.fold(await one.source(), batch)
        const two = await openEstate()
        const source = await two.source()
        await two.fold(source, again.slice(0, cut))
        two.clock.ms -= 1000
        await two.fold(source, again.slice(cut))
        expect(await told(two)).toEqual(await told(one))
        await Promise.all([one.close(), two.close()])
      }),
      { numRuns: numRuns(60), seed: 4712 },
    )
  })
})

test('names and references lead to the thing that stands', async () => {
  const estate = await openEstate()
  await estate.fold(await estate.source(), [
    sawCopy({ value: 'v', path: 'a', claims: claim('db:5432', 'app') }),
    sawInstance(['db:5432']),
    sawRole('1', ['app']),
  ])
  const real = await entityByRef(estate.db, 'identity', role('1'))
  const alias = await entityByRef(estate.db, 'identity', claim('db:5432', 'app'))
  expect(alias?.id).toBe(real?.id)
  expect(await namesOf(estate.db, real?.id ?? '')).toEqual(['app'])
})
