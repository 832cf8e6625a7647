import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ms } from '../../core/contract/ref.ts'
import type { Refs } from './git-directory.ts'
import { GitFailure, gitRecords } from './git-process.ts'
import { readObjects } from './object-reader.ts'
import { pathText } from '../../core/contract/path-text.ts'
import { listObjects, type Repository } from './repository.ts'
import { Requests } from './requests.ts'

export const EMPTY_TREE = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
}
export const AUTHOR = '%an%x00%ae%x00%at'
const COMMIT_MARK = 2 // the byte that starts a commit in the format below
const RAW = ['-r', '--raw', '-z', '--no-abbrev', '--no-renames', '--no-ext-diff', '--no-textconv']

export interface Commit {
  readonly id: string
  /** `name <email>`, as UTF-8. */
  readonly author: string
  /** When the author wrote it; rebasing keeps this. */
  readonly at: Ms | undefined
}

/** A blob put at a path by a commit. `submodule` is a commit of another repository instead of a blob. */
export interface Introduction {
  readonly commit: Commit
  readonly blob: string
  readonly path: string
  readonly submodule: boolean
}

/** Where every walk over the history must stop so as not to fail. */
export interface Limits {
  /** Commits whose parents are lost: the history before them cannot be told. */
  readonly cut: readonly string[]
  readonly unreadable: ReadonlySet<string>
}

/**
 * Tells git where history ends: at the shallow boundary, and at commits with lost parents, at which every walk
 * would otherwise stop with an error.
 */
