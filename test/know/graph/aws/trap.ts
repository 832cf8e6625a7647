import { beforeAll, expect, test } from 'vitest'
import { realIo } from '../../../../src/core/contract/io.ts'
import { transaction } from '../../../../src/core/store/store.ts'
import type { Crossing } from '../../../../src/know/graph/aws/crossing.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import { type Finding, fold } from '../../../../src/know/inventory/fold.ts'
import { readDetails } from '../../../../src/know/readers/aws-iam.ts'
import { reachedFrom, type Whole, wholeOf } from '../whole.ts'
import { Fleet } from './fleet.ts'
import { memoryStore } from '../../../memory-store.ts'

export const allow = (Action: string | string[], Resource: string | string[] = '*', more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
})
export const deny = (Action: string | string[], Resource: string | string[] = '*', more: object = {}) => ({
  ...allow(Action, Resource, more),
  Effect: 'Deny',
})
export const when = (operator: string, key: string, value: string | string[]) => ({
  Condition: { [operator]: { [key]: value } },
})
export const trusting = (principal: object, more: object = {}) => ({
  Effect: 'Allow',
  Action: 'sts:AssumeRole',
  Principal: principal,
  ...more,
})
export const ADMIN = [allow('*')]

/** An account made to mislead, with an `Actor`, who gets to everything in it or does not. */
export interface Trap {
  readonly name: string
  readonly expected: 'no' | 'proven' | 'conditional'
  readonly set: (account: Fleet) => void
  /** What a connection or a report tells beside. */
  readonly told?: (account: Fleet) => Finding[]
}

/** A test for each; their accounts have numbers from `first` on, and are looked at as one estate. */
export function testTraps(crossings: readonly Crossing[], traps: readonly Trap[], first: number): void {
  const accounts = traps.map((trap, index) => {
    const fleet = new Fleet(String(first + index))
    trap.set(fleet)
    return { trap, fleet }
  })
  let graph: Whole
  beforeAll(async () => {
    graph = await graphOf(
      crossings,
      accounts.flatMap(({ trap, fleet }) => [
        ...([...readDetails(fleet.details(), 'test')] as Finding[]),
        ...(trap.told?.(fleet) ?? []),
      ]),
    )
  })

  test.each(accounts.map(({ trap, fleet }) => [trap.name, trap.expected, fleet] as const))(
    '%s: %s',
    (_, expected, fleet) => {
      const actor = graph.nodes.find(
        ({ ref, names }) => ref.instance === fleet.account && names.includes('Actor'),
      )!
      const way = reachedFrom(graph, actor.id).find(
        ({ ref }) => ref.kind === 'account' && ref.instance === fleet.account,
      )
      expect(way?.certainty ?? 'no', way?.hops.map(({ why }) => why).join('; ')).toBe(expected)
    },
  )
}

async function graphOf(aws: readonly Crossing[], findings: readonly Finding[]): Promise<Whole> {
  const db = await memoryStore()
  const io = realIo()
  const at = io.now().getTime()
  const source = {
    id: 'source',
    system: 'test',
    instance: '1',
    label: 'test',
    config: '{}',
    cursor: null,
    observed_at: null,
    created_at: at,
  }
  await db.insertInto('source').values(source).execute()
  await transaction(db, tx => fold(tx, { id: 'source' }, findings, { io, at }))
  const graph = await wholeOf(db, await loadGraph(db, { aws, joined: [] }, at))
  await db.destroy()
  return graph
}
