import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Certainty } from '../../../src/core/contract/ref.ts'
import { transaction } from '../../../src/core/store/store.ts'
import { CERTAINTIES, type Hop } from '../../../src/know/graph/graph.ts'
import { loadGraph } from '../../../src/know/graph/load-graph.ts'
import { usersOf } from '../../../src/know/graph/users.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { setCredentialState } from '../../../src/know/inventory/issued.ts'
import { entityByRef, listCredentials } from '../../../src/know/inventory/queries.ts'
import { claim, openEstate, role, sawCopy, sawInstance, sawRole, tree, WEAK } from '../estate.ts'
import { nearest, reachedFrom, wholeFrom, wholeOf } from './whole.ts'

const hop = (from: string, to: string, certainty: Certainty = 'proven'): Hop => ({
  from,
  to,
  crossing: 'x',
  certainty,
  why: `${from} gives ${to}`,
})

describe('reach', () => {
  test('takes the surer path before the shorter one', () => {
    const graph = wholeFrom(
      ['a', 'b', 'c', 'd'],
      [hop('a', 'd', 'potential'), hop('a', 'b'), hop('b', 'c'), hop('c', 'd', 'conditional')],
    )
    const reached = reachedFrom(graph, 'a')
    expect(reached.map(({ id, certainty, depth }) => [id, certainty, depth])).toEqual([
      ['b', 'proven', 1],
      ['c', 'proven', 2],
      ['d', 'conditional', 3],
    ])
    expect(reached[2]?.hops.map(({ why }) => why)).toEqual(['a gives b', 'b gives c', 'c gives d'])
  })

  test('ends in a cycle, and never reaches where it began', () => {
    const graph = wholeFrom(['a', 'b'], [hop('a', 'b'), hop('b', 'a'), hop('a', 'a')])
    expect(reachedFrom(graph, 'a').map(({ id }) => id)).toEqual(['b'])
    expect(reachedFrom(graph, 'nobody')).toEqual([])
  })

  test('agrees with trying edge by edge', () => {
    const ids = ['0', '1', '2', '3', '4', '5']
    const edges = fc.array(
      fc
        .tuple(fc.constantFrom(...ids), fc.constantFrom(...ids), fc.constantFrom(...CERTAINTIES))
        .map(([from, to, certainty]) => hop(from, to, certainty)),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(edges, edges => {
        const graph = wholeFrom(ids, edges)
        const best = nearest(edges, '0')
        const reached = reachedFrom(graph, '0')
        const got = reached.map(({ id, certainty, depth }) => [id, [CERTAINTIES.indexOf(certainty), depth]])
        expect(new Map(got as [string, [number, number]][])).toEqual(best)
        for (const { id, hops, certainty } of reached) {
          expect(hops[0]?.from).toBe('0')
          expect(hops.at(-1)?.to).toBe(id)
          for (const [index, hop] of hops.entries()) if (index > 0) expect(hop.from).toBe(hops[index - 1]?.to)
          expect(Math.max(...hops.map(hop => CERTAINTIES.indexOf(hop.certainty)))).toBe(
            CERTAINTIES.indexOf(certainty),
          )
        }
      }),
      { numRuns: 500, seed: 3 },
    )
  })

  test('tells by which way though it is longer than a byte can count', () => {
    const ids = Array.from({ length: 700 }, (_, n) => String(n))
    const edges = ids.slice(1).map((id, n) => hop(String(n), id, n === 300 ? 'potential' : 'proven'))
    const reached = reachedFrom(wholeFrom(ids, edges), '0')
    expect(reached.at(-1)).toMatchObject({ id: '699', depth: 699, certainty: 'potential' })
    expect(reached.at(-1)?.hops).toHaveLength(699)
    expect(reached[299]).toMatchObject({ id: '300', depth: 300, certainty: 'proven' })
  })

  test('tells how far all is, in waves wide and narrow, early and late', () => {
    const chain = Array.from({ length: 300 }, (_, n) => hop(`c${n}`, `c${n + 1}`))
    // Downwards, so that what is come to last has the smallest number.
    const fans = [10, 20, 150, 290].flatMap(at =>
      Array.from({ length: 40 }, (_, n) => [
        hop(`c${at}`, `f${at}-${n}`, CERTAINTIES[n % 3]),
        hop(`f${at}-${n}`, `f${at}-${(n * 7) % 40}`, CERTAINTIES[n % 2]),
      ]).flat(),
    )
    const edges = [...chain, ...fans]
    const ids = [...new Set(edges.flatMap(({ from, to }) => [from, to]))].reverse()
    const reached = reachedFrom(wholeFrom(ids, edges), 'c0')
    const got = reached.map(({ id, certainty, depth }) => [id, [CERTAINTIES.indexOf(certainty), depth]])
    expect(new Map(got as [string, [number, number]][])).toEqual(nearest(edges, 'c0'))
    for (const { id, hops } of reached) expect([hops[0]!.from, ...hops.map(({ to }) => to)].at(-1)).toBe(id)
  })
})

