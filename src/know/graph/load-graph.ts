import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { loadRoots, type Roots } from '../inventory/roots.ts'
import { type AwsAccount, limitedMemberships } from './aws/account.ts'
import { awsCrossings } from './aws/crossings.ts'
import { loadAccounts } from './aws/load-accounts.ts'
import { cloneHops } from './clone-hops.ts'
import { addCredentialEdges } from './credential-edges.ts'
import { type CrossingRules, NO_RULES } from './crossing-rules.ts'
import { type Graph, GraphBuilder, type Hop, NODE_TYPES } from './graph.ts'
import { joinedHops } from './joined/joined-hops.ts'
import { readAllEdges } from './stored-edges.ts'

/** So many rows are read at once; between them other work of the process has its turn. */
const ROWS = 1000

/** Without rules it is what sources told and what credentials make of it; `now` is for policies that look at the time. */
export async function loadGraph(db: Db, rules: CrossingRules = NO_RULES, now: Ms = 0): Promise<Graph> {
  const roots = await loadRoots(db)
  const builder = new GraphBuilder()
  await addEntities(db, roots, builder)
  const accounts = await loadAccounts(db, roots)
  const told = await addStoredEdges(db, builder, limitedMemberships(accounts))
  await addCredentialEdges(db, roots, builder)
  for (const hop of await computedHops(db, roots, accounts, rules, now, told)) builder.hop(hop)
  await turn()
  return builder.build()
}

/**
 * All that follows from policies, from what is the same, and from what meets, by the rules. Of edges that sources told it looks at those named in
 * `told` only, where that is given.
 */
export async function computedHops(
  db: Db,
  roots: Roots,
  accounts: readonly AwsAccount[],
  rules: CrossingRules,
  now: Ms,
  told?: ReadonlySet<string>,
): Promise<Hop[]> {
  const computed = [...awsCrossings(accounts, rules.aws, now), ...(await cloneHops(db))]
  return [...computed, ...(await joinedHops(db, roots, rules.joined, computed, told))]
}

/** What is left out is read too: SQLite would take an index of what is merged, and sort all for each page. */
async function addEntities(db: Db, roots: Roots, builder: GraphBuilder): Promise<void> {
  for (let after = ''; ; ) {
    const { rows } = await sql<Page>`
      select max(id) as last, string_agg(format('%s %s', id, type), ${'\n'})
        filter (where merged_into is null and gone_at is null) as lines
      from (select id, type, merged_into, gone_at from entity where id > ${after} order by id limit ${ROWS}) as page`.execute(
      db,
    )
    const [page] = rows
    if (!page?.last) break
    for (const line of page.lines?.split('\n') ?? []) {
      const space = line.lastIndexOf(' ')
      const type = NODE_TYPES.find(known => line.endsWith(known))
      assert.ok(type !== undefined)
      builder.node(line.slice(0, space), type)
    }
    after = page.last
    await turn()
  }
  for (const id of roots.merged) {
    const number = builder.ids.numberOf(roots.of(id))
    if (number !== undefined) builder.ids.alias(id, number)
  }
}

interface Page {
  readonly last: string | null
  readonly lines: string | null
}

/** What is `closed` is no way. Gives the names of all that is told. */
async function addStoredEdges(
  db: Db,
  builder: GraphBuilder,
  closed: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Set<string>> {
  const { ids } = builder
  const pairs = new Map<number, Set<number>>()
  for (const [from, tos] of closed) {
    const numbers = [...tos].flatMap(to => ids.numberOf(to) ?? [])
    const number = ids.numberOf(from)
    if (number !== undefined) pairs.set(number, new Set(numbers))
  }
  const told = new Set<string>()
  for (const { edges, kinds, names } of await readAllEdges(db, ids, pairs)) {
    builder.edges(edges, kinds)
    for (const name of names) told.add(name)
  }
  return told
}
