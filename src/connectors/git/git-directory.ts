import { type FileHandle, lstat, open, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'
import { pathText } from '../../core/contract/path-text.ts'
import { READ_FLAGS } from '../../core/contract/read-flags.ts'

const SMALL_FILE_BYTES = 256 * 1024 * 1024
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** Where a repository keeps its parts. `common` is shared by all of its worktrees. */
export interface GitDirectory {
  readonly path: string
  readonly common: string
  readonly objects: string
}

/** What refs name, read from their files: asking git would make it read the repository's configuration. */
export interface Refs {
  /** Every ref, by its name as `pathText` writes it, with the object it names. */
  readonly all: ReadonlyMap<string, string>
  /** `ref: …` targets of HEAD and of `refs/remotes/<name>/HEAD`. */
  readonly symbolic: ReadonlyMap<string, string>
  /** The commits that branches, HEAD and worktrees' HEADs stand at. */
  readonly tips: readonly string[]
  readonly shallow: readonly string[]
  readonly problems: readonly string[]
  /** What cannot be known of them although nothing is broken. */
  readonly gaps: readonly string[]
}

/** Finds the repository at exactly this path: a checkout, a worktree, or a bare repository. */
export async function findGitDirectory(given: string): Promise<GitDirectory> {
  const path = await realpath(resolve(given)).catch(() => undefined)
  if (!path) {
    throw new FirebreakError('NOT_FOUND', `there is nothing at ${given}`, 'Check the path of the repository.')
  }
  const directory = (await fromDotGit(path)) ?? (await asGitDirectory(path))
  if (!directory) {
    const above = await repositoryAbove(path)
    throw new FirebreakError(
      'INVALID_CONFIG',
      `${given} is not a git repository`,
      above
        ? `It lies inside the repository ${above}: give that path.`
        : 'Give the path of a checkout or of a bare repository; files without history are read by firebreak scan PATH.',
    )
  }
  return { ...directory, path }
}

/** The repository of a checkout at this path, its own or the one that its `.git` names; none where nothing is checked out. */
export async function fromDotGit(path: string): Promise<Omit<GitDirectory, 'path'> | undefined> {
  const dotGit = join(path, '.git')
  const found = await stat(dotGit).catch(() => undefined)
  if (found?.isDirectory()) return asGitDirectory(dotGit)
  if (!found?.isFile()) return undefined
  // A worktree or submodule: the file names the directory, which may share its objects with others.
  const pointer = /^gitdir: (.+?)\s*$/.exec((await readSmall(dotGit)) ?? '')
  return pointer ? asGitDirectory(resolve(path, pointer[1]!)) : undefined
}

async function asGitDirectory(directory: string): Promise<Omit<GitDirectory, 'path'> | undefined> {
  if ((await readSmall(join(directory, 'HEAD'))) === undefined) return undefined
  const shared = (await readSmall(join(directory, 'commondir')))?.trim()
  const common = shared ? resolve(directory, shared) : directory
  const objects = await realpath(join(common, 'objects')).catch(() => undefined)
  if (!objects || !(await stat(objects)).isDirectory()) return undefined
  return { common: await realpath(common), objects }
}

async function repositoryAbove(path: string): Promise<string | undefined> {
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) if (await fromDotGit(at)) return at
  return undefined
}

/** The text of a regular file that is not a symbolic link: never a pipe that hangs, never a file elsewhere. */
export async function readSmall(path: string): Promise<string | undefined> {
  return (await readBytes(path))?.toString('utf8')
}

/** The same as it is: names of refs may be no UTF-8. */
export async function readBytes(path: string | Buffer): Promise<Buffer | undefined> {
  let file: FileHandle
  try {
    file = await open(path, READ_FLAGS)
  } catch {
    return undefined
  }
  try {
    const { size } = await file.stat()
    if (!(await file.stat()).isFile() || size > SMALL_FILE_BYTES) return undefined
    return await file.readFile()
  } finally {
    await file.close()
  }
}

