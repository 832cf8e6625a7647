import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { once } from 'node:events'

export interface Ran {
  readonly seconds: number
  /** Of all its threads; without the processes that it started itself. */
  readonly cpuSeconds: number
  /** The most memory that was resident at once, all threads together. */
  readonly peakMiB: number
}

const LOOK_EVERY_MS = 25
const TICKS_PER_SECOND = 100

/** Runs a program to its end with its output thrown away. Time and memory are read from /proc, so: on Linux. */
export async function runMeasured(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  const started = performance.now()
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const complaints: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
  let [cpuSeconds, peakMiB] = [0, 0]
  const look = async () => {
    const [stat, status] = await Promise.all(
      ['stat', 'status'].map(name => readFile(`/proc/${child.pid}/${name}`, 'latin1').catch(() => '')),
    )
    const times = stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(times[11]) + Number(times[12])
    if (ticks > 0) cpuSeconds = Math.max(cpuSeconds, ticks / TICKS_PER_SECOND)
    peakMiB = Math.max(peakMiB, Number(/VmHWM:\s+(\d+) kB/.exec(status!)?.[1] ?? 0) / 1024)
  }
  const looking = setInterval(() => void look(), LOOK_EVERY_MS)
  const [code] = (await once(child, 'close')) as [number]
  clearInterval(looking)
  const seconds = (performance.now() - started) / 1000
  // A scanner that finds something ends with 1.
  if (code !== 0 && code !== 1)
    throw new Error(
      `${command} ended with ${code}: ${Buffer.concat(complaints).toString('utf8').slice(0, 500)}`,
    )
  return { seconds, cpuSeconds, peakMiB }
}
