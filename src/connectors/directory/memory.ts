import { createHash } from 'node:crypto'
import { dirname, posix } from 'node:path'
import type { Connection } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { connectTree } from './connection.ts'
import type { DirectoryConfig } from './connector.ts'
import { excludedAt, type Skipped, type Tree, type TreeFile } from './tree.ts'

/** A file, a symbolic link or a named pipe of the twin. */
export type MemoryEntry =
  | { readonly bytes: Uint8Array; readonly mode?: number; readonly changedAt?: number }
  | { readonly linkTo: string }
  | { readonly pipe: true }

/** The entries of the twin by path; changing the map is what another program does to a disk. */
export interface MemoryFiles {
  readonly entries: Map<string, MemoryEntry>
  /** Changes when another directory is put in the place of this one. */
  inode: number
}

/** The directory connector over files in memory: the same behaviour without a disk, for tests and simulations. */
export function memoryDirectory(
  files: MemoryFiles,
  config: Omit<DirectoryConfig, 'path'> & { path?: string } = {},
): Promise<Connection> {
  const path = config.path ?? '/memory'
  return connectTree(memoryTree(path, files, config.exclude ?? []), { ...config, path })
}

function memoryTree(path: string, files: MemoryFiles, exclude: readonly string[]): Tree {
  const { entries } = files
  const regular = (file: string) => {
    const parts = file.split('/')
    if (parts.some(part => part === '' || part === '.' || part === '..')) {
      throw new FirebreakError('DENIED', `${JSON.stringify(file)} is not a path within ${path}`)
    }
    for (let depth = 1; depth <= parts.length; depth++) {
      const entry = entries.get(parts.slice(0, depth).join('/'))
      if (entry && 'linkTo' in entry) throw new FirebreakError('DENIED', `${file} is a symbolic link`)
    }
    const entry = entries.get(file)
    return entry && 'bytes' in entry ? entry : undefined
  }
  const present = (file: string) => {
    const entry = regular(file)
    if (!entry) throw new FirebreakError('NOT_FOUND', `${file}: there is no such file`)
    return entry
  }
  const isRead = (target: string) =>
    !excludedAt(target, exclude) &&
    [...entries].some(
      ([file, entry]) =>
        !('linkTo' in entry) && (target === '.' || file === target || file.startsWith(`${target}/`)),
    )
  return {
    scope: `directory:${path}`,
    path,
    isFile: false,
    instance: async () => createHash('sha256').update(`${path} ${files.inode}`).digest('hex').slice(0, 32),
    async *walk(): AsyncGenerator<TreeFile | Skipped, void> {
      const stated = new Set<string>()
      for (const file of [...entries.keys()].sort()) {
        const entry = entries.get(file)
        const out = excludedAt(file, exclude)
        if (out) {
          if (!stated.has(out.skipped)) yield out
          stated.add(out.skipped)
        } else if (!entry) yield { skipped: file, why: 'it vanished before it was read' }
        else if ('linkTo' in entry) {
          if (!isRead(posix.join(dirname(file), entry.linkTo)))
            yield { skipped: file, why: `a symbolic link to ${entry.linkTo}, not followed` }
        } else if ('pipe' in entry) yield { skipped: file, why: 'a named pipe, not a file' }
        else {
          yield {
            path: file,
            size: entry.bytes.length,
            changedAt: entry.changedAt ?? 0,
            async *bytes() {
              yield present(file).bytes
            },
          }
        }
      }
    },
    async state(file) {
      const entry = regular(file)
      if (!entry) return undefined
      const { bytes, mode, changedAt } = entry
      return { size: bytes.length, mode: mode ?? 0o600, uid: 0, gid: 0, changedAt: changedAt ?? 0 }
    },
    read: async file => present(file).bytes,
    async replace(file, content, expected) {
      const entry = present(file)
      const version = `sha256:${createHash('sha256').update(entry.bytes).digest('hex')}`
      if (version !== expected) throw new FirebreakError('CONFLICT', `${file} has changed since it was read`)
      entries.set(file, { ...entry, bytes: content })
    },
    async close() {},
  }
}
