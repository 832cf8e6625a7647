import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { compileRules, type Engine } from '../src/know/readers/secrets/engine.ts'
import { loadRules } from '../src/know/readers/secrets/rules/load-rules.ts'
import type { Measurement } from './measurement.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const DATA = join(root, '../shared/data')
const ORDINARY_BYTES = Number(process.env['BENCH_MB'] ?? 20) * 1e6
const PEER_BYTES = 4e6

/** What a find must have to count in the labelled sets: passwords that are plain words have 0.3 and more. */
const COUNTS_FROM = 0.3
/** What one must have to count as noise in ordinary text: what a person is shown first. */
const NOISE_FROM = 0.5

interface File {
  readonly path: string
  readonly bytes: Buffer
}

/** The lines, counted from 1, in which a scanner sees a secret begin. */
type Scanner = (file: File) => Promise<{ line: number; value?: string }[]>

const examplesSchema = z.array(
  z.object({
    id: z.string(),
    categories: z.array(z.string()).nullable(),
    examples: z.array(z.string()),
    negativeExamples: z.array(z.string()),
  }),
)

/**
 * How many secrets of two labelled sets are found, and how much else, beside secretlint's recommended preset.
 *
 * **leaky-repo** counts for each file how many of its lines hold a risk and how many are informative, not which. So of a
 * file's distinct lines with a find of confidence 0.3 or more, as many as there are risk lines count as found, and what
 * is left after the informative ones too counts as noise. A line is where a find's value begins; a private key is one.
 * Recall is over risk lines, precision is found / (found + noise).
 *
 * **secret-examples** are other rules' examples, each scanned as a document without a name. A positive counts as found
 * when a find of confidence 0.3 or more lies in it. Those of the category `identifier` (a bucket, an account number)
 * are no secrets and stand in the set for another purpose: with them there is a figure of its own. A negative says that
 * one rule must not match, not that there is no secret: one rule's negative is often another's positive. It counts
 * against a scanner when it finds a value there that stands in no positive example of the set; the figure for every find
 * is printed too.
 *
 * **Ordinary text** is that of the installed packages, with nothing planted: finds of confidence 0.5 or more per MB.
 *
 * Without the sets beside the project it says so, and measures ordinary text only.
 */
export async function* measure(): AsyncGenerator<Measurement> {
  const { rules } = await loadRules(join(root, 'rules/secrets'))
  const engine = compileRules(rules)
  const theirs = await secretlint()
  if (existsSync(join(DATA, 'leaky-repo.tar.gz'))) {
    yield* leakyRepo(engine, theirs)
    yield* examples(engine, theirs)
  } else {
    yield { name: 'skipped: no ../shared/data', value: 0, unit: 'sets', peer: null, ratio: null, goal: null }
  }
  yield* ordinaryText(engine, theirs)
}

