import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Certainty, Ms } from '../../core/contract/ref.ts'
import { isRelation } from '../../core/contract/relations.ts'
import { RowInsert } from '../../core/store/row-insert.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { inChunks } from '../inventory/in-chunks.ts'
import { loadRoots, type Roots } from '../inventory/roots.ts'
import { limitedMemberships } from './aws/account.ts'
import { loadAccounts } from './aws/load-accounts.ts'
import { type CrossingRules, NO_RULES } from './crossing-rules.ts'
import { buildGraph, CERTAINTIES, type GraphNode, type Hop } from './graph.ts'
import { computedHops } from './load-graph.ts'
import { credentialHopsAt } from './past-credentials.ts'
import { certaintyAt, nodeAt, reach, wayAt } from './reach.ts'
import { stoodAt } from './stood-at.ts'

const insertCrossings = new RowInsert('crossing', insert => insert)

/**
 * Keeps what follows from policies as they are now, beside what followed before: called when something was observed, so
 * that a later question about this time has an answer. What is as it was costs no row.
 */
export async function keepCrossings(db: Db, io: Io, rules: () => Promise<CrossingRules>): Promise<void> {
  const now = io.now().getTime()
  const roots = await loadRoots(db)
  const accounts = await loadAccounts(db, roots)
  // Where nothing is known that they could speak of, the rules need not even be read.
  const inUse = accounts.length > 0 || (await hasAny(db, 'edge')) || (await hasAny(db, 'policy'))
  const hops = await computedHops(db, roots, accounts, inUse ? await rules() : NO_RULES, now)
  const computed = new Map(hops.map(hop => [keyOf(hop), hop]))
  await transaction(db, async tx => {
    const open = await tx.selectFrom('crossing').selectAll().where('gone_at', 'is', null).execute()
    const ended: string[] = []
    for (const row of open) {
      const key = keyOf({ from: row.from_id, to: row.to_id, crossing: row.crossing })
      const hop = computed.get(key)
      if (hop?.certainty === row.certainty && (hop.condition ?? null) === row.condition) computed.delete(key)
      else ended.push(row.id)
    }
    await inChunks(ended, async chunk => {
      await tx.updateTable('crossing').set({ gone_at: now }).where('id', 'in', chunk).execute()
      return []
    })
    await insertCrossings.run(
      tx,
      [...computed.values()].map(hop => ({
        id: newId(io),
        from_id: hop.from,
        to_id: hop.to,
        crossing: hop.crossing,
        certainty: hop.certainty,
        condition: hop.condition ?? null,
        why: hop.why,
        first_seen: now,
        gone_at: null,
      })),
    )
  })
}

async function hasAny(db: Db, table: 'edge' | 'policy'): Promise<boolean> {
  const row = await db
    .selectFrom(table)
    .select('source_id')
    .where('gone_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export function keyOf({ from, to, crossing }: Pick<Hop, 'from' | 'to' | 'crossing'>): string {
  return `${from} ${to} ${crossing}`
}

/** What was known at a time: things, the hops between them by key, and since when policies' ways are kept. */
export interface Past {
  readonly nodes: readonly Pick<GraphNode, 'id' | 'type'>[]
  readonly hops: ReadonlyMap<string, Hop>
  readonly keptSince: Ms | undefined
}

export async function pastAt(db: Db, at: Ms): Promise<Past> {
  const roots = await loadRoots(db)
  const nodes = await thingsAt(db, roots, at)
  const there = new Set(nodes.map(({ id }) => id))
  const hops = new Map<string, Hop>()
  // Of several that tell of one hop, the surest counts.
  const add = (hop: Hop) => {
    if (hop.from === hop.to || !there.has(hop.from) || !there.has(hop.to)) return
    const known = hops.get(keyOf(hop))
    if (!known || isSurer(hop.certainty, known.certainty)) hops.set(keyOf(hop), hop)
  }
  // A membership that a policy keeps from being used now is taken to have been so before.
  const closed = limitedMemberships(await loadAccounts(db, roots))
  const all = await db.selectFrom('edge').selectAll().where(stoodAt('edge', at)).orderBy('id').execute()
  const stored = all.filter(({ crossing }) => !isRelation(crossing))
  for (const hop of stored.map(row => hopOf(row, roots))) if (!closed.get(hop.from)?.has(hop.to)) add(hop)
  const kept = await db.selectFrom('crossing').selectAll().orderBy('id').execute()
  const keptSince = kept.reduce<Ms | undefined>(
    (first, row) => Math.min(first ?? row.first_seen, row.first_seen),
    undefined,
  )
  for (const row of kept) {
    // What was there when keeping began is taken to have been there before: nobody can tell.
    const hadCome = row.first_seen <= at || row.first_seen === keptSince
    if (hadCome && (row.gone_at === null || row.gone_at > at)) add(hopOf(row, roots))
  }
  for (const hop of await credentialHopsAt(db, roots, at)) add(hop)
  return { nodes, hops, keptSince }
}

function hopOf(row: Row<'crossing'> | Row<'edge'>, roots: Roots): Hop {
  const { from_id, to_id, crossing, certainty, condition, why } = row
  return {
    from: roots.of(from_id),
    to: roots.of(to_id),
    crossing,
    certainty,
    ...(condition !== null && { condition }),
    why,
  }
}

async function thingsAt(db: Db, roots: Roots, at: Ms): Promise<Past['nodes']> {
  const rows = await db.selectFrom('entity').select(['id', 'type']).where(stoodAt('entity', at)).execute()
  const types = new Map(rows.map(({ id, type }) => [roots.of(id), type]))
  return [...types].map(([id, type]) => ({ id, type }))
}

export function isSurer(certainty: Certainty, than: Certainty): boolean {
  return CERTAINTIES.indexOf(certainty) < CERTAINTIES.indexOf(than)
}

/** What was got to from each of these, by the surest and then the shortest way. */
export function reachesOf({ nodes, hops }: Past, starts: readonly string[]): PastReach[] {
  const graph = buildGraph(nodes, [...hops.values()])
  return starts.map(id => {
    const start = graph.ids.numberOf(id)
    const reached = new Map<string, PastWay>()
    if (start === undefined) return reached
    const from = reach(graph, start)
    for (let index = 0; index < from.count; index++)
      reached.set(graph.ids.idOf(nodeAt(from, index)), {
        certainty: certaintyAt(from, index),
        hops: () => wayAt(graph, from, index).map(edge => graph.kept.get(edge)!),
      })
    return reached
  })
}

export type PastReach = ReadonlyMap<string, PastWay>
interface PastWay {
  readonly certainty: Certainty
  readonly hops: () => Hop[]
}
