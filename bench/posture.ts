import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { builtProgram } from '../test/built-program.ts'
import type { Measurement } from './measurement.ts'
import { writePostureEstate } from './posture-estate.ts'
import type { Figures } from './posture-process.ts'
import { queried } from './posture-queries.ts'

const IDENTITIES = Number(process.env['BENCH_IDENTITIES'] ?? 100_000)
const COPIES = IDENTITIES * 10
/** The goals are those for a hundred thousand identities and a million copies. */
const isWhole = IDENTITIES >= 100_000
const told = { peer: null, ratio: null, goal: null, lessIsBetter: true }

/**
 * All checks, as they are built, over a large store, beside one statement of SQL for each by hand, which counts what fails and no more. BENCH_IDENTITIES
 * makes it smaller. The store takes 14 kB for each identity as long as it runs.
 */
export async function* measure(): AsyncGenerator<Measurement> {
  const directory = await mkdtemp(join(tmpdir(), 'firebreak-bench-'))
  const program = await builtProgram('bench/posture-process.ts')
  try {
    const store = join(directory, 'store')
    await writePostureEstate(store, { identities: IDENTITIES, copies: COPIES })
    const asked = join(directory, 'asked')
    await copyFile(store, asked)
    // As a store is that is kept up: else the first commit would wait for all that was just written.
    for (const file of [store, asked]) await onDisk(file)
    const { stdout } = await promisify(execFile)(process.execPath, [program.file, store])
    const figures = JSON.parse(stdout) as Figures
    const { counts, first, again, peakMiB } = figures
    const peer = queried(asked, counts)
    const sum = (key: 'fails' | 'unknown' | 'passes') => counts.reduce((all, one) => all + one[key], 0)
    const populated = counts.filter(({ fails, unknown, passes }) => fails + unknown + passes > 0).length
    yield { ...told, name: 'checks', value: counts.length, unit: `checks, ${populated} with a population` }
    yield { ...told, name: 'findings', value: sum('fails'), unit: `findings (${sum('unknown')} unknown)` }
    const goal = isWhole ? 10 : null
    yield { ...told, name: 'all checks, every finding begins', value: round(first.seconds), unit: 's', goal }
    yield { ...told, name: 'the same, processor time', value: round(first.cpuSeconds), unit: 's' }
    yield { ...told, name: 'all checks again, none begins', value: round(again.seconds), unit: 's', goal }
    yield { ...told, name: 'the same again, processor time', value: round(again.cpuSeconds), unit: 's' }
    yield { ...told, name: 'memory', value: round(peakMiB), unit: 'MiB', goal: isWhole ? 1024 : null }
    yield {
      ...told,
      name: 'all checks, beside one statement for each',
      value: round(first.seconds),
      unit: `s (${peer.statements} statements that count the same; none for ${peer.none.join(', ')})`,
      peer: `SQL by hand: ${round(peer.seconds)} s (${round(peer.cpuSeconds)} of processor time)`,
      ratio: round(first.seconds / peer.seconds),
    }
    for (const [check, seconds] of slowest(figures))
      yield {
        ...told,
        name: `until ${check} was answered, side by side with the others`,
        value: round(seconds),
        unit: 's',
      }
  } finally {
    await program.remove()
    await rm(directory, { recursive: true, force: true })
  }
}

async function onDisk(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

function slowest({ byCheck }: Figures): [string, number][] {
  return Object.entries(byCheck)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 5)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
