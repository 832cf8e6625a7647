import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deserialize } from 'node:v8'
import type { Dictionary } from './secrets/prefilter/literals.ts'
import type { LoadedRules } from './secrets/rules/load-rules.ts'

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
/** Serialized by `node:v8`: it is a megabyte of tables. */
export const BUILT_DICTIONARY = 'dictionary.bin'

let known: { readonly built: Built | undefined } | undefined

/** What was built into the folder that the running code is in. */
export function built(): Built | undefined {
  known ??= { built: read() }
  return known.built
}

function read(): Built | undefined {
  try {
    return JSON.parse(beside(BUILT).toString('utf8')) as Built
  } catch {
    return undefined
  }
}

/** That of the built rules. */
export function builtDictionary(): Dictionary | undefined {
  try {
    return deserialize(beside(BUILT_DICTIONARY)) as Dictionary
  } catch {
    return undefined
  }
}

function beside(name: string): Buffer {
  return readFileSync(join(dirname(fileURLToPath(import.meta.url)), name))
}
