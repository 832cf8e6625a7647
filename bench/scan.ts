import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileRules, type Engine } from '../src/know/readers/secrets/engine.ts'
import { loadRules } from '../src/know/readers/secrets/load-rules.ts'
import type { Measurement } from './measurement.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const CORPUS_BYTES = Number(process.env['BENCH_MB'] ?? 100) * 1e6
const PEER_BYTES = 2e6
const PLANTED_EVERY = 20

interface File {
  readonly path: string
  readonly bytes: Buffer
}

/**
 * The secret scanner on one core: text of installed packages, in which every twentieth line is made a candidate (a
 * rule's example, positive or negative). Beside secretlint's recommended preset on a part of the same files, and
 * beside the limit: a loop that only adds up the bytes.
 */
export async function* measure(): AsyncGenerator<Measurement> {
  const { rules } = await loadRules(join(root, 'rules/secrets'))
  const examples = rules.flatMap(rule => [...rule.examples.positive, ...rule.examples.negative])
  const oneLiners = examples.map(example => example.text).filter(text => !text.includes('\n'))
  const files = await corpus(oneLiners)
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0)
  const lines = files.reduce((sum, file) => sum + file.bytes.toString('latin1').split('\n').length, 0)
  const told = { peer: null, ratio: null, goal: null }
  yield { name: 'corpus', value: Math.round(bytes / 1e6), unit: 'MB', ...told }
  yield { name: 'candidate lines', value: round(100 / PLANTED_EVERY), unit: `% of ${lines} lines`, ...told }

  const started = performance.now()
  const engine = compileRules(rules)
  yield {
    name: 'compile',
    value: round(performance.now() - started),
    unit: 'ms',
    ...told,
    lessIsBetter: true,
  }

  // What a process does first is slower until it is compiled: every measured loop has run once before.
  const warm = files.slice(0, Math.ceil(files.length / 10))
  scanAll(engine, warm)
  addUpAll(warm)
  const finds = { count: 0 }
  const ours = speed(bytes, () => (finds.count = scanAll(engine, files)))
  const limit = speed(bytes, () => addUpAll(files))
  yield { name: 'finds', value: finds.count, unit: 'finds', ...told }
  yield {
    name: 'scan',
    value: round(ours),
    unit: 'MB/s',
    peer: 'byte sum',
    ratio: round(ours / limit),
    goal: null,
  }

  const sample: File[] = []
  let size = 0
  for (let i = 0; i < files.length && size < PEER_BYTES; i += 7) {
    sample.push(files[i]!)
    size += files[i]!.bytes.length
  }
  const oursOnSample = speed(size, () => scanAll(engine, sample))
  const theirs = await secretlint(sample, size)
  yield {
    name: 'scan beside secretlint',
    value: round(oursOnSample),
    unit: 'MB/s',
    peer: 'secretlint',
    ratio: round(oursOnSample / theirs),
    goal: null,
  }
}

async function corpus(planted: readonly string[]): Promise<File[]> {
  const directory = join(root, 'node_modules')
  const names = (await readdir(directory, { recursive: true }))
    .filter(name => /\.(?:[cm]?[jt]s|json|md|ya?ml|css)$/.test(name))
    .sort()
  const files: File[] = []
  let total = 0
  let plant = 0
  for (const name of names) {
    if (total >= CORPUS_BYTES) break
    const text = await readFile(join(directory, name), 'latin1').catch(() => '')
    if (text === '') continue
    const lines = text.split('\n')
    for (let i = PLANTED_EVERY / 2; i < lines.length; i += PLANTED_EVERY)
      lines[i] = planted[plant++ % planted.length]!
    const bytes = Buffer.from(lines.join('\n'), 'latin1')
    files.push({ path: name, bytes })
    total += bytes.length
  }
  return files
}

function scanAll(engine: Engine, files: readonly File[]): number {
  let count = 0
  for (const file of files) for (const _ of engine.scan(file.bytes, { path: file.path })) count++
  return count
}

function addUpAll(files: readonly File[]): number {
  let sum = 0
  for (const { bytes } of files) for (let i = 0; i < bytes.length; i++) sum = (sum + bytes[i]!) | 0
  return sum
}

/** The best of three, in MB/s: what else the machine does can only slow a run down. */
function speed(bytes: number, run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3; round++) {
    const started = performance.now()
    run()
    best = Math.min(best, performance.now() - started)
  }
  return bytes / 1e3 / best
}

async function secretlint(files: readonly File[], size: number): Promise<number> {
  const { lintSource } = await import('@secretlint/core')
  const { creator } = await import('@secretlint/secretlint-rule-preset-recommend')
  const options = {
    config: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] },
  }
  const run = async () => {
    for (const { path, bytes } of files) {
      const content = bytes.toString('utf8')
      await lintSource({
        source: { filePath: path, content, contentType: 'text', ext: path.slice(path.lastIndexOf('.')) },
        options,
      })
    }
  }
  await run()
  const started = performance.now()
  await run()
  return size / 1e3 / (performance.now() - started)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
