import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ms } from '../../core/contract/ref.ts'
import { refCommit, type Refs } from './git-directory.ts'
import { GitFailure } from './git-failure.ts'
import { gitRecords } from './git-process.ts'
import { readObjects } from './object-reader.ts'
import type { Repository } from './repository.ts'
import { Requests } from './requests.ts'

export const EMPTY_TREE = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
}
/** Git knows it without an object, as of a file that is only intended to be added. */
export const EMPTY_BLOB = {
  sha1: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
  sha256: '473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813',
}
export const AUTHOR = '%an%x00%ae%x00%at'
const COMMIT_MARK = 2 // the byte that starts a commit in the format below
const COLON = 0x3a
const MODE = '100644 '
const RAW = ['-r', '--raw', '-z', '--no-abbrev', '--no-renames', '--no-ext-diff', '--no-textconv']

export interface Commit {
  readonly id: string
  /** `name <email>`, as UTF-8. */
  readonly author: string
  /** When the author wrote it; rebasing keeps this. */
  readonly at: Ms | undefined
}

/**
 * What is learnt while walking. `hex` is git's output, which has a blob's id from `at` on; what is put somewhere
 * belongs to the commit that was told last.
 */
export interface Walker {
  commit(hex: Uint8Array, author: string, at: Ms | undefined): void
  introduce(hex: Uint8Array, at: number, path: Uint8Array, isSubmodule: boolean): void
  problem(what: string): void
}

export type Put = (hex: Uint8Array, at: number, path: Uint8Array) => void

/** Where every walk over the history must stop so as not to fail. */
export interface Limits {
  /** Commits whose parents are lost: the history before them cannot be told. */
  readonly cut: readonly string[]
  readonly unreadable: ReadonlySet<string>
}

export const NO_LIMITS: Limits = { cut: [], unreadable: new Set() }

/** Tells git where history ends: at the shallow boundary, and at `cut`. */
export async function endHistoryAt(
  repository: Repository,
  refs: Refs,
  cut: readonly string[],
): Promise<void> {
  const ids = [...refs.shallow, ...cut]
  const file = join(repository.home.shadow, 'shallow')
  if (ids.length === 0) await rm(file, { force: true })
  else await writeFile(file, `${ids.join('\n')}\n`)
}

/** Finds the commits with lost parents, at which every walk would stop with an error, and ends history there. */
export async function limitHistory(
  repository: Repository,
  refs: Refs,
  commits: AsyncIterable<readonly string[]>,
): Promise<Limits> {
  const unreadable = new Set<string>()
  const parents = new Map<string, string[]>()
  const lost = (id: string) => unreadable.add(id)
  for await (const commit of readObjects(repository.home, commits, lost)) {
    const text = commit.whole?.toString('latin1') ?? ''
    const header = text.slice(0, text.indexOf('\n\n'))
    parents.set(
      commit.id,
      Array.from(header.matchAll(/^parent ([0-9a-f]+)$/gm), match => match[1]!),
    )
  }
  const shallow = new Set(refs.shallow)
  const cut = [...parents].filter(([id, ids]) => !shallow.has(id) && ids.some(parent => !parents.has(parent)))
  const ids = cut.map(([id]) => id)
  await endHistoryAt(repository, refs, ids)
  return { cut: ids, unreadable }
}

/** Each of the commits, parents before children, otherwise by date. Raises where their parents are lost. */
export async function orderCommits(
  repository: Repository,
  commits: AsyncIterable<readonly string[]>,
  next: (hex: Uint8Array) => void,
): Promise<void> {
  const args = ['rev-list', '--date-order', '--reverse', '--stdin']
  const input = asLines(commits)
  for await (const lines of gitRecords(repository.home, args, { delimiter: 10, input })) lines.forEach(next)
}

async function* asLines(batches: AsyncIterable<readonly string[]>): AsyncGenerator<string, void> {
  for await (const ids of batches) if (ids.length > 0) yield `${ids.join('\n')}\n`
}