async function* leakyRepo(engine: Engine, theirs: Scanner): AsyncGenerator<Measurement> {
  const files = await unpack(join(DATA, 'leaky-repo.tar.gz'))
  const counts = new Map<string, { risk: number; informative: number }>()
  const csv = files.find(file => file.path.endsWith('.leaky-meta/secrets.csv'))!
  for (const line of csv.bytes.toString('utf8').split('\n')) {
    const match = /^([^#,]+),(\d+),(\d+)/.exec(line)
    if (match) counts.set(match[1]!, { risk: Number(match[2]), informative: Number(match[3]) })
  }
  const scored = files
    .map(file => ({ ...file, path: file.path.replace(/^(?:\.\/)?(?:leaky-repo[^/]*\/)?/, '') }))
    .filter(file => counts.has(file.path))
  const tally = async (scanner: Scanner, tell = say) => {
    let [found, noise, risks] = [0, 0, 0]
    for (const file of scored) {
      const { risk, informative } = counts.get(file.path)!
      const lines = new Set((await scanner(file)).map(find => find.line)).size
      if (lines !== risk)
        tell(file.path, `${lines} lines of ${risk} risk and ${informative} informative ones`)
      risks += risk
      found += Math.min(lines, risk)
      noise += Math.max(0, lines - risk - informative)
    }
    return { found, recall: found / risks, precision: found === 0 ? 0 : found / (found + noise) }
  }
  const [us, them] = [await tally(ours(engine, COUNTS_FROM)), await tally(theirs, silence)]
  const beside = (name: string, of: (side: typeof us) => number, unit: string, goal: number | null) =>
    measured(`leaky-repo ${name}`, of(us), of(them), unit, goal)
  yield* beside('risk lines found of 96', side => side.found, 'lines', 85)
  yield* beside('precision', side => side.precision, '0…1', null)
  yield* beside('recall', side => side.recall, '0…1', null)
  yield* beside('F1', side => f1(side.precision, side.recall), '0…1', null)
}

async function* examples(engine: Engine, theirs: Scanner): AsyncGenerator<Measurement> {
  const raw: unknown = JSON.parse(
    gunzipSync(await readFile(join(DATA, 'secret-examples.json.gz'))).toString('utf8'),
  )
  const rules = examplesSchema.parse(raw)
  const positives = rules.flatMap(rule => rule.examples)
  const tally = async (scanner: Scanner, tell = say) => {
    const sum = { secrets: 0, found: 0, all: 0, allFound: 0, negatives: 0, struck: 0, strictlyStruck: 0 }
    for (const { id, categories, examples, negativeExamples } of rules) {
      for (const text of examples) {
        const found = (await scanner({ path: '', bytes: Buffer.from(text) })).length > 0
        const isSecret = !categories?.includes('identifier')
        if (!found && isSecret) tell(`missed ${id}`, text)
        sum.all++
        if (found) sum.allFound++
        if (isSecret) sum.secrets++
        if (isSecret && found) sum.found++
      }
      for (const text of negativeExamples) {
        const finds = await scanner({ path: '', bytes: Buffer.from(text) })
        const elsewhere = (value: string | undefined) =>
          value !== undefined && positives.some(positive => positive.includes(value))
        const isStruck = finds.some(find => !elsewhere(find.value))
        if (isStruck) tell(`struck ${id} ${finds.map(find => find.value ?? '').join(' ')}`, text)
        sum.negatives++
        if (isStruck) sum.struck++
        if (finds.length > 0) sum.strictlyStruck++
      }
    }
    return sum
  }
  const them = await tally(theirs, silence)
  const us = await tally(ours(engine, COUNTS_FROM))
  const percent = (part: number, whole: number) => (100 * part) / whole
  const beside = (
    name: string,
    of: (side: typeof us) => number,
    unit: string,
    goal: number | null,
    lessIsBetter = false,
  ) => measured(`secret-examples ${name}`, of(us), of(them), unit, goal, lessIsBetter)
  yield* beside(
    `positives found of ${us.secrets}`,
    side => percent(side.found, side.secrets),
    '% of those that are secrets',
    85,
  )
  yield* beside(
    `positives found of ${us.all}`,
    side => percent(side.allFound, side.all),
    '% with identifiers',
    null,
  )
  yield* beside(
    `negatives struck of ${us.negatives} by what stands in no positive`,
    side => percent(side.struck, side.negatives),
    '%',
    5,
    true,
  )
  yield* beside(
    `negatives struck of ${us.negatives} by any find, other kinds of secrets too`,
    side => percent(side.strictlyStruck, side.negatives),
    '%',
    null,
    true,
  )
  const precision = (side: typeof us) => side.found / Math.max(1, side.found + side.struck)
  yield* beside('precision', precision, '0…1', null)
  yield* beside('F1', side => f1(precision(side), side.found / side.secrets), '0…1', null)
}

async function* ordinaryText(engine: Engine, theirs: Scanner): AsyncGenerator<Measurement> {
  const files: File[] = []
  const directory = join(root, 'node_modules')
  const names = (await readdir(directory, { recursive: true }))
    .filter(name => /\.(?:[cm]?[jt]s|json|md|ya?ml|css)$/.test(name))
    // What a scanner ships are its own test secrets.
    .filter(name => !name.includes('secretlint'))
    .sort()
  let size = 0
  // Every third, so that not a few large packages are all of it.
  for (let i = 0; i < names.length && size < ORDINARY_BYTES; i += 3) {
    const bytes = await readFile(join(directory, names[i]!)).catch(() => Buffer.alloc(0))
    files.push({ path: names[i]!, bytes })
    size += bytes.length
  }
  const rate = async (scanner: Scanner, most: number, tell = say) => {
    let [finds, bytes] = [0, 0]
    for (const file of files) {
      if (bytes >= most) break
      const found = await scanner(file)
      for (const { line, value } of found) tell(`noise ${file.path}:${line}`, value ?? '')
      finds += found.length
      bytes += file.bytes.length
    }
    return (finds * 1e6) / bytes
  }
  yield {
    name: 'ordinary text',
    value: Math.round(size / 1e5) / 10,
    unit: 'MB',
    peer: null,
    ratio: null,
    goal: null,
  }
  const them = await rate(theirs, PEER_BYTES, silence)
  yield* measured(
    'finds in ordinary text',
    await rate(ours(engine, NOISE_FROM), size),
    them,
    'per MB',
    null,
    true,
  )
  yield* measured(
    'finds in ordinary text, of any confidence',
    await rate(ours(engine, 0), size, silence),
    them,
    'per MB',
    null,
    true,
  )
}

/** Ours is the value that the goal is held against; the peer's stands on a line of its own. */
function* measured(
  name: string,
  us: number,
  them: number,
  unit: string,
  goal: number | null,
  lessIsBetter = false,
): Generator<Measurement> {
  const common = { name, unit, ratio: null, lessIsBetter }
  yield { ...common, value: round(us), peer: null, goal }
  yield { ...common, name: `${name}: secretlint`, value: round(them), peer: 'secretlint', goal: null }
}

function ours(engine: Engine, from: number): Scanner {
  return async file =>
    [...engine.scan(file.bytes, { path: file.path })]
      .filter(find => find.confidence >= from)
      .map(find => ({
        line: find.slots[0]!.line ?? 1,
        value: Buffer.from(find.secret.reveal()).toString('utf8'),
      }))
}

async function secretlint(): Promise<Scanner> {
  const { lintSource } = await import('@secretlint/core')
  const { creator } = await import('@secretlint/secretlint-rule-preset-recommend')
  const options = {
    config: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] },
  }
  return async ({ path, bytes }) => {
    const content = bytes.toString('utf8')
    const ext = path.includes('.') ? path.slice(path.lastIndexOf('.')) : ''
    const source = { filePath: path || 'example', content, contentType: 'text' as const, ext }
    const { messages } = await lintSource({ source, options })
    return messages.map(({ loc, range }) => ({ line: loc.start.line, value: content.slice(...range) }))
  }
}

/** Into a directory of its own for the time of reading. */
async function unpack(archive: string): Promise<File[]> {
  const directory = await mkdtemp(join(tmpdir(), 'firebreak-bench-'))
  try {
    execFileSync('tar', ['-xzf', archive, '-C', directory])
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    return await Promise.all(
      entries
        .filter(entry => entry.isFile())
        .map(async entry => {
          const path = join(entry.parentPath, entry.name)
          return { path: relative(directory, path), bytes: await readFile(path) }
        }),
    )
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** With BENCH_VERBOSE each of our misses is told on standard error. */
function say(what: string, text: string): void {
  if (process.env['BENCH_VERBOSE'])
    process.stderr.write(`${what}: ${JSON.stringify(text.length > 500 ? `${text.slice(0, 500)}…` : text)}\n`)
}

function silence(): void {}

function f1(precision: number, recall: number): number {
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
