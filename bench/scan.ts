import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileRules, type Engine } from '../src/know/readers/secrets/engine.ts'
import { loadRules } from '../src/know/readers/secrets/rules/load-rules.ts'
import type { Rule } from '../src/know/readers/secrets/rules/rule.ts'
import { everywhere } from '../test/know/readers/secrets/everywhere.ts'
import { type Corpus, type CorpusFile, corpus, type History, histories } from './corpus.ts'
import type { Measurement } from './measurement.ts'
import { type Ran, runMeasured } from './run-measured.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const firebreak = join(root, 'bin/firebreak.js')
const CORPUS_MB = Number(process.env['BENCH_MB'] ?? 500)
const ENGINE_BYTES = 50e6
const LOSSLESS_BYTES = Math.min(20, CORPUS_MB) * 1e6
const PEER_BYTES = 2e6
/** What its command takes grows with the square of the number of files, so that it comes off too well by a part of them; all would take it hours. */
const PEER_TREE_BYTES = Math.min(25, CORPUS_MB) * 1e6
const told = { peer: null, ratio: null, goal: null }

interface Loaded {
  readonly path: string
  readonly bytes: Buffer
}

/**
 * The secret scanner: its engine alone on one core, and the whole command over a tree of files and over a history, with
 * its workers and its database. Beside secretlint, and beside git that only reads out the same objects.
 */
export async function* measure(): AsyncGenerator<Measurement> {
  const { rules } = await loadRules(join(root, 'rules/secrets'))
  const tree = await corpus(rules, CORPUS_MB * 1e6)
  yield { name: 'corpus', ...told, value: round(tree.bytes / 1e6), unit: 'MB', goal: CORPUS_MB }
  const share = (100 * tree.candidateLines) / tree.lines
  yield { name: 'candidate lines', ...told, value: round(share), unit: `% of ${tree.lines} lines`, goal: 5 }
  yield* measureEngine(rules, tree)
  yield* measureTree(tree)
  yield* measureHistory(tree)
}

/** On one core, from memory: what it takes of the processor for each byte. */
async function* measureEngine(rules: readonly Rule[], tree: Corpus): AsyncGenerator<Measurement> {
  const files = await load(tree, sampleOf(tree, ENGINE_BYTES))
  const started = performance.now()
  const engine = compileRules(rules)
  yield { name: 'compile the rules', ...told, value: round(performance.now() - started), unit: 'ms' }
  // What a process does first is slower until it is compiled, which goes on for several rounds.
  const ours = await speed(files, () => scanAll(engine, files), 12)
  yield { name: 'engine', ...told, value: round(ours), unit: 'MB/s of a core', goal: 100 }

  const few = await load(tree, sampleOf(tree, PEER_BYTES))
  const oursOnFew = await speed(few, () => scanAll(engine, few), 3)
  const theirs = await speed(few, () => secretlint(few), 2)
  yield {
    name: 'engine beside secretlint, one core',
    value: round(oursOnFew),
    unit: 'MB/s of a core',
    peer: 'secretlint core, recommended preset',
    ratio: round(oursOnFew / theirs),
    goal: null,
  }
  yield lossless(rules, engine, await load(tree, sampleOf(tree, LOSSLESS_BYTES)))
}

/** Where the rules match, against every rule run over every byte. */
function lossless(rules: readonly Rule[], engine: Engine, files: readonly Loaded[]): Measurement {
  let [matches, differences] = [0, 0]
  for (const { path, bytes } of files) {
    const text = bytes.toString('latin1')
    const fitting = rules.filter(rule => rule.paths === undefined || new RegExp(rule.paths, 'i').test(path))
    const expected = fitting.flatMap(rule => everywhere(rule, text)).map(key)
    const found = new Set(engine.matches(bytes, path).map(key))
    matches += expected.length
    differences += expected.filter(match => !found.delete(match)).length + found.size
  }
  const megabytes = round(files.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6)
  return {
    name: 'matches that differ from those of every rule over every byte',
    ...told,
    value: differences,
    unit: `of ${matches} matches in ${megabytes} MB`,
    goal: 0,
    lessIsBetter: true,
  }
}

function key({ rule, start, end }: { rule: string; start: number; end: number }): string {
  return `${rule} ${start}-${end}`
}

