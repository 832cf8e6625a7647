import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { replaceFile } from '../replace-file.ts'
import { fileInTree, rootOf, type Standing } from '../standing.ts'
import { type Markable, Marks } from './marks.ts'

const MOST_BYTES = 16 * 1024 * 1024

const shape = z.strictObject({
  firebreak: z.literal('baseline'),
  version: z.literal([1, 2], { error: 'a later Firebreak wrote it' }),
  /** How marks are made: fixed for each version, so that no file can ask for more work. */
  marks: z.string(),
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

/** The rule that found a copy, and where. */
type Spot = Standing & { readonly rule: string }

/**
 * The finds that a team knows of. One file for all machines, whatever their keys: an entry is a rule, a path relative to
 * the file, and a mark of the value salted with the file's own id. docs/stop-secrets.md says what a mark tells.
 */
export class Baseline {
  readonly marks: Marks
  readonly #folder: string
  readonly #roots = new Map<string, string>()
  readonly #entries = new Map<string, Set<string>>()

  constructor(file: string, marks: Marks, entries: readonly Entry[] = []) {
    this.#folder = realPath(dirname(resolve(file)))
    this.marks = marks
    for (const { rule, path, mark } of entries) this.#insert(keyOf(rule, path), mark)
  }

  /** Raises INVALID_INPUT where the file is none of ours. */
  static async read(file: string): Promise<Baseline> {
    const { marks, entries } = await parsed(file)
    return new Baseline(file, marks, entries)
  }

  /**
   * A new one with the id of the file that it replaces, so that what did not change stays as it is. Its version stays as
   * well: the history has the old marks, and a second one of a password, made another way, would tell twice as much.
   */
  static async forWriting(file: string): Promise<Baseline> {
    const old = await parsed(file).catch((error: unknown) => {
      if (error instanceof FirebreakError && error.code === 'NOT_FOUND') return undefined
      throw error
    })
    return new Baseline(file, old?.marks ?? new Marks(randomUUID()))
  }

  /** Whether anything of this rule is known at this path: only then is the value asked for. */
  mayHold(spot: Spot): boolean {
    return this.#entries.has(this.#key(spot))
  }

  /** `mark` is what `marks` makes of the value; the value itself is seldom needed. */
  async holds(spot: Spot, mark: string, value: () => Promise<Markable | undefined>): Promise<boolean> {
    const known = this.#entries.get(this.#key(spot))
    if (!known) return false
    if (known.has(mark)) return true
    // After a change of the rules, a value's mark may be of another form than the one that was written.
    const others = [...known].filter(other => other.length !== mark.length)
    const again = others.length > 0 ? await value() : undefined
    return again !== undefined && (await this.marks.fits(again, others))
  }

  add(spot: Spot, mark: string): void {
    this.#insert(this.#key(spot), mark)
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
    const { version, method, id } = this.marks
    const head = { firebreak: 'baseline', version, marks: method, id }
    const members = Object.entries(head).map(
      ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`,
    )
    const lines = entries
      .sort()
      .map(entry => `    ${entry}`)
      .join(',\n')
    await replaceFile(file, `{\n${members.join('\n')}\n  "entries": [${lines ? `\n${lines}\n  ` : ''}]\n}\n`)
  }

  #realRoot(root: string): string {
    const known = this.#roots.get(root) ?? realPath(root)
    this.#roots.set(root, known)
    return known
  }

  #insert(key: string, mark: string): void {
    const marks = this.#entries.get(key)
    if (marks) marks.add(mark)
    else this.#entries.set(key, new Set([mark]))
  }

  #key(spot: Spot): string {
    const [root, file] = [rootOf(spot), fileInTree(spot)]
    // Only what the source was given by: a file of its history may be a symbolic link now, to somewhere else.
    const real = file.startsWith(root) ? `${this.#realRoot(root)}${file.slice(root.length)}` : realPath(file)
    const from = relative(this.#folder, real).split(sep).join('/')
    return keyOf(spot.rule, spot.member === null ? from : `${from}!/${spot.member}`)
  }
}

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

async function parsed(file: string): Promise<{ marks: Marks; entries: Entry[] }> {
  let text: string
  try {
    const found = await stat(file)
    // What a stranger's change brings may be a link to what never ends.
    if (!found.isFile()) throw notOurs(file, 'it is no file')
    if (found.size > MOST_BYTES) throw notOurs(file, 'it is larger than 16 MiB')
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof FirebreakError) throw error
    throw new FirebreakError(
      'NOT_FOUND',
      `the baseline ${file} cannot be read`,
      `firebreak scan . --write-baseline ${file} makes it`,
    )
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw notOurs(file, 'it is no JSON')
  }
  if (!z.looseObject({ firebreak: z.literal('baseline') }).safeParse(content).success)
    throw notOurs(file, 'it is no baseline of Firebreak')
  const { data, error } = shape.safeParse(content)
  if (!data) {
    const [issue] = error.issues
    throw notOurs(file, `${issue?.path.join('.')}: ${issue?.message}`)
  }
  const marks = new Marks(data.id, data.version)
  if (marks.method !== data.marks)
    throw notOurs(file, `marks: ${marks.method} is how version ${data.version} makes them`)
  return { marks, entries: data.entries }
}

function notOurs(file: string, why: string): FirebreakError {
  return new FirebreakError(
    'INVALID_INPUT',
    `${file}: ${why}`,
    'restore it, or write it anew under another name',
  )
}
