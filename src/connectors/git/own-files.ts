import { createHash } from 'node:crypto'
import { open, readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Ms } from '../../core/contract/ref.ts'
import type { GitDirectory } from './git-directory.ts'
import { pathText } from '../../core/contract/path-text.ts'
import { READ_FLAGS } from '../../core/contract/read-flags.ts'

const CHUNK_BYTES = 256 * 1024
// Ids, and things that git makes out of objects. Everything else may hold a secret: `config` a remote's password or
// an `extraheader`, FETCH_HEAD and the reflogs the URLs fetched from, hooks whatever their author wrote.
const WITHOUT_TEXT =
  /^(?:objects|refs|packed-refs|reftable|shallow|lfs|annex|modules|commondir|gitdir|description)$|^(?:worktrees\/[^/]+\/)?(?:ORIG_|MERGE_|REBASE_|CHERRY_PICK_|REVERT_|AUTO_)?(?:HEAD|MERGE)$|^(?:worktrees\/[^/]+\/)?(?:index|refs)$|sharedindex|\.lock$|\.sample$/

/** A text file in the git directory itself. */
export interface OwnFile {
  readonly path: string
  readonly file: Buffer
  readonly size: number
  readonly changedNs: bigint
  readonly at: Ms
}

export async function* ownFiles(
  directory: GitDirectory,
  problem: (what: string) => void,
): AsyncGenerator<OwnFile, void> {
  const root = Buffer.from(directory.common)
  const walk = async function* (folder: Buffer): AsyncGenerator<OwnFile, void> {
    const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch(() => undefined)
    if (!entries) return problem(`the folder ${pathText(folder)} could not be read`)
    for (const entry of entries) {
      const file = Buffer.concat([folder, Buffer.from('/'), entry.name])
      const inside = pathText(file.subarray(root.length + 1))
      if (WITHOUT_TEXT.test(inside)) continue
      if (entry.isDirectory()) yield* walk(file)
      if (!entry.isFile()) continue
      const found = await stat(file, { bigint: true }).catch(() => undefined)
      if (!found) continue
      const changedNs = found.mtimeNs > found.ctimeNs ? found.mtimeNs : found.ctimeNs
      yield { path: `.git/${inside}`, file, size: Number(found.size), changedNs, at: Number(found.mtimeMs) }
    }
  }
  yield* walk(root)
}

export async function contentId(file: Buffer): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of fileBytes(file)) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

export async function* fileBytes(file: Buffer): AsyncGenerator<Uint8Array, void> {
  const handle = await open(file, READ_FLAGS)
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

/** Objects that lie loose, with when they were written: the only trace of what was made and never referred to. */
export async function* looseObjects(
  directory: GitDirectory,
): AsyncGenerator<{ id: string; writtenNs: bigint }, void> {
  for (const folder of await readdir(directory.objects).catch(() => [])) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue
    for (const name of await readdir(join(directory.objects, folder)).catch(() => [])) {
      if (!/^(?:[0-9a-f]{38}|[0-9a-f]{62})$/.test(name)) continue
      const found = await stat(join(directory.objects, folder, name), { bigint: true }).catch(() => undefined)
      if (found) yield { id: folder + name, writtenNs: found.mtimeNs }
    }
  }
}

/** Packs that git cannot list because their index is gone. */
export async function packsWithoutIndex(directory: GitDirectory): Promise<string[]> {
  const names = await readdir(join(directory.objects, 'pack')).catch(() => [])
  const indexed = new Set(names.filter(name => name.endsWith('.idx')).map(name => name.slice(0, -4)))
  return names.filter(name => name.endsWith('.pack') && !indexed.has(name.slice(0, -5)))
}

/** The indexes of the checkout and of its other worktrees. */
export async function indexFiles(directory: GitDirectory): Promise<string[]> {
  const worktrees = await readdir(join(directory.common, 'worktrees')).catch(() => [])
  const files = ['index', ...worktrees.map(name => join('worktrees', name, 'index'))]
  const present: string[] = []
  for (const file of files) {
    const found = await stat(join(directory.common, file)).catch(() => undefined)
    if (found?.isFile()) present.push(join(directory.common, file))
  }
  return present
}

/** Repositories inside: those of submodules. They have a history of their own. */
export async function submoduleRepositories(directory: GitDirectory): Promise<string[]> {
  const found: string[] = []
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      if (!entry.isDirectory()) continue
      const inner = join(folder, entry.name)
      if (await stat(join(inner, 'HEAD')).catch(() => undefined))
        found.push(relative(directory.common, inner))
      else if (depth < 8) await walk(inner, depth + 1)
    }
  }
  await walk(join(directory.common, 'modules'), 0)
  return found
}
