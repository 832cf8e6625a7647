import { readdir, realpath, stat, symlink, writeFile } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { Change, ChangedPlace, ChangeRange } from '../../core/contract/change.ts'
import type { Document } from '../../core/contract/document.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { pathText } from '../../core/contract/path-text.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { repositoryInstance, repositoryRef } from './connector.ts'
import { isPartial, SUBMODULE_ELSEWHERE, withoutUserInfo } from './discovery.ts'
import { objectDocument } from './documents.ts'
import { headCommit, readBytes, readRefs, readSmall, type Refs } from './git-directory.ts'
import { GitFailure } from './git-failure.ts'
import { gitRecords, runGit } from './git-process.ts'
import { AUTHOR, commitOf, EMPTY_TREE, oldestRoot } from './history.ts'
import { readObjects } from './object-reader.ts'
import { openRepository, type Repository } from './repository.ts'
import { COMMIT_MESSAGE } from './survey.ts'

const ABSENT = /^0+$/
const SUBMODULE = '160000'
const COMMIT_MARK = 2
const LEFT_BEHIND =
  'the clone is partial, and this was left at its remote ("git fetch --refetch --no-filter" brings all)'
/** Renames are followed, so that a file that is only moved is compared with what it was. */
const RAW = ['-r', '--raw', '-z', '--no-abbrev', '-M', '-l1000', '--no-ext-diff', '--no-textconv']

/**
 * What is staged, or what the commits after another one brought, read through a git that runs nothing of the repository.
 * `indexFile` is the index that git itself names in GIT_INDEX_FILE while it commits: `git commit FILE` makes one of its
 * own. Raises INVALID_INPUT for a name of no commit.
 */
export async function openChange(
  path: string,
  range: ChangeRange,
  io: Io,
  indexFile?: string,
): Promise<Change> {
  const repository = await openRepository(path, io.signal)
  try {
    const own = await ownDirectory(repository)
    const refs = await readRefs(repository)
    const head = headCommit((await readBytes(join(own, 'HEAD'))) ?? Buffer.alloc(0), refs)
    // Everything would be new, or nothing.
    if (head === undefined && refs.gaps.length > 0)
      throw new FirebreakError(
        'UNSUPPORTED',
        `what ${path} has committed is not known: ${refs.gaps.join('; ')}`,
        '"git refs migrate --ref-format=files" keeps them in files (Git 2.46 and later)',
      )
    const root = await oldestRoot(repository, refs).catch(() => undefined)
    const container = repositoryRef(repositoryInstance(root, repository.path))
    const changing = new Changing(repository, container, range.within)
    if ('staged' in range) await changing.staged(head, own, indexFile)
    else await changing.since(range.since, head, refs)
    return changing
  } catch (error) {
    await repository.close()
    if (!(error instanceof GitFailure)) throw error
    throw new FirebreakError(
      'UNREACHABLE',
      `${path} cannot be read (${error.message})`,
      'Run "git fsck --full" in a copy of it, and restore the damaged files from a clone or a backup.',
    )
  }
}

class Changing implements Change {
  readonly root: string
  readonly origin: string | undefined
  readonly places = new Map<string, ChangedPlace[]>()
  readonly gaps: { what: string; why: string; failed: boolean }[] = []
  scope = ''
  revision: string | undefined
  readonly #repository: Repository
  readonly #container: Ref
  readonly #within: readonly string[] | undefined

  constructor(repository: Repository, container: Ref, within: readonly string[] | undefined) {
    this.#repository = repository
    this.#container = container
    this.#within = within
    this.root = repository.path
    const url = repository.settings.get('remote.origin.url')?.at(-1)
    this.origin = url === undefined ? undefined : withoutUserInfo(url)
  }

