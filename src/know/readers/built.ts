import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoadedRules } from './secrets/load-rules.ts'

/** What a build computes ahead, since it takes longer than a small scan. */
export interface Built {
  /** Digest of the code that reads documents. */
  readonly code: string
  /** Digest of the built-in rules' files, and what they hold but for the examples. */
  readonly digest: string
  readonly rules: LoadedRules
}

/** Beside what was built; the sources have none. */
export const BUILT = 'built.json'

let known: { readonly built: Built | undefined } | undefined

/** What was built into the folder that the running code is in. */
export function built(): Built | undefined {
  known ??= { built: read() }
  return known.built
}

function read(): Built | undefined {
  try {
    return JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), BUILT), 'utf8')) as Built
  } catch {
    return undefined
  }
}
