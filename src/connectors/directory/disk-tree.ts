import { createHash } from 'node:crypto'
import { closeSync, type Dirent, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { failure, reason } from './failure.ts'
import { replaceFile } from './file-replacement.ts'
import { pathBytes, pathText } from '../../core/contract/path-text.ts'
import { READ_FLAGS } from '../../core/contract/read-flags.ts'
import { excluded, excludedAt, type Skipped, type Tree, type TreeFile } from './tree.ts'

const CHUNK_BYTES = 256 * 1024
/**
 * Folders and smaller files are read without a thread of Node's pool, which costs a tenth: what matters where there are a
 * million.
 */
const SMALL_BYTES = 1024 * 1024
/** After so long without waiting for anything the rest of the program gets a turn. */
const TURN_MS = 5
const MOST_WRITABLE_BYTES = 64 * 1024 * 1024
const SLASH = Buffer.from('/')
const NOT_REGULAR = 'it is no longer a regular file'

/** A directory, or the one file of a directory. Reads without following symbolic links. */
export async function openTree(given: string, exclude: readonly string[], io: Io): Promise<Tree> {
  const path = await realpath(resolve(given)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
      throw new FirebreakError('NOT_FOUND', `there is nothing at ${given}`, 'Check the path.')
    }
    throw failure(error, given)
  })
  const found = await stat(path).catch(error => {
    throw failure(error, given)
  })
  if (!found.isDirectory() && !found.isFile()) {
    throw new FirebreakError(
      'INVALID_CONFIG',
      `${given} is neither a directory nor a file`,
      'Give the path of one.',
    )
  }
  const only = found.isFile() ? basename(path) : undefined
  const root = only === undefined ? path : dirname(path)

  return {
    scope: `directory:${path}`,
    path: root,
    isFile: only !== undefined,
    instance: () => directoryInstance(root, only),
    walk: () => (only === undefined ? walk(root, exclude, io) : single(root, only, io)),
    async state(file) {
      const found = await lstat(await safePath(root, only, file)).catch(() => undefined)
      if (!found?.isFile()) return undefined
      return {
        size: found.size,
        mode: found.mode & 0o7777,
        uid: found.uid,
        gid: found.gid,
        changedAt: Math.trunc(found.mtimeMs),
      }
    },
    async read(file) {
      return await withFile(await safePath(root, only, file), file, async handle => {
        const { size } = await handle.stat()
        if (size > MOST_WRITABLE_BYTES) {
          throw new FirebreakError('UNSUPPORTED', `${file} is larger than 64 MiB`, 'Change it by hand.')
        }
        return await handle.readFile()
      })
    },
    async replace(file, content, expected) {
      await replaceFile(await safePath(root, only, file), file, content, expected)
    },
    async close() {},
  }
}

/**
 * A directory has no id of its own: it is told by its real path and its inode, so that another directory put in its
 * place is another instance. The device is left out, because its number changes with a reboot or a remount. A single
 * file is told by its directory, because writing replaces the file.
 */
async function directoryInstance(root: string, only: string | undefined): Promise<string> {
  const found = await stat(root, { bigint: true }).catch(error => {
    throw failure(error, root)
  })
  return createHash('sha256')
    .update(JSON.stringify([root, only ?? null, String(found.ino)]))
    .digest('hex')
    .slice(0, 32)
}

async function* walk(
  root: string,
  exclude: readonly string[],
  io: Io,
): AsyncGenerator<TreeFile | Skipped, void> {
  const start = Buffer.from(root)
  const folders: Buffer[] = [start]
  const memory = memoryForSmallFiles()
  let turnAt = performance.now() + TURN_MS
  const turn = async () => {
    if (performance.now() > turnAt) {
      await new Promise(setImmediate)
      turnAt = performance.now() + TURN_MS
    }
    io.signal.throwIfAborted()
  }
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    await turn()
    const inside = relativeText(start, folder)
    const entries = listed(folder)
    if (typeof entries === 'string') {
      yield { skipped: inside, why: entries, failed: true }
      continue
    }
    entries.sort((a, b) => Buffer.compare(a.name, b.name))
    const names = new Set(entries.map(({ name }) => name.toString('latin1')))
    const isGit = names.has('HEAD') && names.has('objects') && names.has('refs')
    const subfolders: Buffer[] = []
    for (const entry of entries) {
      await turn()
      const file = Buffer.concat([folder, SLASH, entry.name])
      const path = relativeText(start, file)
      const out = excluded(path, exclude)
      if (out) yield out
      else if (isGit && entry.name.toString() === 'objects') {
        const why = 'the compressed history of a repository: scan it by itself'
        yield { skipped: path, why }
      } else if (entry.isDirectory()) subfolders.push(file)
      else if (entry.isFile()) yield* regularFile(file, path, memory)
      else {
        const why = await unread(file, start, exclude)
        if (why !== undefined) yield { skipped: path, why }
      }
    }
    folders.push(...subfolders.reverse())
  }
}

/** What is in a folder, or why that cannot be told. */
function listed(folder: Buffer): Dirent<NonSharedBuffer>[] | string {
  try {
    return readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })
  } catch (error) {
    return reason(error as NodeJS.ErrnoException)
  }
}

