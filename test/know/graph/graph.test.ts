import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Certainty } from '../../../src/core/contract/ref.ts'
import { transaction } from '../../../src/core/store/store.ts'
import {
  buildGraph,
  CERTAINTIES,
  type GraphNode,
  type Hop,
  loadGraph,
  reach,
  usersOf,
} from '../../../src/know/graph/graph.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { setCredentialState } from '../../../src/know/inventory/issued.ts'
import { entityByRef, listCredentials } from '../../../src/know/inventory/queries.ts'
import { claim, openEstate, role, sawCopy, sawInstance, sawRole, tree, WEAK } from '../estate.ts'

const node = (id: string): GraphNode => ({
  id,
  type: 'identity',
  ref: { system: 's', instance: 'i', kind: 'k', id },
  names: [],
})
const hop = (from: string, to: string, certainty: Certainty = 'proven'): Hop => ({
  from,
  to,
  crossing: 'x',
  certainty,
  why: `${from} gives ${to}`,
})

describe('reach', () => {
  test('takes the surer path before the shorter one', () => {
    const graph = buildGraph(['a', 'b', 'c', 'd'].map(node), [
      hop('a', 'd', 'potential'),
      hop('a', 'b'),
      hop('b', 'c'),
      hop('c', 'd', 'conditional'),
    ])
    const { reached } = reach(graph, 'a')
    expect(reached.map(({ id, certainty, depth }) => [id, certainty, depth])).toEqual([
      ['b', 'proven', 1],
      ['c', 'proven', 2],
      ['d', 'conditional', 3],
    ])
    expect(reached[2]?.hops.map(({ why }) => why)).toEqual(['a gives b', 'b gives c', 'c gives d'])
  })

  test('ends in a cycle, and never reaches where it began', () => {
    const graph = buildGraph(['a', 'b'].map(node), [hop('a', 'b'), hop('b', 'a'), hop('a', 'a')])
    expect(reach(graph, 'a').reached.map(({ id }) => id)).toEqual(['b'])
    expect(reach(graph, 'nobody')).toEqual({ reached: [] })
  })

  test('agrees with trying every path', () => {
    const ids = ['0', '1', '2', '3', '4', '5']
    const edges = fc.array(
      fc
        .tuple(fc.constantFrom(...ids), fc.constantFrom(...ids), fc.constantFrom(...CERTAINTIES))
        .map(([from, to, certainty]) => hop(from, to, certainty)),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(edges, edges => {
        const graph = buildGraph(ids.map(node), edges)
        const best = new Map<string, [number, number]>()
        const walk = (at: string, path: string[], worst: number) => {
          for (const { from, to, certainty } of edges) {
            if (from !== at || path.includes(to)) continue
            const now: [number, number] = [Math.max(worst, CERTAINTIES.indexOf(certainty)), path.length]
            const known = best.get(to)
            if (!known || now[0] < known[0] || (now[0] === known[0] && now[1] < known[1])) best.set(to, now)
            walk(to, [...path, to], now[0])
          }
        }
        walk('0', ['0'], 0)
        const { reached } = reach(graph, '0')
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

  test('of a hundred thousand nodes takes no time to speak of', () => {
    const count = 100_000
    const nodes = Array.from({ length: count }, (_, n) => node(String(n)))
    const edges = nodes.flatMap((_, n) => [
      hop(String(n), String((n * 7 + 1) % count)),
      hop(String(n), String((n * 3 + 2) % count)),
    ])
    const graph = buildGraph(nodes, edges)
    const began = performance.now()
    const { reached } = reach(graph, '1')
    expect(reached.length).toBeGreaterThan(count / 2)
    expect(performance.now() - began).toBeLessThan(10_000)
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
    const graph = await loadGraph(estate.db)
    const container = await entityByRef(estate.db, 'resource', tree)
    const { reached } = reach(graph, container!.id)
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
      reach(await loadGraph(estate.db), credential.id).reached.map(({ ref, certainty }) => [
        ref.id,
        certainty,
      ])
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
    const users = usersOf(await loadGraph(estate.db), credential.id)
    expect(users.map(({ names, why }) => [names, why])).toEqual([[['worker'], 'worker reads app.env']])
  })

  test('an alias leads where the thing itself does', async () => {
    const { estate } = await estateWithLeak()
    const alias = await estate.db
      .selectFrom('entity')
      .select('id')
      .where('native', '=', '?app')
      .executeTakeFirstOrThrow()
    expect(reach(await loadGraph(estate.db), alias.id).reached.map(({ ref }) => ref.id)).toEqual(['2'])
  })

  test('a weak value on two identities is a way that may be there', async () => {
    const { estate, source } = await estateWithLeak()
    await estate.fold(source, [
      sawCopy({ value: 'w', path: 'a', strengthBits: WEAK, claims: role('1') }),
      sawCopy({ value: 'w', path: 'b', strengthBits: WEAK, claims: role('9') }),
    ])
    const weak = (await listCredentials(estate.db, estate.keys)).filter(view => view.strengthBits === WEAK)
    const { reached } = reach(
      await loadGraph(estate.db),
      weak.find(view => view.identity?.ref.id === '1')!.id,
    )
    expect(reached.find(({ ref }) => ref.id === '9')).toMatchObject({ certainty: 'potential', depth: 2 })
  })
})
