import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { SeenBytes } from './canary-search.ts'

/** What other users of the machine can see of a process, and what its own user can. */
export interface Watched {
  readonly arguments: SeenBytes
  readonly environments: SeenBytes
}

/**
 * Reads arguments and environment of every descendant of this process, over and over, from /proc (proc(5)). An entry named
 * in `given` is left out of the environments of this project's own program, which its user started with it.
 */
export function watchProcesses(seen: Watched, program: string, given: readonly string[]): () => void {
  const look = () => {
    for (const pid of descendants()) {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`)
        seen.arguments.add('argv', argv)
        const environ = readFileSync(`/proc/${pid}/environ`)
        const isOurs = argv.includes(program)
        seen.environments.add('environ', isOurs ? without(environ, given) : environ)
      } catch {
        // It ended in between, or belongs to another user.
      }
    }
  }
  const timer = setInterval(look, 40)
  look()
  return () => clearInterval(timer)
}

/** A `git` to put first in the path: it writes its arguments and environment down, then becomes the real one. */
export async function recordingGit(
  directory: string,
): Promise<{ path: string; records(): Promise<{ arguments: Buffer; environments: Buffer }> }> {
  const bin = join(directory, 'bin')
  await mkdir(bin, { recursive: true })
  const real = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, 'git'))
    .find(path => isThere(path))
  const [argv, environ] = [join(directory, 'git-argv'), join(directory, 'git-environ')]
  const lines = [`cat /proc/$$/cmdline >> '${argv}'`, `cat /proc/$$/environ >> '${environ}'`]
  await writeFile(join(bin, 'git'), `#!/bin/sh\n${lines.join('\n')}\nexec '${real}' "$@"\n`)
  await chmod(join(bin, 'git'), 0o755)
  return {
    path: bin,
    records: async () => ({ arguments: await readFile(argv), environments: await readFile(environ) }),
  }
}

function isThere(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch {
    return false
  }
}

function descendants(): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      const siblings = children.get(parent)
      if (siblings) siblings.push(Number(name))
      else children.set(parent, [Number(name)])
    } catch {
      // It ended in between.
    }
  }
  const all: number[] = []
  const visit = (pid: number) => {
    for (const child of children.get(pid) ?? []) {
      all.push(child)
      visit(child)
    }
  }
  visit(process.pid)
  return all
}

function without(environ: Buffer, names: readonly string[]): Buffer {
  const entries = environ.toString('latin1').split('\0')
  const kept = entries.filter(entry => !names.some(name => entry.startsWith(`${name}=`)))
  return Buffer.from(kept.join('\0'), 'latin1')
}