/** The whole command over the files on disk, as a user runs it. */
async function* measureTree(tree: Corpus): AsyncGenerator<Measurement> {
  const [first, second] = await scanTwice(tree.directory, '--no-history')
  const megabytes = tree.bytes / 1e6
  const ours = megabytes / first.seconds
  yield { name: 'tree, all cores', ...told, value: round(ours), unit: 'MB/s' }
  yield {
    name: 'tree, for each second of processor time',
    ...told,
    value: round(megabytes / first.cpuSeconds),
    unit: 'MB/s of a core',
    goal: 100,
  }
  yield {
    name: 'tree, memory',
    ...told,
    value: round(first.peakMiB),
    unit: 'MiB',
    goal: 600,
    lessIsBetter: true,
  }
  yield again('tree', first, second)

  const work = await mkdtemp(join(tmpdir(), 'firebreak-bench-'))
  try {
    const files = sampleOf(tree, PEER_TREE_BYTES)
    for (const { path } of files) {
      await mkdir(dirname(join(work, path)), { recursive: true })
      await copyFile(join(tree.directory, path), join(work, path))
    }
    const config = join(work, '.secretlintrc.json')
    await writeFile(config, '{"rules":[{"id":"@secretlint/secretlint-rule-preset-recommend"}]}')
    const command = join(root, 'node_modules/.bin/secretlint')
    const args = [
      '--secretlintrc',
      config,
      '--format',
      'json',
      '--output',
      join(work, '.found'),
      `${work}/**/*`,
    ]
    const theirs = await runMeasured(process.execPath, [command, ...args], { cwd: root })
    const sampled = files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
    yield {
      name: `tree beside secretlint's command (which was given ${round(sampled)} MB of it)`,
      value: round(ours),
      unit: 'MB/s',
      peer: 'secretlint',
      ratio: round(ours / (sampled / theirs.seconds)),
      goal: 20,
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** By turns, since what else the machine does changes from one minute to the next. */
const TURNS = 3

async function* measureHistory(tree: Corpus): AsyncGenerator<Measurement> {
  const { short, long } = await histories(tree)
  const blobs = await blobsOf(short)
  const ours: [Ran, Ran][] = []
  const theirs: number[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    ours.push(await scanTwice(short.directory))
    theirs.push(await readOut(short, blobs.ids))
  }
  const [first, second] = middle(ours, ([{ seconds }]) => seconds)
  yield {
    name: `history of ${short.commits} commits, the middle one of ${TURNS}`,
    value: round(blobs.bytes / 1e6 / first.seconds),
    unit: 'MB/s',
    peer: 'git cat-file --batch',
    ratio: round(middle(theirs, seconds => seconds) / first.seconds),
    goal: 0.35,
  }
  const most = Math.max(...ours.map(([{ peakMiB }]) => peakMiB))
  yield {
    name: `history, memory, the most of ${TURNS}`,
    ...told,
    value: round(most),
    unit: 'MiB',
    goal: 600,
    lessIsBetter: true,
  }
  yield again('history', first, second)
  const [longer] = await scanTwice(long.directory)
  const usual = middle(
    ours.map(([{ peakMiB }]) => peakMiB),
    peak => peak,
  )
  yield {
    name: `memory for ${long.commits / short.commits} times as many commits`,
    value: round(longer.peakMiB),
    unit: 'MiB',
    peer: `${short.commits} commits`,
    ratio: round(longer.peakMiB / usual),
    goal: 1.15,
    lessIsBetter: true,
  }
}

/** The one in the middle, in order of what is measured of them. */
function middle<T>(values: readonly T[], measure: (value: T) => number): T {
  return [...values].sort((a, b) => measure(a) - measure(b))[values.length >> 1]!
}

function again(what: string, first: Ran, second: Ran): Measurement {
  return {
    name: `${what} again, nothing new`,
    value: round(second.seconds),
    unit: 's',
    peer: 'the first time',
    ratio: round(second.seconds / first.seconds),
    goal: 0.5,
    lessIsBetter: true,
  }
}

/** With a database of its own, which the second run finds as the first left it. */
async function scanTwice(path: string, ...args: string[]): Promise<[Ran, Ran]> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-bench-'))
  try {
    const scan = () =>
      runMeasured(process.execPath, [firebreak, 'scan', path, '--json', ...args], {
        cwd: root,
        env: { ...process.env, FIREBREAK_HOME: home },
      })
    return [await scan(), await scan()]
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** The ids of all blobs, a line each, and how many bytes they have together. */
async function blobsOf({ directory }: History): Promise<{ ids: string; bytes: number }> {
  const list = spawn('git', [
    '--git-dir',
    directory,
    'cat-file',
    '--batch-all-objects',
    '--batch-check',
    '--unordered',
  ])
  let listed = ''
  for await (const chunk of list.stdout) listed += String(chunk)
  const blobs = listed.split('\n').filter(line => line.includes(' blob '))
  return {
    ids: blobs.map(line => `${line.split(' ')[0]}\n`).join(''),
    bytes: blobs.reduce((sum, line) => sum + Number(line.split(' ')[2]), 0),
  }
}

/** How many seconds git itself takes for all of them. */
async function readOut({ directory }: History, ids: string): Promise<number> {
  const started = performance.now()
  const read = spawn('git', ['--git-dir', directory, 'cat-file', '--batch', '--buffer'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  read.stdin.end(ids)
  read.stdout.resume()
  await once(read, 'close')
  return (performance.now() - started) / 1000
}

/** Files from everywhere in the corpus, of so many bytes in all and of hardly more. */
function sampleOf({ files, bytes }: Corpus, least: number): CorpusFile[] {
  const every = Math.max(1, Math.floor(bytes / least))
  const sample: CorpusFile[] = []
  let sampled = 0
  for (let turn = 0; turn < every; turn++)
    for (let at = turn; at < files.length; at += every) {
      if (sampled >= least) return sample
      sample.push(files[at]!)
      sampled += files[at]!.bytes
    }
  return sample
}

async function load({ directory }: Corpus, files: readonly CorpusFile[]): Promise<Loaded[]> {
  const loaded: Loaded[] = []
  for (const { path } of files) loaded.push({ path, bytes: await readFile(join(directory, path)) })
  return loaded
}

function scanAll(engine: Engine, files: readonly Loaded[]): void {
  for (const { path, bytes } of files) for (const _ of engine.scan(bytes, { path }));
}

/** The best of some rounds, in MB for each second of processor time: what else the machine does counts little. */
async function speed(files: readonly Loaded[], run: () => unknown, rounds: number): Promise<number> {
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0)
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, user + system)
  }
  return bytes / best
}

async function secretlint(files: readonly Loaded[]): Promise<void> {
  const { lintSource } = await import('@secretlint/core')
  const { creator } = await import('@secretlint/secretlint-rule-preset-recommend')
  const options = {
    config: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] },
  }
  for (const { path, bytes } of files) {
    const content = bytes.toString('utf8')
    const ext = path.slice(path.lastIndexOf('.'))
    await lintSource({ source: { filePath: path, content, contentType: 'text', ext }, options })
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