describe('an estate', () => {
  const edge = (from: Finding & { see: 'edge' }) => from
  const file = { ...tree, kind: 'file', id: 'app.env' }
  const workload = { ...tree, kind: 'workload', id: 'worker' }

  async function estateWithLeak() {
    const estate = await openEstate()
    const source = await estate.source()
    await estate.fold(source, [
      { see: 'resource', ref: tree, names: ['repo'], facts: {} },
      { see: 'resource', ref: file, names: [], facts: { approved: { value: true } } },
      { see: 'workload', ref: workload, names: ['worker'], facts: {} },
      edge({
        see: 'edge',
        from: workload,
        to: file,
        crossing: 'reads',
        certainty: 'proven',
        why: 'worker reads app.env',
      }),
      sawInstance(['db:5432']),
      sawRole('1', ['app']),
      sawRole('2', ['owner']),
      edge({
        see: 'edge',
        from: role('1'),
        to: role('2'),
        crossing: 'member-of',
        certainty: 'proven',
        why: 'app is in owner',
      }),
      sawCopy({ value: 'v', path: 'app.env', claims: claim('db:5432', 'app') }),
    ])
    const [credential] = await listCredentials(estate.db, estate.keys)
    return { estate, source, credential: credential! }
  }

  test('who reads the container gets the credential, and what that gets', async () => {
    const { estate, credential } = await estateWithLeak()
    expect(credential.copies[0]?.approved).toBe(true)
    const graph = await wholeOf(estate.db, await loadGraph(estate.db))
    const container = await entityByRef(estate.db, 'resource', tree)
    const reached = reachedFrom(graph, container!.id)
    expect(
      reached.map(({ ref, certainty, hops }) => [ref.id, certainty, hops.map(({ crossing }) => crossing)]),
    ).toEqual([
      [credential.ref.id, 'proven', ['holds-copy']],
      ['1', 'conditional', ['holds-copy', 'authenticates-as']],
      ['2', 'conditional', ['holds-copy', 'authenticates-as', 'member-of']],
    ])
    expect(reached[1]?.hops[1]?.condition).toMatch(/still accepted/)
    expect(reached[0]?.hops[0]?.why).toBe('the credential stands in app.env:1')
  })

  test('a live credential proves the way, a dead one bars it', async () => {
    const { estate, credential } = await estateWithLeak()
    const reachedNow = async () =>
      reachedFrom(await wholeOf(estate.db, await loadGraph(estate.db)), credential.id).map(
        ({ ref, certainty }) => [ref.id, certainty],
      )
    const say = (state: 'live' | 'dead') =>
      transaction(estate.db, tx => setCredentialState(tx, estate.io, credential.id, { state, why: state }))
    await say('live')
    expect(await reachedNow()).toEqual([
      ['1', 'proven'],
      ['2', 'proven'],
    ])
    await say('dead')
    expect(await reachedNow()).toEqual([])
  })

  test('the users of a credential are the workloads that read where it stands', async () => {
    const { estate, credential } = await estateWithLeak()
    const users = await usersOf(estate.db, await loadGraph(estate.db), credential.id)
    expect(users.map(({ names, why }) => [names, why])).toEqual([[['worker'], 'worker reads app.env']])
  })

  test('an alias leads where the thing itself does', async () => {
    const { estate } = await estateWithLeak()
    const alias = await estate.db
      .selectFrom('entity')
      .select('id')
      .where('native', '=', '?app')
      .executeTakeFirstOrThrow()
    const graph = await wholeOf(estate.db, await loadGraph(estate.db))
    expect(reachedFrom(graph, alias.id).map(({ ref }) => ref.id)).toEqual(['2'])
  })

  test('of two sources that say the same, each hop has its own reason', async () => {
    const { estate, source } = await estateWithLeak()
    const other = await estate.source()
    const says = (from: string, why: string, id = source) =>
      estate.fold(id, [
        edge({ see: 'edge', from: role(from), to: role('2'), crossing: 'owns', certainty: 'proven', why }),
      ])
    await says('1', 'the first says so')
    await says('1', 'the second says so', other)
    await says('2', 'from a thing to itself leads nothing')
    const { graph, hops } = await wholeOf(estate.db, await loadGraph(estate.db))
    const owning = hops.filter(({ crossing }) => crossing === 'owns').map(({ why }) => why)
    expect(owning).toEqual(['the first says so', 'the second says so'])
    // What is gone by the time that someone asks is still told.
    await estate.db.updateTable('edge').set({ gone_at: 1 }).execute()
    expect((await wholeOf(estate.db, graph)).hops.map(({ why }) => why)).toContain(
      'it was so when the graph was loaded',
    )
  })

  test('a weak value on two identities is a way that may be there', async () => {
    const { estate, source } = await estateWithLeak()
    await estate.fold(source, [
      sawCopy({ value: 'w', path: 'a', strengthBits: WEAK, claims: role('1') }),
      sawCopy({ value: 'w', path: 'b', strengthBits: WEAK, claims: role('9') }),
    ])
    const weak = (await listCredentials(estate.db, estate.keys)).filter(view => view.strengthBits === WEAK)
    const reached = reachedFrom(
      await wholeOf(estate.db, await loadGraph(estate.db)),
      weak.find(view => view.identity?.ref.id === '1')!.id,
    )
    expect(reached.find(({ ref }) => ref.id === '9')).toMatchObject({ certainty: 'potential', depth: 2 })
  })
})