export async function limitHistory(repository: Repository, refs: Refs): Promise<Limits> {
  const file = join(repository.home.shadow, 'shallow')
  const write = (ids: readonly string[]) =>
    ids.length === 0 ? rm(file, { force: true }) : writeFile(file, `${ids.join('\n')}\n`)
  await write(refs.shallow)
  const whole: Limits = { cut: [], unreadable: new Set() }
  if (await canWalk(repository, whole)) return whole

  const unreadable = new Set<string>()
  const parents = new Map<string, string[]>()
  const lost = (id: string) => unreadable.add(id)
  for await (const commit of readObjects(repository.home, commitIds(repository, whole), lost)) {
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
  await write([...refs.shallow, ...ids])
  return { cut: ids, unreadable }
}

async function canWalk(repository: Repository, limits: Limits): Promise<boolean> {
  try {
    for await (const _ of orderedCommits(repository, limits));
    return true
  } catch (error) {
    if (error instanceof GitFailure) return false
    throw error
  }
}

async function* commitIds(repository: Repository, limits: Limits): AsyncGenerator<string[], void> {
  for await (const objects of listObjects(repository)) {
    yield objects
      .filter(({ id, type }) => type === 'commit' && !limits.unreadable.has(id))
      .map(({ id }) => id)
  }
}

/** Every commit there is, reachable or not, parents before children, otherwise by date. */
async function* orderedCommits(repository: Repository, limits: Limits): AsyncGenerator<string[], void> {
  const args = ['rev-list', '--date-order', '--reverse', '--stdin']
  const input = asLines(commitIds(repository, limits))
  for await (const lines of gitRecords(repository.home, args, { delimiter: 10, input })) {
    yield lines.map(line => line.toString('latin1'))
  }
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
 * Every commit, with the blobs that it put at a path where none of its parents has them: for a merge, what the
 * merge itself made. Oldest first, so that the first introduction of a blob at a path is the oldest one.
 */
export async function* walkHistory(
  repository: Repository,
  limits: Limits,
  problem: (what: string) => void,
): AsyncGenerator<{ commit: Commit } | Introduction, void> {
  const format = `--format=%x02%H%x00${AUTHOR}`
  const args = ['diff-tree', '--stdin', '-c', '--root', '--always', '--encoding=UTF-8', ...RAW, format]
  const requests = new Requests(repository.home, args, orderedCommits(repository, limits))
  let commit: Commit | undefined
  try {
    for (;;) {
      const record = requests.out.buffered(0) ?? (await requests.out.record(0))
      if (!record) {
        const [id, complaint] = [requests.current(), requests.complaint]
        const end = await requests.ended()
        if (end === 'done') return
        problem(`what commit ${id} changed cannot be told (${complaint})`)
        if (end === 'given up') return
        commit = undefined
        if (id) yield* wholeCommit(repository, id)
        continue
      }
      const start = record[0] === 10 ? 1 : 0 // git separates the message from the changes with a line end
      if (record[start] === COMMIT_MARK) {
        const id = record.toString('latin1', start + 1)
        while (requests.current() !== id) {
          problem(`what commit ${requests.current()} changed cannot be told`)
          requests.answered()
        }
        requests.answered()
        commit = commitOf(id, await next(requests), await next(requests), await next(requests))
        yield { commit }
      } else if (record[start] === 0x3a) {
        const raw = record.toString('latin1', start)
        const path = await next(requests)
        const change = commit && parseRaw(raw)
        if (change) yield { commit: commit!, path: pathText(path), ...change }
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
async function* wholeCommit(
  repository: Repository,
  id: string,
): AsyncGenerator<{ commit: Commit } | Introduction, void> {
  try {
    const show = ['log', '--no-walk', '--no-patch', '--encoding=UTF-8', `--format=${AUTHOR}%x00`, id]
    const fields: Buffer[] = []
    for await (const records of gitRecords(repository.home, show, { delimiter: 0 })) fields.push(...records)
    const commit = commitOf(id, fields[0]!, fields[1]!, fields[2]!)
    yield { commit }
    const list = ['ls-tree', '-r', '-z', '--full-tree', id]
    for await (const records of gitRecords(repository.home, list, { delimiter: 0 })) {
      for (const record of records) {
        const tab = record.indexOf(9)
        const [, type, blob] = record.toString('latin1', 0, tab).split(' ')
        yield { commit, blob: blob!, path: pathText(record.subarray(tab + 1)), submodule: type === 'commit' }
      }
    }
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error // its own tree is damaged, too: that has been stated
  }
}

async function next(requests: Requests): Promise<Buffer> {
  return requests.out.buffered(0) ?? (await requests.out.record(0)) ?? Buffer.alloc(0)
}

/** `:100644 100644 <old> <new> M`, or for a merge with n parents n colons, n + 1 modes and n + 1 ids. */
function parseRaw(raw: string): { blob: string; submodule: boolean } | undefined {
  const parents = raw.search(/[^:]/)
  const fields = raw.slice(parents).split(' ')
  const [mode, blob] = [fields[parents]!, fields[2 * parents + 1]!]
  if (mode === '000000') return undefined // taken away
  return { blob, submodule: mode === '160000' }
}

/** What stands at the tip of a branch: `add` gets every blob and path there, each branch's own only. */
export async function walkTips(
  repository: Repository,
  refs: Refs,
  add: (blob: string, path: string) => void,
  problem: (what: string) => void,
): Promise<void> {
  const trees = new Set<string>()
  const head = refs.all.get(refs.symbolic.get('HEAD') ?? 'HEAD')
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
      const raw = record.toString('latin1')
      const lineEnd = raw.lastIndexOf('\n')
      for (const character of raw) if (character === '\n') requests.answered()
      const change = parseRaw(raw.slice(lineEnd + 1))
      const path = await next(requests)
      if (change && !change.submodule) add(change.blob, pathText(path))
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
export async function* walkIndex(
  repository: Repository,
  index: string,
): AsyncGenerator<{ blob: string; path: string }, void> {
  const options = { delimiter: 0, environment: { GIT_INDEX_FILE: index } }
  for await (const records of gitRecords(repository.home, ['ls-files', '--stage', '-z'], options)) {
    for (const record of records) {
      const tab = record.indexOf(9)
      const [mode, blob] = record.toString('latin1', 0, tab).split(' ')
      if (mode !== '160000') yield { blob: blob!, path: pathText(record.subarray(tab + 1)) }
    }
  }
}