/** The oldest commit that no other one precedes: the same in every full clone, whatever branches are added. */
export async function oldestRoot(repository: Repository, refs: Refs): Promise<string | undefined> {
  const named = [...refs.all].filter(([name]) => /^refs\/(?:heads|remotes|tags)\/|HEAD$/.test(name))
  if (named.length === 0) return undefined
  const args = ['rev-list', '--max-parents=0', '--ignore-missing', '--timestamp', '--stdin']
  const input = asLines(one(named.map(([, id]) => id)))
  const roots: { at: number; id: string }[] = []
  for await (const lines of gitRecords(repository.home, args, { delimiter: 10, input })) {
    for (const line of lines) {
      const [at, id] = line.toString('latin1').split(' ')
      roots.push({ at: Number(at), id: id! })
    }
  }
  roots.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  return roots[0]?.id
}

async function* one<T>(value: T): AsyncGenerator<T, void> {
  yield value
}

/**
 * The commits, with the blobs that each put at a path where none of its parents has them: for a merge, what the merge
 * itself made.
 */
export async function walkHistory(
  repository: Repository,
  commits: AsyncIterable<readonly string[]>,
  walker: Walker,
): Promise<void> {
  const format = `--format=%x02%H%x00${AUTHOR}`
  const args = ['diff-tree', '--stdin', '-c', '--root', '--always', '--encoding=UTF-8', ...RAW, format]
  const requests = new Requests(repository.home, args, commits)
  let isKnown = false // whether what comes belongs to a commit that was told
  try {
    for (;;) {
      const record = requests.out.buffered(0) ?? (await requests.out.record(0))
      if (!record) {
        const [id, complaint] = [requests.current(), requests.complaint]
        const end = await requests.ended()
        if (end === 'done') return
        walker.problem(`what commit ${id} changed cannot be told (${complaint})`)
        if (end === 'given up') return
        isKnown = false
        if (id) await walkWhole(repository, id, walker)
        continue
      }
      const start = record[0] === 10 ? 1 : 0 // git separates the message from the changes with a line end
      if (record[start] === COMMIT_MARK) {
        const id = record.subarray(start + 1)
        const text = id.toString('latin1')
        while (requests.current() !== text) {
          walker.problem(`what commit ${requests.current()} changed cannot be told`)
          requests.answered()
        }
        requests.answered()
        const { author, at } = commitOf(
          text,
          await next(requests),
          await next(requests),
          await next(requests),
        )
        walker.commit(id, author, at)
        isKnown = true
      } else if (record[start] === COLON) {
        const change = changeIn(record, start, repository)
        const path = requests.out.buffered(0) ?? (await next(requests))
        if (change && isKnown) walker.introduce(record, change.blobAt, path, change.isSubmodule)
      }
    }
  } finally {
    await requests.close()
  }
}

export function commitOf(id: string, name: Buffer, email: Buffer, at: Buffer): Commit {
  const ms = Number(at.toString('latin1').trim() || Number.NaN) * 1000
  const author = `${name.toString('utf8')} <${email.toString('utf8')}>`
  return { id, author, at: Number.isSafeInteger(ms) ? ms : undefined }
}

/** All files of a commit that cannot be compared with its parents, whose trees are damaged: as if it had none. */
async function walkWhole(repository: Repository, id: string, walker: Walker): Promise<void> {
  try {
    const show = ['log', '--no-walk', '--no-patch', '--encoding=UTF-8', `--format=${AUTHOR}%x00`, id]
    const fields: Buffer[] = []
    for await (const records of gitRecords(repository.home, show, { delimiter: 0 })) fields.push(...records)
    const { author, at } = commitOf(id, fields[0]!, fields[1]!, fields[2]!)
    walker.commit(Buffer.from(id, 'latin1'), author, at)
    const list = ['ls-tree', '-r', '-z', '--full-tree', id]
    for await (const records of gitRecords(repository.home, list, { delimiter: 0 })) {
      for (const record of records) {
        const tab = record.indexOf(9)
        const [mode, type] = record.toString('latin1', 0, tab).split(' ') as [string, string]
        const blobAt = mode.length + type.length + 2
        walker.introduce(record, blobAt, record.subarray(tab + 1), type === 'commit')
      }
    }
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error // its own tree is damaged, too: that has been stated
  }
}

