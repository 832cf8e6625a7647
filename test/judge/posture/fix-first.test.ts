import { expect, test } from 'vitest'
import { fixFirst } from '../../../src/judge/posture/fix-first.ts'
import { GraphBuilder } from '../../../src/know/graph/graph.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { newId } from '../../../src/core/contract/id.ts'

test('first comes what alone gets to most; what two get to is taken by the last of them', () => {
  const builder = new GraphBuilder()
  const io = realIo()
  const ids = new Map<string, string>()
  const numbers = new Map<string, number>()
  const node = (name: string): number => {
    const known = numbers.get(name)
    if (known !== undefined) return known
    const id = newId(io)
    const number = builder.node(id, 'identity')
    ids.set(name, id)
    numbers.set(name, number)
    return number
  }
  const proven = builder.kind('administrator', 'proven', 'stored')
  const potential = builder.kind('same-value', 'potential', 'stored')
  const edge = (from: string, to: string, kind = proven) => builder.edge(node(from), node(to), kind)
  for (const to of ['s1', 's2', 's3']) for (const from of ['a', 'b']) edge(from, to)
  edge('a', 'only-a')
  edge('c', 'only-c1')
  edge('only-c1', 'only-c2')
  edge('c', 'far', potential)
  node('d')
  const graph = builder.build()
  const found = fixFirst(graph, [...['a', 'b', 'c', 'd'].map(name => ids.get(name)!), 'unknown'], 10)
  expect(found.first).toEqual([
    { entityId: ids.get('c'), reached: 2, taken: 2 },
    { entityId: ids.get('a'), reached: 4, taken: 1 },
    { entityId: ids.get('b'), reached: 3, taken: 3 },
  ])
  expect(found).toMatchObject({ lookedAt: 5, of: 5, reached: 6 })
  expect(fixFirst(graph, [ids.get('a')!, ids.get('c')!], 1).first).toHaveLength(1)
})
