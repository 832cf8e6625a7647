import { names, withFolders } from '../../core/contract/path-glob.ts'
import type { Ms } from '../../core/contract/ref.ts'

/** A regular file as the walk met it. */
export interface TreeFile {
  /** Relative to the root, with slashes. */
  readonly path: string
  readonly size: number
  readonly changedAt: Ms
  /** All of it, where it was read with the rest; there until the next file is asked for. */
  readonly content?: Uint8Array
  /** Once; stops at `size` bytes, so that a log that grows faster than it is read has an end. */
  bytes(): AsyncIterable<Uint8Array>
}

/** A path that is not read, and why; an empty path is the root itself. */
export interface Skipped {
  readonly skipped: string
  readonly why: string
  /** It was to be read, and could not be. */
  readonly failed?: boolean
}

/** Where a glob leaves the path out. */
export function excluded(path: string, globs: readonly string[]): Skipped | undefined {
  const glob = globs.find(glob => names(glob, path))
  return glob === undefined ? undefined : { skipped: path, why: `excluded by ${glob}` }
}

/** The same of a path that was not walked to: a folder above it may be left out, and is told as a whole. */
export function excludedAt(path: string, globs: readonly string[]): Skipped | undefined {
  return withFolders(path)
    .map(path => excluded(path, globs))
    .find(Boolean)
}

export interface FileState {
  readonly size: number
  /** As in `ls -l`, without the file type: 0o640. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly changedAt: Ms
}

/** What the connection needs of a tree of files: on disk, or in memory for tests. Failures are FirebreakErrors. */
export interface Tree {
  /** `directory:<path>`, the start of every scope. */
  readonly scope: string
  readonly path: string
  /** It is one file, and `path` the folder that it lies in. */
  readonly isFile: boolean
  /** Computed again at each call: whether it is still the same tree that stands there. */
  instance(): Promise<string>
  walk(): AsyncIterable<TreeFile | Skipped>
  /** Nothing where there is no such file. */
  state(path: string): Promise<FileState | undefined>
  read(path: string): Promise<Uint8Array>
  /** Atomically, keeping mode and owner; CONFLICT where `expected` (`sha256:<hex>`) does not stand there any more. */
  replace(path: string, content: Uint8Array, expected: string): Promise<void>
  close(): Promise<void>
}
