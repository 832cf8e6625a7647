import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoadedRules } from './secrets/load-rules.ts'

/** What a build computes ahead, since it takes longer than a small scan. */
export interface Built {
  /** Digest of the code that reads documents. */
  readonly code: string
  /** The names of the built-in rules' files, their digest, and what they hold but for the examples. */
  readonly names: readonly string[]
  readonly digest: string
  readonly rules: LoadedRules
}

/** Beside what was built; the sources have none. */
export const BUILT = 'built.json'

const HERE = dirname(fileURLToPath(import.meta.url))
const known = new Map<string, Built | undefined>()

/** What was built into the folder that the running code is in. */
export function built(folder = HERE): Built | undefined {
  if (!known.has(folder)) known.set(folder, read(join(folder, BUILT)))
  return known.get(folder)
}

function read(file: string): Built | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Built
  } catch {
    return undefined
  }
}

/** The same where it is of these rules, and none of them was changed since. */
export function builtOf(rulesDirectory: string, folder = HERE): Built | undefined {
  const found = built(folder)
  if (!found || resolve(rulesDirectory) !== resolve(folder, '..', 'rules')) return undefined
  const secrets = join(rulesDirectory, 'secrets')
  const names = ruleFiles(secrets)
  if (names.length !== found.names.length || names.some((name, at) => name !== found.names[at]))
    return undefined
  const { mtimeMs } = statSync(join(folder, BUILT))
  return names.every(name => statSync(join(secrets, name)).mtimeMs <= mtimeMs) ? found : undefined
}

/** The files of a folder of rules, in the order in which they are read. */
export function ruleFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .sort()
}
