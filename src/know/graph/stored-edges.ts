import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import type { Certainty } from '../../core/contract/ref.ts'
import { isRelation } from '../../core/contract/relations.ts'
import { programBeside, threadEnvironment } from '../../core/contract/thread.ts'
import { type Db, fileOf, isPostgres } from '../../core/store/store.ts'
import { EdgeList } from './edge-list.ts'
import type { EdgeTask } from './edge-thread.ts'
import { CERTAINTIES, type EdgeKind } from './graph.ts'
import type { Ids } from './ids.ts'

/** Edges as the store has them: each with the place of its kind in `kinds`. */
export interface StoredEdges {
  readonly edges: EdgeList
  readonly kinds: readonly Omit<EdgeKind, 'origin'>[]
  /** Of all that is told, what is no way among them. */
  readonly names: readonly string[]
}

/** By number, pairs of which no edge is a way. */
export type ClosedPairs = ReadonlyMap<number, ReadonlySet<number>>

/**
 * So many rows are read at once; between them other work of the process has its turn. Their text stays below 128 kB: what is
 * larger is memory that is new each time, and takes twice as long.
 */
const ROWS = 1000
/** Of fewer edges a thread would be gone before it is worth its start. */
const EDGES_FOR_THREADS = 1_000_000
/** Each has a copy of all ids. */
const MOST_THREADS = 4

/**
 * All edges that stand. A large file of SQLite is read by several threads, each a part of it: a database on a server is mostly
 * waited for.
 */
export async function readAllEdges(
  db: Db,
  ids: Ids,
  closed: ClosedPairs,
  edgesForThreads = EDGES_FOR_THREADS,
): Promise<StoredEdges[]> {
  const file = await fileOf(db)
  if (file !== undefined) {
    const { rows } = await sql<{ key: number | null }>`select max(rowid) as key from edge`.execute(db)
    const last = rows[0]?.key ?? 0
    if (last >= edgesForThreads) return await inThreads(file, ids, closed, last)
  }
  return [await readEdges(db, ids, closed)]
}

async function inThreads(file: string, ids: Ids, closed: ClosedPairs, last: number): Promise<StoredEdges[]> {
  const threads = Math.max(2, Math.min(availableParallelism(), MOST_THREADS))
  const program = programBeside(import.meta.url, 'edge-thread')
  const env = threadEnvironment()
  const parts = Array.from({ length: threads }, (_, part) => Math.floor((last * part) / threads))
  const workers: Worker[] = []
  const read = parts.map(
    (after, part) =>
      new Promise<StoredEdges>((resolve, reject) => {
        const task: EdgeTask = { file, ids: ids.parts(), closed, after, upTo: parts[part + 1] }
        const worker = new Worker(program, { workerData: task, env })
        workers.push(worker)
        worker.once('message', ({ edges, ...rest }: StoredEdges) =>
          resolve({ edges: EdgeList.of(edges), ...rest }),
        )
        worker.once('error', reject)
        worker.once('exit', code => reject(new Error(`a thread that reads edges ended with ${code}`)))
      }),
  )
  try {
    return await Promise.all(read)
  } finally {
    // Where one cannot read, the others are still at the file.
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}

/**
 * Each page comes as one text, a line for each edge: a value for each column of each row would take a minute for ten
 * million of them. They come as SQLite keeps them, which spares it an index: those with a rowid behind `after`, up to `upTo`.
 */
export async function readEdges(
  db: Db,
  ids: Pick<Ids, 'find'>,
  closed: ClosedPairs,
  { after: start, upTo }: Pick<EdgeTask, 'after' | 'upTo'> = {},
): Promise<StoredEdges> {
  const edges = new EdgeList()
  const kinds = new Kinds()
  const key = sql.ref(isPostgres(db) ? 'id' : 'rowid')
  const end = upTo === undefined ? sql`true` : sql`${key} <= ${upTo}`
  for (let after: string | number = isPostgres(db) ? '' : (start ?? 0); ; ) {
    const { rows } = await sql<Page>`
      select max(key) as last, count(*) as count,
        string_agg(from_id || ' ' || to_id || ' ' || certainty || ' ' || crossing, ${'\n'}) as lines
      from (select ${key} as key, from_id, to_id, certainty, crossing from edge
        where ${key} > ${after} and ${end} and gone_at is null order by ${key} limit ${ROWS}) as page`.execute(
      db,
    )
    const [page] = rows
    if (!page?.last) return { edges, kinds: kinds.all, names: kinds.names }
    readLines(Buffer.from(page.lines ?? ''), Number(page.count), { edges, kinds, ids, closed })
    after = page.last
    await turn()
  }
}

interface Page {
  readonly last: string | number | null
  readonly count: number
  readonly lines: string | null
}

interface Reading {
  readonly edges: EdgeList
  readonly kinds: Kinds
  readonly ids: Pick<Ids, 'find'>
  readonly closed: ClosedPairs
}

const [SPACE, NEWLINE] = [0x20, 0x0a]

function readLines(bytes: Buffer, count: number, { edges, kinds, ids, closed }: Reading): void {
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
    const kind = kinds.of(bytes, certainty, crossing, end)
    // What leads to something that is gone leads nowhere, and a mere relation is no way.
    if (from >= 0 && to >= 0 && from !== to && kind >= 0 && (closed.size === 0 || !closed.get(from)?.has(to)))
      edges.add(from, to, kind)
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

/** Kinds by their certainty and the bytes of their crossing, so that no text is made for an edge. */
class Kinds {
  readonly #known = CERTAINTIES.map(() => new Map<number, { bytes: Uint8Array; kind: number }[]>())
  readonly all: { crossing: string; certainty: Certainty }[] = []
  readonly names: string[] = []

  /** -1 for a relation that is no way. */
  of(bytes: Buffer, certainty: number, from: number, to: number): number {
    let hash = 0
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
    const known = this.#known[certainty]!.get(hash)
    for (const one of known ?? []) if (isEqual(one.bytes, bytes, from, to)) return one.kind
    const own = Buffer.from(bytes.subarray(from, to))
    const crossing = own.toString()
    this.names.push(crossing)
    const kind = isRelation(crossing)
      ? -1
      : this.all.push({ crossing, certainty: CERTAINTIES[certainty]! }) - 1
    this.#known[certainty]!.set(hash, [...(known ?? []), { bytes: own, kind }])
    return kind
  }
}

function isEqual(own: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (own.length !== to - from) return false
  for (let index = 0; index < own.length; index++) if (own[index] !== bytes[from + index]) return false
  return true
}