async function* single(root: string, only: string, io: Io): AsyncGenerator<TreeFile | Skipped, void> {
  io.signal.throwIfAborted()
  yield* regularFile(Buffer.from(`${root}/${only}`), only, memoryForSmallFiles())
}

function* regularFile(file: Buffer, path: string, memory: Buffer): Generator<TreeFile | Skipped, void> {
  const found = openFile(file, memory)
  if (typeof found === 'string') return yield { skipped: path, why: found, failed: true }
  const { size, changedAt, content } = found
  const bytes = () => (content ? once(content) : fileBytes(file, path))
  yield { path, size, changedAt, ...(content && { content }), bytes }
}

/** Small files are read into it one after the other: new memory for each costs more than reading it. */
function memoryForSmallFiles(): Buffer {
  return Buffer.allocUnsafeSlow(SMALL_BYTES)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes
}

/**
 * What there is, and of a small file the content, in as few calls as there can be: there may be millions of files. Or why
 * it cannot be read.
 */
function openFile(file: Buffer, memory: Buffer): { size: number; changedAt: Ms; content?: Buffer } | string {
  let open: number | undefined
  try {
    open = openSync(file, READ_FLAGS)
    const found = fstatSync(open)
    if (!found.isFile()) return NOT_REGULAR
    const changedAt = Math.trunc(found.mtimeMs)
    if (found.size > SMALL_BYTES) return { size: found.size, changedAt }
    let length = 0
    while (length < found.size) {
      const read = readSync(open, memory, length, found.size - length, null)
      if (read === 0) break
      length += read
    }
    return { size: length, changedAt, content: memory.subarray(0, length) }
  } catch (error) {
    return reason(error as NodeJS.ErrnoException)
  } finally {
    if (open !== undefined) closeSync(open)
  }
}

async function* fileBytes(file: Buffer, path: string): AsyncGenerator<Uint8Array, void> {
  const handle = await openPlain(file, path)
  try {
    const { size } = await handle.stat()
    for (let left = size; left > 0; ) {
      const length = Math.min(left, CHUNK_BYTES)
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length)
      if (bytesRead === 0) return
      left -= bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw failure(error as NodeJS.ErrnoException, path)
  } finally {
    await handle.close()
  }
}

/**
 * Why what is neither file nor folder is not read: opening a pipe would wait for ever, and a device has no end. Nothing
 * where a link leads to what is read under its own name.
 */
async function unread(file: Buffer, root: Buffer, exclude: readonly string[]): Promise<string | undefined> {
  const found = await lstat(file).catch(() => undefined)
  if (found?.isSymbolicLink()) {
    const end = await realpath(file, { encoding: 'buffer' }).catch(() => undefined)
    if (end && isWithin(end, root) && !excludedAt(relativeText(root, end), exclude)) return undefined
    const target = await readlink(file, { encoding: 'buffer' }).catch(() => Buffer.alloc(0))
    return `a symbolic link to ${pathText(target)}, not followed`
  }
  const kind = found?.isFIFO() ? 'a named pipe' : found?.isSocket() ? 'a socket' : 'a device'
  return `${kind}, not a file`
}

function isWithin(path: Buffer, root: Buffer): boolean {
  const before = root.toString() === '/' ? root : Buffer.concat([root, SLASH])
  return path.equals(root) || path.subarray(0, before.length).equals(before)
}

/** The absolute path of a file inside the root, none of whose folders is a symbolic link that leads elsewhere. */
async function safePath(root: string, only: string | undefined, file: string): Promise<Buffer> {
  const parts = file.split('/')
  const isInside = parts.every(part => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
  if (!isInside || (only !== undefined && file !== only)) {
    throw new FirebreakError('DENIED', `${JSON.stringify(file)} is not a path within ${root}`)
  }
  let at: Buffer = Buffer.from(root)
  for (const part of parts) {
    const name = pathBytes(part)
    // An escape may not smuggle in what the text was checked for.
    if (name.includes(0x2f) || name.includes(0) || ['.', '..'].includes(name.toString('latin1'))) {
      throw new FirebreakError('DENIED', `${JSON.stringify(file)} is not a path within ${root}`)
    }
    at = Buffer.concat([at, SLASH, name])
    if ((await lstat(at).catch(() => undefined))?.isSymbolicLink()) {
      throw new FirebreakError(
        'DENIED',
        `${pathText(at)} is a symbolic link, which is not followed`,
        'Give the path of the file itself.',
      )
    }
  }
  return at
}

async function withFile<T>(file: Buffer, path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await openPlain(file, path)
  try {
    return await use(handle)
  } finally {
    await handle.close()
  }
}

/** A regular file, whatever was put in its place since it was listed. */
async function openPlain(file: Buffer, path: string): Promise<FileHandle> {
  const handle = await open(file, READ_FLAGS).catch(error => {
    throw failure(error, path)
  })
  if ((await handle.stat()).isFile()) return handle
  await handle.close()
  throw notRegular(path)
}

function notRegular(path: string): FirebreakError {
  return new FirebreakError('CONFLICT', `${path}: ${NOT_REGULAR}`)
}

function relativeText(root: Buffer, file: Buffer): string {
  return pathText(file.subarray(root.length + (root.toString() === '/' ? 0 : 1)))
}
