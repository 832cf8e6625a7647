import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Certainty } from '../../../src/core/contract/ref.ts'
import { CERTAINTIES, type Hop } from '../../../src/know/graph/graph.ts'
import { certaintyAt, depthAt, nodeAt, reachedFrom, wayAt } from '../../../src/know/graph/reach.ts'
import { shortestWay, smallestCut, ways } from '../../../src/know/graph/search.ts'
import { nearest, type Whole, wholeFrom } from './whole.ts'

const IDS = ['0', '1', '2', '3', '4', '5', '6']
const edges = fc.array(
  fc
    .tuple(fc.constantFrom(...IDS), fc.constantFrom(...IDS), fc.constantFrom(...CERTAINTIES), fc.nat(2))
    .map(([from, to, certainty, kind]): Hop => ({ from, to, crossing: `x${kind}`, certainty, why: '' })),
  { maxLength: 24 },
)
const graphOf = (hops: readonly Hop[]) => wholeFrom(IDS, hops)

/** Every way without a thing twice, by trying all. */
function everyWay(hops: readonly Hop[], from: string, to: string): Hop[][] {
  const found: Hop[][] = []
  const walk = (at: string, path: Hop[], visited: Set<string>) => {
    if (at === to) {
      found.push(path)
      return
    }
    for (const hop of hops)
      if (hop.from === at && !visited.has(hop.to)) walk(hop.to, [...path, hop], new Set([...visited, hop.to]))
  }
  walk(from, [], new Set([from]))
  return found
}

const worst = (way: readonly Hop[]) => Math.max(...way.map(({ certainty }) => CERTAINTIES.indexOf(certainty)))
const weight = (way: readonly Hop[]) => [worst(way), way.length]
const usable = (graph: Whole) => graph.hops

describe('beside trying everything', () => {
  test('a shortest way', () => {
    fc.assert(
      fc.property(edges, fc.nat(2), (hops, weakest) => {
        const graph = graphOf(hops)
        const all = everyWay(usable(graph), '0', '6').filter(way => worst(way) <= weakest)
        const way = shortestWay(graph.graph, 0, 6, weakest)
        expect(way?.length).toBe(all.length === 0 ? undefined : Math.min(...all.map(({ length }) => length)))
        // It is a way: each hop begins where the last one ended.
        let at = '0'
        for (const edge of way ?? []) {
          expect(graph.hops[edge]!.from).toBe(at)
          at = graph.hops[edge]!.to
        }
        if (way) expect(at).toBe('6')
      }),
      { seed: 1 },
    )
  })

  test('the best ways in order, each once', () => {
    fc.assert(
      fc.property(edges, fc.integer({ min: 1, max: 6 }), (hops, most) => {
        const graph = graphOf(hops)
        const all = everyWay(usable(graph), '0', '6')
          .map(weight)
          .sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!)
        const found = ways(graph.graph, 0, 6, most).map(({ certainty, edges }) => ({
          certainty,
          hops: edges.map(edge => graph.hops[edge]!),
        }))
        expect(found.map(({ hops }) => weight(hops))).toEqual(all.slice(0, most))
        expect(new Set(found.map(({ hops }) => hops.map(hop => graph.hops.indexOf(hop)).join())).size).toBe(
          found.length,
        )
        for (const { hops, certainty } of found) expect(CERTAINTIES.indexOf(certainty)).toBe(worst(hops))
      }),
      { seed: 2 },
    )
  })

  test('who gets there', () => {
    fc.assert(
      fc.property(edges, hops => {
        const graph = graphOf(hops)
        const reversed = usable(graph).map(hop => ({ ...hop, from: hop.to, to: hop.from }))
        const expected = new Map(
          [...nearest(reversed, '6')].map(([id, [level, depth]]) => [id, [CERTAINTIES[level]!, depth]]),
        )
        const who = reachedFrom(graph.graph, 6)
        const found = Array.from({ length: who.count }, (_, index) => {
          const way = wayAt(graph.graph, who, index).map(edge => graph.hops[edge]!)
          expect([way[0]!.from, way.at(-1)!.to]).toEqual([IDS[nodeAt(who, index)], '6'])
          expect(weight(way)).toEqual([CERTAINTIES.indexOf(certaintyAt(who, index)), depthAt(who, index)])
          return [IDS[nodeAt(who, index)]!, [certaintyAt(who, index), depthAt(who, index)]]
        })
        expect(new Map(found as [string, [Certainty, number]][])).toEqual(expected)
      }),
      { seed: 3 },
    )
  })

  test('a cut leaves no way, and no smaller one does', () => {
    fc.assert(
      fc.property(edges, fc.nat(2), (hops, weakest) => {
        const graph = graphOf(hops)
        const counted = usable(graph).filter(hop => CERTAINTIES.indexOf(hop.certainty) <= weakest)
        const cut = smallestCut(graph.graph, 0, 6, weakest, 100)!.map(edge => graph.hops[edge]!)
        expect(
          everyWay(
            counted.filter(hop => !cut.includes(hop)),
            '0',
            '6',
          ),
        ).toEqual([])
        // Each hop of it is needed, and there are as many ways without a common hop as it has hops.
        for (const hop of cut)
          expect(
            everyWay(
              counted.filter(other => other === hop || !cut.includes(other)),
              '0',
              '6',
            ),
          ).not.toEqual([])
        expect(disjointWays(counted)).toBe(cut.length)
      }),
      { seed: 4, numRuns: 60 },
    )
  })
})

/** The most ways of which no two share a hop, by trying all choices. */
function disjointWays(hops: readonly Hop[]): number {
  let most = 0
  for (const way of everyWay(hops, '0', '6')) {
    most = Math.max(most, 1 + disjointWays(hops.filter(hop => !way.includes(hop))))
    // No more can be than hops that leave the beginning.
    if (most >= hops.filter(hop => hop.from === '0').length) break
  }
  return most
}

test('a cut that would be too large is none', () => {
  const hops = ['1', '2', '3'].flatMap((id): Hop[] => [
    { from: '0', to: id, crossing: 'x', certainty: 'proven', why: '' },
    { from: id, to: '6', crossing: 'x', certainty: 'proven', why: '' },
  ])
  expect(smallestCut(graphOf(hops).graph, 0, 6, 0, 2)).toBeUndefined()
  expect(smallestCut(graphOf(hops).graph, 0, 6, 0, 3)).toHaveLength(3)
})