async function next(requests: Requests): Promise<Buffer> {
  return requests.out.buffered(0) ?? (await requests.out.record(0)) ?? Buffer.alloc(0)
}

/**
 * Where in `:100644 100644 <old> <new> M` the new blob's id is; for a merge with n parents there are n colons, n + 1 modes
 * and n + 1 ids. Nothing where a file was taken away.
 */
function changeIn(
  record: Buffer,
  start: number,
  { hashName }: Pick<Repository, 'hashName'>,
): { blobAt: number; isSubmodule: boolean } | undefined {
  let parents = 0
  while (record[start + parents] === COLON) parents++
  const modeAt = start + parents + parents * MODE.length
  const mode = record.toString('latin1', modeAt, modeAt + MODE.length - 1)
  if (mode === '000000') return undefined
  const idLength = EMPTY_TREE[hashName].length + 1
  return { blobAt: modeAt + MODE.length + parents * idLength, isSubmodule: mode === '160000' }
}

/** What stands at the tip of a branch: `put` gets every blob and path there, each branch's own only. */
export async function walkTips(
  repository: Repository,
  refs: Refs,
  put: Put,
  problem: (what: string) => void,
): Promise<void> {
  const trees = new Set<string>()
  const head = refCommit('HEAD', refs)
  const tips = [...new Set([...(head ? [head] : []), ...refs.tips])]
  for await (const [tip, tree] of treesOf(repository, tips))
    if (tree) trees.add(tree)
    else problem(`the tip ${tip} of a branch cannot be read`)
  // Each is compared with the first, so that branches cost what they differ in.
  const [first, ...others] = trees
  if (!first) return
  const pairs = [`${EMPTY_TREE[repository.hashName]} ${first}`, ...others.map(tree => `${first} ${tree}`)]
  const requests = new Requests(repository.home, ['diff-tree', '--stdin', ...RAW], one(pairs))
  try {
    for (;;) {
      const record = requests.out.buffered(0) ?? (await requests.out.record(0))
      if (!record) {
        const complaint = requests.complaint
        const end = await requests.ended()
        if (end === 'done') return
        problem(`the files at the tip of a branch cannot all be told (${complaint})`)
        if (end === 'given up') return
        continue
      }
      // The pair itself comes first, ended by a line end; the changes follow it.
      for (let end = record.indexOf(10); end >= 0; end = record.indexOf(10, end + 1)) requests.answered()
      const change = changeIn(record, record.lastIndexOf(10) + 1, repository)
      const path = requests.out.buffered(0) ?? (await next(requests))
      if (change && !change.isSubmodule) put(record, change.blobAt, path)
    }
  } finally {
    await requests.close()
  }
}

/** The tree of each commit; nothing where the commit is damaged or missing. */
async function* treesOf(
  repository: Repository,
  commits: readonly string[],
): AsyncGenerator<[commit: string, tree: string | undefined], void> {
  const questions = one(commits.map(id => `${id}^{tree}`))
  const requests = new Requests(repository.home, ['cat-file', '--batch-check=%(objectname)'], questions)
  try {
    for (;;) {
      const answer = (await requests.out.record(10))?.toString('latin1')
      const commit = requests.current()?.replace('^{tree}', '')
      if (answer !== undefined && commit !== undefined) {
        requests.answered()
        yield [commit, /^[0-9a-f]+$/.test(answer) ? answer : undefined]
        continue
      }
      const end = await requests.ended()
      if (commit !== undefined) yield [commit, undefined]
      if (end !== 'restarted') return
    }
  } finally {
    await requests.close()
  }
}

/** The index: what was staged but perhaps never committed. */
export async function walkIndex(repository: Repository, index: string, put: Put): Promise<void> {
  const options = { delimiter: 0, environment: { GIT_INDEX_FILE: index } }
  for await (const records of gitRecords(repository.home, ['ls-files', '--stage', '-z'], options)) {
    for (const record of records) {
      const tab = record.indexOf(9)
      if (record.toString('latin1', 0, MODE.length) !== '160000 ')
        put(record, MODE.length, record.subarray(tab + 1))
    }
  }
}
