import { DatabaseSync } from 'node:sqlite'
import { newId } from '../src/core/contract/id.ts'
import type { Row } from '../src/core/store/schema.ts'
import { openStore } from '../src/core/store/store.ts'
import { CERTAINTIES } from '../src/know/graph/graph.ts'

const EDGES_PER_NODE = 10
const SEED = 20260101
const AT = Date.UTC(2026, 0, 1)
const CROSSINGS = ['may-read', 'may-write', 'member-of', 'assumes', 'owns', 'runs-commands', 'administrator']
const TYPES = ['identity', 'identity', 'identity', 'resource', 'resource', 'workload'] as const
const SOURCES = 4

/** An estate as numbers: its edges by the node that they leave, each with the places of its certainty and its crossing. */
export interface Estate {
  readonly size: number
  readonly from: Uint32Array
  readonly to: Uint32Array
  readonly certainty: Uint8Array
  readonly crossing: Uint8Array
}

/** Always the same. A few nodes have very many edges and most have few, as things have in an estate. */
export function drawEstate(size: number): Estate {
  const random = generator(SEED)
  const count = size * EDGES_PER_NODE
  const node = () => Math.floor(random() ** 2 * size)
  const froms = Uint32Array.from({ length: count }, node).sort()
  const from = new Uint32Array(count)
  const [to, certainty, crossing] = [new Uint32Array(count), new Uint8Array(count), new Uint8Array(count)]
  // What a source says once it does not say again, so an edge that is already there is left out.
  const own = new Set<number>()
  let kept = 0
  for (const [edge, source] of froms.entries()) {
    if (source !== froms[edge - 1]) own.clear()
    const [target, kind, sure] = [node(), Math.floor(random() * CROSSINGS.length), random()]
    const key = target * CROSSINGS.length + kind
    if (target === source || own.has(key)) continue
    own.add(key)
    from[kept] = source
    to[kept] = target
    crossing[kept] = kind
    certainty[kept++] = sure < 0.85 ? 0 : sure < 0.97 ? 1 : 2
  }
  return {
    size,
    from: from.subarray(0, kept),
    to: to.subarray(0, kept),
    certainty: certainty.subarray(0, kept),
    crossing: crossing.subarray(0, kept),
  }
}

/** Into a new store, in the tables and with the indexes that every store has. */
export async function writeEstate(file: string, estate: Estate): Promise<void> {
  await (await openStore(file)).destroy()
  const db = new DatabaseSync(file)
  // What is half written when this ends early is thrown away, and each edge names things that are there.
  db.exec(
    'pragma journal_mode=memory; pragma synchronous=off; pragma foreign_keys=off; pragma cache_size=-2500000',
  )
  db.exec('begin')
  const random = generator(SEED + 1)
  const id = idsFrom(random)
  const sources = Array.from({ length: SOURCES }, (_, number) => ({ id: id(), label: `source ${number}` }))
  const source = db.prepare(
    "insert into source (id, system, instance, label, config, created_at) values (?, 'bench', '1', ?, '{}', ?)",
  )
  for (const { id, label } of sources) source.run(id, label, AT)

  const things = Array.from({ length: estate.size }, id)
  const entity = inserter(db, 'entity', [
    'id',
    'type',
    'system',
    'instance',
    'kind',
    'native',
    'first_seen',
    'last_seen',
  ])
  const name = inserter(db, 'name', ['entity_id', 'name', 'first_seen', 'last_seen'])
  for (const [number, thing] of things.entries()) {
    const type: Row<'entity'>['type'] = TYPES[number % TYPES.length]!
    entity.add(thing, type, 'bench', '1', type, `thing-${number}`, AT, AT)
    name.add(thing, `${type} ${number}`, AT, AT)
  }
  entity.flush()
  name.flush()

  const edge = inserter(db, 'edge', [
    'id',
    'source_id',
    'from_id',
    'to_id',
    'crossing',
    'certainty',
    'condition',
    'why',
    'first_seen',
    'last_seen',
  ])
  const { from, to, certainty, crossing } = estate
  for (let at = 0; at < from.length; at++) {
    const word = CROSSINGS[crossing[at]!]!
    const sure = CERTAINTIES[certainty[at]!]!
    edge.add(
      id(),
      sources[from[at]! % SOURCES]!.id,
      things[from[at]!]!,
      things[to[at]!]!,
      word,
      sure,
      sure === 'conditional' ? 'if it is asked from the network of the office' : null,
      `thing-${from[at]} ${word} thing-${to[at]}`,
      AT,
      AT,
    )
  }
  edge.flush()
  db.exec('commit')
  db.close()
}

type Value = string | number | null
const ROWS_AT_ONCE = 64

/** A statement for many rows: one for each row would take twice as long. */
export function inserter(db: DatabaseSync, table: string, columns: readonly string[]) {
  const row = `(${columns.map(() => '?').join()})`
  const statement = (rows: number) =>
    db.prepare(`insert or rollback into ${table} (${columns.join()}) values ${Array(rows).fill(row).join()}`)
  const many = statement(ROWS_AT_ONCE)
  let values: Value[] = []
  return {
    add(...row: Value[]): void {
      values.push(...row)
      if (values.length < ROWS_AT_ONCE * columns.length) return
      many.run(...values)
      values = []
    },
    flush(): void {
      if (values.length > 0) statement(values.length / columns.length).run(...values)
      values = []
    },
  }
}

/** Ids as the product makes them, from a clock that stands. */
export function idsFrom(random: () => number): () => string {
  const io = {
    now: () => new Date(AT),
    random: (bytes: number) => Uint8Array.from({ length: bytes }, () => random() * 256),
  }
  return () => newId(io)
}

/** Numbers from 0 to below 1 that are the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32
  }
}
