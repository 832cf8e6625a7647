import { randomUUID, scrypt } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import type { Secret } from '../../../core/contract/secret.ts'
import { STRONG_BITS, strengthBits } from '../../../core/keys/strength.ts'
import { replaceFile } from '../replace-file.ts'
import { fileInTree, type Standing } from '../standing.ts'

const MOST_BYTES = 16 * 1024 * 1024
/** 32 MiB and some fifty milliseconds for each value, and for each guess at one. */
const COST = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }
const STRONG_MARK_BYTES = 8
const WEAK_MARK_BYTES = 1

const shape = z.strictObject({
  firebreak: z.literal('baseline'),
  version: z.literal(1),
  /** How marks are made: fixed, so that no file can ask for more work. */
  marks: z.literal('scrypt-32768-8-1'),
  /** Random; what the marks of this file are salted with, so that no table made for another one helps. */
  id: z.uuid(),
  entries: z.array(
    z.strictObject({
      rule: z.string().max(200),
      path: z.string().max(8192),
      mark: z.string().regex(/^(?:[0-9a-f]{2}|[0-9a-f]{16})$/),
    }),
  ),
})
type Entry = z.infer<typeof shape>['entries'][number]

/** A value that may be told from others: what only the machine makes, and what a person may have chosen. */
export interface Markable {
  readonly secret: Secret
  readonly preview: string | null
}

/**
 * The finds that a team knows of. One file for all machines, whatever their keys: an entry is a rule, a path relative to
 * the file, and a mark of the value salted with the file's own id. docs/stop-secrets.md says what a mark tells.
 */
export class Baseline {
  readonly #folder: string
  readonly #id: string
  readonly #entries: Map<string, Set<string>>
  readonly #hashes = new Map<string, Promise<string>>()

  constructor(file: string, id: string, entries: readonly Entry[]) {
    this.#folder = realPath(dirname(resolve(file)))
    this.#id = id
    this.#entries = new Map()
    for (const { rule, path, mark } of entries) {
      const marks = this.#entries.get(keyOf(rule, path))
      if (marks) marks.add(mark)
      else this.#entries.set(keyOf(rule, path), new Set([mark]))
    }
  }

  /** Raises INVALID_INPUT where the file is none of ours. */
  static async read(file: string): Promise<Baseline> {
    const { id, entries } = await parsed(file)
    return new Baseline(file, id, entries)
  }

  /** A new one with the id of the file that it replaces, so that what did not change stays as it is. */
  static async forWriting(file: string): Promise<Baseline> {
    const old = await parsed(file).catch((error: unknown) => {
      if (error instanceof FirebreakError && error.code === 'NOT_FOUND') return undefined
      throw error
    })
    return new Baseline(file, old?.id ?? randomUUID(), [])
  }

  /** Whether anything of this rule is known at this path: only then is the value asked for. */
  mayHold(copy: Standing & { readonly rule: string }): boolean {
    return this.#entries.has(this.#key(copy))
  }

  async holds(copy: Standing & { readonly rule: string }, value: Markable): Promise<boolean> {
    const marks = this.#entries.get(this.#key(copy))
    if (!marks) return false
    // A mark may be short although this value's would be long, and the other way round, after a change of the rules.
    const whole = await this.#hashOf(value)
    return [...marks].some(mark => whole.startsWith(mark))
  }

  async add(copy: Standing & { readonly rule: string }, value: Markable): Promise<void> {
    const mark = await this.#markOf(value)
    const marks = this.#entries.get(this.#key(copy))
    if (marks) marks.add(mark)
    else this.#entries.set(this.#key(copy), new Set([mark]))
  }

  get size(): number {
    return [...this.#entries.values()].reduce((sum, marks) => sum + marks.size, 0)
  }

  /** One entry on each line, in order, so that changes of it can be reviewed. */
  async write(file: string): Promise<void> {
    const entries = [...this.#entries].flatMap(([key, marks]) => {
      const [rule, path] = JSON.parse(key) as [string, string]
      return [...marks].map(mark => JSON.stringify({ rule, path, mark }))
    })
    const head = {
      firebreak: 'baseline',
      version: 1,
      marks: 'scrypt-32768-8-1',
      id: this.#id,
    }
    const members = Object.entries(head).map(
      ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`,
    )
    const lines = entries
      .sort()
      .map(entry => `    ${entry}`)
      .join(',\n')
    await replaceFile(file, `{\n${members.join('\n')}\n  "entries": [${lines ? `\n${lines}\n  ` : ''}]\n}\n`)
  }

  #key(copy: Standing & { readonly rule: string }): string {
    const from = relative(this.#folder, realPath(fileInTree(copy)))
      .split(sep)
      .join('/')
    return keyOf(copy.rule, copy.member === null ? from : `${from}!/${copy.member}`)
  }

  async #markOf(value: Markable): Promise<string> {
    // What a person chose could be guessed from a mark: one byte tells that it was changed, and fits one guess in 256.
    const isStrong = value.preview !== null && strengthBits(value.secret) >= STRONG_BITS
    return (await this.#hashOf(value)).slice(0, 2 * (isStrong ? STRONG_MARK_BYTES : WEAK_MARK_BYTES))
  }

  #hashOf({ secret }: Markable): Promise<string> {
    const known = Buffer.from(secret.reveal()).toString('base64')
    let hash = this.#hashes.get(known)
    if (!hash) {
      hash = slow(secret.reveal(), this.#id, STRONG_MARK_BYTES, COST).then(bytes => bytes.toString('hex'))
      this.#hashes.set(known, hash)
    }
    return hash
  }
}

const slow = promisify<Uint8Array, string, number, typeof COST, Buffer>(scrypt)

/** As far as it is there: the path of a file in a history may be gone. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent), basename(path))
  }
}

function keyOf(rule: string, path: string): string {
  return JSON.stringify([rule, path])
}

async function parsed(file: string): Promise<{ id: string; entries: Entry[] }> {
  let text: string
  try {
    const bytes = await readFile(file)
    if (bytes.length > MOST_BYTES) throw notOurs(file, 'it is larger than 16 MiB')
    text = bytes.toString('utf8')
  } catch (error) {
    if (error instanceof FirebreakError) throw error
    throw new FirebreakError(
      'NOT_FOUND',
      `the baseline ${file} cannot be read`,
      `firebreak scan . --write-baseline ${file} makes it`,
    )
  }
  try {
    return shape.parse(JSON.parse(text))
  } catch {
    throw notOurs(file, 'it is no baseline of Firebreak')
  }
}

function notOurs(file: string, why: string): FirebreakError {
  return new FirebreakError(
    'INVALID_INPUT',
    `${file}: ${why}`,
    'restore it, or write it anew under another name',
  )
}