export async function readRefs(directory: GitDirectory): Promise<Refs> {
  const all = new Map<string, string>()
  const symbolic = new Map<string, string>()
  const problems: string[] = []
  const gaps: string[] = []
  const { common } = directory

  const packed = (await readBytes(join(common, 'packed-refs')))?.toString('latin1')
  for (const line of packed?.split('\n') ?? []) {
    const [id, name] = [line.slice(0, line.indexOf(' ')), nameOf(line.slice(line.indexOf(' ') + 1))]
    if (OBJECT_ID.test(id) && name.startsWith('refs/')) all.set(name, id)
  }
  if (await lstat(join(common, 'reftable')).catch(() => undefined)) {
    gaps.push(
      'refs are kept in the reftable format, which is not read: branches are not told from lost commits',
    )
  }

  const read = async (name: string, file: string | Buffer) => {
    const bytes = await readBytes(file)
    if (!bytes) return problems.push(`the ref ${name} could not be read`)
    const [target, id] = [targetOf(bytes), idOf(bytes)]
    if (target !== undefined) symbolic.set(name, target)
    else if (id !== undefined) all.set(name, id)
    else problems.push(`the ref ${name} holds no object id`)
  }
  const walk = async (folder: Buffer, prefix: string) => {
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch(() => [])) {
      const name = `${prefix}${pathText(entry.name)}`
      const path = Buffer.concat([folder, Buffer.from('/'), entry.name])
      if (entry.isDirectory()) await walk(path, `${name}/`)
      else if (!name.endsWith('.lock')) await read(name, path)
    }
  }
  await walk(Buffer.from(join(common, 'refs')), 'refs/')
  await read('HEAD', join(common, 'HEAD'))
  for (const worktree of await readdir(join(common, 'worktrees')).catch(() => [])) {
    await read(`worktrees/${worktree}/HEAD`, join(common, 'worktrees', worktree, 'HEAD'))
  }

  const tips = [...all].filter(([name]) => /^refs\/(?:heads|remotes)\/|HEAD$/.test(name)).map(([, id]) => id)
  const shallow = ((await readSmall(join(common, 'shallow'))) ?? '')
    .split('\n')
    .filter(id => OBJECT_ID.test(id))
  return { all, symbolic, tips: [...new Set(tips)], shallow, problems, gaps }
}

/** The commit that a `HEAD` stands at; undefined where there is none yet. */
export function headCommit(head: Buffer, refs: Refs): string | undefined {
  const target = targetOf(head)
  return target === undefined ? idOf(head) : refCommit(target, refs)
}

/** The commit that a ref stands at, which may name another one. */
export function refCommit(name: string, refs: Refs): string | undefined {
  let next: string | undefined = name
  // Git itself follows no more.
  for (let depth = 0; next !== undefined && depth < 5; depth++) {
    const id = refs.all.get(next)
    if (id !== undefined) return id
    next = refs.symbolic.get(next)
  }
  return undefined
}

function idOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1').trim()
  return OBJECT_ID.test(text) ? text : undefined
}

function targetOf(bytes: Buffer): string | undefined {
  const name = /^ref:[ \t\r\n]*([^ \t\r\n].*?)[ \t\r\n]*$/.exec(bytes.toString('latin1'))?.[1]
  return name === undefined ? undefined : nameOf(name)
}

/** A ref's name, of which each character is a byte. */
function nameOf(latin1: string): string {
  return /[\x80-\xff]/.test(latin1) ? pathText(Buffer.from(latin1, 'latin1')) : latin1
}

/** The branch that a clone would check out, for a clone as for the original. */
export function defaultBranch(refs: Refs): string | undefined {
  const remote = refs.symbolic.get('refs/remotes/origin/HEAD')
  return remote
    ? remote.replace('refs/remotes/origin/', '')
    : refs.symbolic.get('HEAD')?.replace('refs/heads/', '')
}

/** Objects of another repository that this one borrows, as its alternates file names them. */
export async function alternates(directory: GitDirectory): Promise<string[]> {
  const text = (await readSmall(join(directory.objects, 'info', 'alternates'))) ?? ''
  return text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
}

/** Names that `git init` gives the git directory of a checkout and of a bare repository. */
export function isBare(directory: GitDirectory): boolean {
  return basename(directory.common) !== '.git'
}
