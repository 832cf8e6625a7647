import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Certainty, Ms } from '../../core/contract/ref.ts'
import { isRelation } from '../../core/contract/relations.ts'
import { type Db, isPostgres } from '../../core/store/store.ts'
import { loadRoots, type Roots } from '../inventory/roots.ts'
import { type AwsAccount, limitedMemberships } from './aws/account.ts'
import { awsCrossings } from './aws/crossings.ts'
import { loadAccounts } from './aws/load-accounts.ts'
import { cloneHops } from './clone-hops.ts'
import { addCredentialEdges } from './credential-edges.ts'
import { type CrossingRules, NO_RULES } from './crossing-rules.ts'
import { CERTAINTIES, type Graph, GraphBuilder, type Hop, NODE_TYPES } from './graph.ts'
import { joinedHops } from './joined/joined-hops.ts'

/**
 * So many rows are read at once; between them other work of the process has its turn. Their text stays below 128 kB: what is
 * larger is memory that is new each time, and takes twice as long.
 */
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
      select max(id) as last, count(*) as count, string_agg(format('%s %s', id, type), ${'\n'})
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

interface Page<Key = string> {
  readonly last: Key | null
  readonly count: number
  readonly lines: string | null
}

/**
 * Each page comes as one text, a line for each edge: a value for each column of each row would take a minute for ten
 * million of them. They come as SQLite keeps them, which spares it an index. What is `closed` is no way. Gives the names of all that is told.
 */
async function addStoredEdges(
  db: Db,
  builder: GraphBuilder,
  closed: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Set<string>> {
  const { ids } = builder
  const pairs = new Map(
    [...closed].map(([from, tos]) => [ids.numberOf(from), new Set([...tos].map(to => ids.numberOf(to)))]),
  )
  const kinds = CERTAINTIES.map(certainty => new Kinds(certainty, builder))
  const [key, start] = isPostgres(db) ? ['id', ''] : ['rowid', 0]
  for (let after: string | number = start; ; ) {
    const { rows } = await sql<Page<string | number>>`
      select max(key) as last, count(*) as count,
        string_agg(format('%s %s %s %s', from_id, to_id, certainty, crossing), ${'\n'}) as lines
      from (select ${sql.ref(key)} as key, from_id, to_id, certainty, crossing from edge
        where ${sql.ref(key)} > ${after} and gone_at is null order by ${sql.ref(key)} limit ${ROWS}) as page`.execute(
      db,
    )
    const [page] = rows
    if (!page?.last) return new Set(kinds.flatMap(({ names }) => names))
    readEdges(Buffer.from(page.lines ?? ''), page.count, kinds, builder, pairs)
    after = page.last
    await turn()
  }
}

const [SPACE, NEWLINE] = [0x20, 0x0a]

function readEdges(
  bytes: Buffer,
  count: number,
  kinds: readonly Kinds[],
  builder: GraphBuilder,
  closed: ReadonlyMap<number | undefined, ReadonlySet<number | undefined>>,
): void {
  const { ids } = builder
  let at = 0
  // Edges that follow each other often leave one thing.
  let [from, fromStart, fromEnd] = [-1, 0, 0]
  for (let line = 0; line < count; line++) {
    const fromSpace = endOf(bytes, at, SPACE)
    if (!isSame(bytes, at, fromSpace, fromStart, fromEnd)) from = ids.find(bytes, at, fromSpace)
    ;[fromStart, fromEnd] = [at, fromSpace]
    const toSpace = endOf(bytes, fromSpace + 1, SPACE)
    const to = ids.find(bytes, fromSpace + 1, toSpace)
    // Of proven, conditional and potential the third letters differ.
    const certainty = bytes[toSpace + 3] === 0x6f ? 0 : bytes[toSpace + 3] === 0x6e ? 1 : 2
    const crossing = toSpace + 2 + CERTAINTIES[certainty]!.length
    const end = endOf(bytes, crossing, NEWLINE)
    const kind = kinds[certainty]!.of(bytes, crossing, end)
    // What leads to something that is gone leads nowhere, and a mere relation is no way.
    if (from >= 0 && to >= 0 && kind >= 0 && (closed.size === 0 || !closed.get(from)?.has(to)))
      builder.edge(from, to, kind)
    at = end + 1
  }
  assert.equal(at, bytes.length + 1, 'an edge’s crossing is one line')
}

function endOf(bytes: Uint8Array, from: number, end: number): number {
  // Almost all ids are this long.
  if (end === SPACE && bytes[from + 36] === SPACE) return from + 36
  let at = from
  while (at < bytes.length && bytes[at] !== end) at++
  return at
}

function isSame(bytes: Uint8Array, from: number, to: number, otherFrom: number, otherTo: number): boolean {
  if (to - from !== otherTo - otherFrom) return false
  for (let at = to - 1, other = otherTo - 1; at >= from; at--, other--)
    if (bytes[at] !== bytes[other]) return false
  return true
}

/** The kinds of one certainty by the bytes of their crossing, so that no text is made for an edge. */
class Kinds {
  readonly #certainty: Certainty
  readonly #builder: GraphBuilder
  readonly #known = new Map<number, { bytes: Uint8Array; kind: number }[]>()
  readonly names: string[] = []

  constructor(certainty: Certainty, builder: GraphBuilder) {
    this.#certainty = certainty
    this.#builder = builder
  }

  /** -1 for a relation that is no way. */
  of(bytes: Buffer, from: number, to: number): number {
    let hash = 0
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
    const known = this.#known.get(hash)
    for (const one of known ?? []) if (isEqual(one.bytes, bytes, from, to)) return one.kind
    const own = Buffer.from(bytes.subarray(from, to))
    const name = own.toString()
    this.names.push(name)
    const kind = isRelation(name) ? -1 : this.#builder.kind(name, this.#certainty, 'stored')
    this.#known.set(hash, [...(known ?? []), { bytes: own, kind }])
    return kind
  }
}

function isEqual(own: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (own.length !== to - from) return false
  for (let index = 0; index < own.length; index++) if (own[index] !== bytes[from + index]) return false
  return true
}
