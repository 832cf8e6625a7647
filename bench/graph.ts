import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { startPostgres } from '../src/serve/operations/drill/postgres-server.ts'
import { drawEstate, type Estate, writeEstate } from './graph-estate.ts'
import type { Figures, Took } from './graph-process.ts'
import type { Measurement } from './measurement.ts'

const NODES = Number(process.env['BENCH_NODES'] ?? 1_000_000)
/** The goals are those for a million nodes. */
const isWhole = NODES >= 1_000_000
const told = { peer: null, ratio: null, goal: null, lessIsBetter: true }

/**
 * The trust graph: loading it from a store and asking of it, beside a bare breadth-first search over the same arrays and
 * beside PostgreSQL. BENCH_NODES makes it smaller. The store takes 7 kB for each node as long as it runs.
 */
export async function* measure(): AsyncGenerator<Measurement> {
  const estate = drawEstate(NODES)
  const figures = await ask(estate)
  yield { ...told, name: 'nodes', value: figures.nodes, unit: 'nodes', goal: NODES, lessIsBetter: false }
  yield { ...told, name: 'edges', value: figures.edges, unit: 'edges', lessIsBetter: false }
  yield* loading(figures)
  yield* searching(figures)
  const reached = `of ${figures.reached} nodes`
  const postgres = await recursive(estate, figures.reached)
  yield {
    name: `full reach ${reached}, beside PostgreSQL`,
    value: round(postgres.seconds / figures.reach.seconds),
    unit: `times as fast (${round(postgres.seconds)} s there)`,
    peer: `recursive CTE, PostgreSQL ${postgres.version}`,
    ratio: round(postgres.seconds / figures.reach.seconds),
    goal: 20,
  }
}

function* loading({ load, peakMiB }: Figures): Generator<Measurement> {
  const goal = isWhole ? 20 : null
  yield { ...told, name: 'load from the store', value: round(load.seconds), unit: 's', goal }
  yield { ...told, name: 'load, processor time', value: round(load.cpuSeconds), unit: 's' }
  yield { ...told, name: 'held for the graph', value: round(load.heldMiB), unit: 'MiB' }
  yield { ...told, name: 'memory while it loads', value: round(load.peakMiB), unit: 'MiB', goal: 1536 }
  yield { ...told, name: 'memory in all', value: round(peakMiB), unit: 'MiB', goal: 1536 }
}

function* searching(figures: Figures): Generator<Measurement> {
  const { reach, bare, bareInKeptMemory, reached, firstPath, paths, whoCan, cut } = figures
  const beside = (peer: string, took: Took, goal: number | null): Measurement => ({
    name: `full reach of ${reached} nodes`,
    value: milliseconds(reach.cpuSeconds),
    unit: 'ms of processor time',
    peer: `${peer}: ${milliseconds(took.cpuSeconds)} ms`,
    ratio: round(reach.cpuSeconds / took.cpuSeconds),
    goal,
    lessIsBetter: true,
  })
  yield beside('bare breadth-first search', bare, 1.5)
  yield beside('the same in memory that it keeps', bareInKeptMemory, null)
  const seconds = paths.map(path => path.seconds).sort((a, b) => a - b)
  const longest = Math.max(...paths.map(path => path.hops))
  const path = (name: string, value: number, goal: number | null) =>
    ({ ...told, name, value: milliseconds(value), unit: 'ms', goal }) satisfies Measurement
  yield path('the first explained path, with what the later ones need', firstPath.seconds, null)
  yield path(`a shortest explained path, median of ${paths.length}`, seconds[seconds.length >>> 1]!, null)
  yield path(`the slowest of them, the longest of ${longest} hops`, seconds.at(-1)!, 100)
  yield path('who can', whoCan.seconds, null)
  yield path(`a smallest cut of ${cut.hops} hops`, cut.seconds, null)
}

/** From a store of its own, in a process of its own. With BENCH_STORE that file is made once and used again. */
async function ask(estate: Estate): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'firebreak-bench-'))
  try {
    const store = process.env['BENCH_STORE'] ?? join(directory, 'store')
    if (!existsSync(store)) await writeEstate(store, estate)
    const program = fileURLToPath(new URL('graph-process.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, store])
    return JSON.parse(stdout) as Figures
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const ROWS = 200_000
const ROUNDS = 3

/** The best of some rounds, with all in memory and what is asked for in the index. */
async function recursive({ from, to, certainty }: Estate, reached: number) {
  const server = await startPostgres({ settings: { shared_buffers: '1GB', max_wal_size: '4GB' } })
  const { host, port, adminUser: user, adminPassword, database, version } = server
  const client = new pg.Client({ host, port, user, database, password: adminPassword.revealText() })
  try {
    await client.connect()
    await client.query(
      'create unlogged table edge (from_id int not null, to_id int not null, certainty smallint)',
    )
    for (let at = 0; at < from.length; at += ROWS)
      await client.query(
        'insert into edge select * from unnest($1::int[], $2::int[], $3::smallint[])',
        [from, to, certainty].map(column => `{${column.subarray(at, at + ROWS).join()}}`),
      )
    await client.query('create index on edge (from_id) include (to_id)')
    await client.query('vacuum analyze edge')
    await client.query(`set work_mem = '256MB'`)
    let seconds = Number.POSITIVE_INFINITY
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now()
      const { rows } = await client.query<{ count: string }>(
        `with recursive r (n) as (select $1::int union select e.to_id from r join edge e on e.from_id = r.n)
          select count(*) from r`,
        [0],
      )
      seconds = Math.min(seconds, (performance.now() - started) / 1000)
      if (Number(rows[0]?.count) !== reached) throw new Error('PostgreSQL reached something else')
    }
    return { seconds, version }
  } finally {
    await client.end()
    await server.stop()
  }
}

function milliseconds(seconds: number): number {
  return round(seconds * 1000)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