  async staged(head: string | undefined, own: string, indexFile: string | undefined): Promise<void> {
    this.scope = `git:${this.root} what is staged${this.#where()}`
    this.revision = head
    const index = await indexOf(own, this.#repository.common, indexFile)
    if (index === undefined) return
    await lendSharedIndex(own, this.#repository.home.shadow)
    await this.#stagedAfter(head ?? EMPTY_TREE[this.#repository.hashName], index)
    // What a merge only brings together is told by the commits that it brings.
    for (const merged of await mergedHeads(own)) {
      const other = new Changing(this.#repository, this.#container, this.#within)
      await other.#stagedAfter(merged, index)
      for (const [id, places] of this.places) {
        const changed = places.flatMap(place => {
          const same = other.places.get(id)?.find(({ path }) => path === place.path)
          return same ? [{ ...place, before: [...place.before, ...same.before] }] : []
        })
        if (changed.length > 0) this.places.set(id, changed)
        else this.places.delete(id)
      }
    }
  }

  async #stagedAfter(tree: string, index: string): Promise<void> {
    const args = ['diff-index', '--cached', ...RAW, tree]
    const environment = { GIT_INDEX_FILE: index }
    const fields: Buffer[] = []
    for await (const records of gitRecords(this.#repository.home, args, { delimiter: 0, environment }))
      fields.push(...records)
    for (let at = 0; at < fields.length; ) at += this.#change(fields, at, {})
  }

  async since(name: string, head: string | undefined, refs: Refs): Promise<void> {
    const { home } = this.#repository
    await lendRefs(home.shadow, head, refs)
    if (refs.shallow.length > 0) await writeFile(join(home.shadow, 'shallow'), `${refs.shallow.join('\n')}\n`)
    const from = await runGit(home, [
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${name}^{commit}`,
    ])
    const id = from.text.trim()
    if (!from.ok || !/^[0-9a-f]{40,64}$/.test(id))
      throw new FirebreakError(
        'INVALID_INPUT',
        `${this.root} has no commit that is called ${name}`,
        'give a branch, tag or commit; in a shallow clone fetch it first ("git fetch --unshallow", or fetch-depth: 0)',
      )
    this.scope = `git:${this.root} the commits after ${name}${this.#where()}`
    this.revision = head
    if (head === undefined) return
    if (refs.shallow.length > 0)
      this.gaps.push({
        what: `git:${this.root}`,
        why: 'the clone is shallow: commits may be missing',
        failed: false,
      })
    const format = `--format=%x02%H%x00${AUTHOR}`
    const compare = ['diff-tree', '--stdin', '-c', '--root', '--always', '--encoding=UTF-8', ...RAW, format]
    const commits = this.#commits(['rev-list', '--reverse', head, `^${id}`])
    let commit: ReturnType<typeof commitOf> | undefined
    const said = new Set<string>()
    const fields: Buffer[] = []
    for await (const records of gitRecords(home, compare, { delimiter: 0, input: commits })) {
      fields.push(...records)
      let at = 0
      // A commit has four fields and a change three at most: what is cut off waits for the rest.
      while (fields.length - at >= 4) {
        const start = fields[at]![0] === 10 ? 1 : 0
        if (fields[at]![start] !== COMMIT_MARK) {
          at += this.#change(fields, at, commit ? placeOf(commit) : {}, said)
          continue
        }
        commit = commitOf(
          fields[at]!.toString('latin1', start + 1),
          fields[at + 1]!,
          fields[at + 2]!,
          fields[at + 3]!,
        )
        // What is said of a commit lies in no folder.
        if (!this.#within)
          this.#place(`git:${commit.id}`, { path: COMMIT_MESSAGE, before: [], ...placeOf(commit) })
        at += 4
      }
      fields.splice(0, at)
    }
    for (let at = 0; at < fields.length; ) at += this.#change(fields, at, commit ? placeOf(commit) : {}, said)
  }

  async *#commits(args: readonly string[]): AsyncGenerator<string, void> {
    for await (const lines of gitRecords(this.#repository.home, args, { delimiter: 10 }))
      yield lines.map(line => `${line.toString('latin1')}\n`).join('')
  }

  /** One change: `:modes ids status`, a path, and for a rename the new path. Gives how many fields it took. */
  #change(
    fields: readonly Buffer[],
    at: number,
    commit: Omit<ChangedPlace, 'path' | 'before'>,
    said = new Set<string>(),
  ): number {
    const raw = fields[at]!.toString('latin1').replace(/^\n/, '')
    const parents = raw.search(/[^:]/)
    if (parents < 1) return 1
    const parts = raw.slice(parents).split(' ')
    const [mode, id] = [parts[parents], parts[2 * parents + 1]]
    const status = parts[2 * parents + 2] ?? ''
    const renamed = parents === 1 && /^[RC]/.test(status)
    const path = fields[at + (renamed ? 2 : 1)]
    const taken = renamed ? 3 : 2
    if (!path || id === undefined || ABSENT.test(id) || !this.#isWithin(pathText(path))) return taken
    if (mode === SUBMODULE) {
      this.#elsewhere(`submodule ${pathText(path)}`, SUBMODULE_ELSEWHERE)
      return taken
    }
    const before = parts.slice(parents + 1, 2 * parents + 1).filter((old, index) => {
      return !ABSENT.test(old) && parts[index] !== SUBMODULE
    })
    const place = { path: pathText(path), before: before.map(old => `git:${old}`), ...commit }
    const key = `${id} ${place.path}`
    if (!said.has(key)) this.#place(`git:${id}`, place)
    if (commit.commit !== undefined) said.add(key)
    return taken
  }

  #isWithin(path: string): boolean {
    return this.#within?.some(one => path === one || path.startsWith(`${one}/`)) ?? true
  }

  #where(): string {
    return this.#within ? ` in ${this.#within.join(', ')}` : ''
  }

  /** Several commits may move a submodule. */
  #elsewhere(scope: string, why: string): void {
    const what = `git:${this.root} ${scope}`
    if (this.gaps.every(gap => gap.what !== what)) this.gaps.push({ what, why, failed: false })
  }

  #place(id: string, place: ChangedPlace): void {
    const known = this.places.get(id)
    if (known) known.push(place)
    else this.places.set(id, [place])
  }

  async *documents(ids: Iterable<string>): AsyncGenerator<Document, void> {
    const objects = Array.from(ids, id => id.replace(/^git:/, ''))
    if (objects.length === 0) return
    const batches = (async function* () {
      yield objects
    })()
    const lost = (id: string, what: string) => {
      const path = this.places.get(`git:${id}`)?.[0]?.path
      // Nothing is fetched for a scan.
      const why = isPartial(this.#repository) ? LEFT_BEHIND : what
      this.gaps.push({ what: `git:${this.root}/${path ?? id}`, why, failed: true })
    }
    for await (const object of readObjects(this.#repository.home, batches, lost)) {
      const path = this.places.get(`git:${object.id}`)?.[0]?.path ?? ''
      yield objectDocument({ in: this.#container }, object, path, '')
    }
  }

  close(): Promise<void> {
    return this.#repository.close()
  }
}

function placeOf({ id, author, at }: ReturnType<typeof commitOf>): Omit<ChangedPlace, 'path' | 'before'> {
  return { commit: id, author, ...(at !== undefined && { at }) }
}

/** The checkout's own part of the repository: a linked worktree has its own HEAD and index. */
async function ownDirectory({ path, common }: Repository): Promise<string> {
  const dotGit = join(path, '.git')
  const found = await stat(dotGit).catch(() => undefined)
  if (!found?.isFile()) return found ? dotGit : common
  const pointer = /^gitdir: (.+?)\s*$/.exec((await readSmall(dotGit)) ?? '')
  return pointer ? resolve(path, pointer[1]!) : common
}

/** The commits that the next one merges into `HEAD`. */
async function mergedHeads(own: string): Promise<string[]> {
  const lines = ((await readSmall(join(own, 'MERGE_HEAD'))) ?? '').split('\n')
  return lines.filter(line => /^[0-9a-f]{40,64}$/.test(line))
}

/** The index that git names, if it is one of this repository; else the checkout's. Nothing where there is none yet. */
async function indexOf(own: string, common: string, named: string | undefined): Promise<string | undefined> {
  for (const file of [...(named ? [resolve(named)] : []), join(own, 'index')]) {
    const real = await realpath(file).catch(() => undefined)
    const isOwn = real?.startsWith(common + sep) || real?.startsWith((await realpath(own)) + sep)
    if (real && isOwn && (await stat(real)).isFile()) return real
  }
  return undefined
}

/** An index may keep most of its entries in a second file, which git looks for in its own directory. */
async function lendSharedIndex(own: string, shadow: string): Promise<void> {
  for (const name of await readdir(own).catch(() => []))
    if (/^sharedindex\.[0-9a-f]+$/.test(name))
      await symlink(join(own, name), join(shadow, name)).catch(() => {})
}

/** So that git understands `main~3` as the user does, in an empty repository of our own. */
async function lendRefs(shadow: string, head: string | undefined, refs: Refs): Promise<void> {
  const named = [...refs.all].filter(([name]) => /^refs\/[^\s\\^~:?*[]+$/.test(name) && !name.includes('..'))
  const sorted = named.sort(([a], [b]) => (a < b ? -1 : 1))
  await writeFile(join(shadow, 'packed-refs'), sorted.map(([name, id]) => `${id} ${name}\n`).join(''))
  if (head !== undefined) await writeFile(join(shadow, 'HEAD'), `${head}\n`)
}
