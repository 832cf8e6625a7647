import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { directory, type DirectoryConfig } from '../../../src/connectors/directory/connector.ts'
import { type MemoryFiles, memoryDirectory } from '../../../src/connectors/directory/memory.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { PlaceRef, Slot } from '../../../src/core/contract/ref.ts'

export type Config = Omit<DirectoryConfig, 'path'>

const MKFIFO = 'mkfifo' // part of every Unix; Node has no call for it

export function makePipe(path: string): void {
  execFileSync(MKFIFO, [path])
}

export function emptyFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-directory-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A tree that another program than Firebreak can change, on disk or in memory. */
export interface World {
  open(config?: Config): Promise<Connection>
  put(path: string, content: string | Uint8Array): void
  get(path: string): string | undefined
  delete(path: string): void
  link(path: string, to: string): void
  pipe(path: string): void
  /** Another directory is put at the same path. */
  swap(): void
}

export function onDisk(): World {
  const root = join(emptyFolder(), 'tree')
  mkdirSync(root)
  const at = (path: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    return join(root, path)
  }
  return {
    open: (config = {}) => directory.open({ path: root, ...config }, realIo()),
    put: (path, content) => writeFileSync(at(path), content),
    get: path => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'latin1') : undefined),
    delete: path => unlinkSync(join(root, path)),
    link: (path, to) => symlinkSync(to, at(path)),
    pipe: path => makePipe(at(path)),
    swap() {
      renameSync(root, `${root}-before`)
      mkdirSync(root)
      for (const name of readdirSync(`${root}-before`)) {
        writeFileSync(join(root, name), readFileSync(join(`${root}-before`, name)))
      }
    },
  }
}

export function inMemory(): World {
  const files: MemoryFiles = { entries: new Map(), inode: 1 }
  return {
    open: (config = {}) => memoryDirectory(files, config),
    put: (path, content) => void files.entries.set(path, { bytes: Buffer.from(content as string) }),
    get(path) {
      const entry = files.entries.get(path)
      return entry && 'bytes' in entry ? Buffer.from(entry.bytes).toString('latin1') : undefined
    },
    delete: path => void files.entries.delete(path),
    link: (path, to) => void files.entries.set(path, { linkTo: to }),
    pipe: path => void files.entries.set(path, { pipe: true }),
    swap: () => void files.inode++,
  }
}

export async function documentsOf(
  connection: Connection,
): Promise<Map<string, { id: string; text: string }>> {
  const found = new Map<string, { id: string; text: string }>()
  for await (const { id, path, size, bytes } of connection.documents!()) {
    const chunks: Uint8Array[] = []
    for await (const chunk of bytes()) chunks.push(chunk)
    const content = Buffer.concat(chunks)
    expect(content.length).toBe(size)
    found.set(path, { id, text: content.toString('latin1') })
  }
  return found
}

export async function observationsOf(connection: Connection): Promise<Observation[]> {
  const observations: Observation[] = []
  for await (const observation of connection.discover!()) observations.push(observation)
  return observations
}

export function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** The place of `value` in `content`. */
export function placeOf(connection: Connection, path: string, content: string, ...slots: Slot[]): PlaceRef {
  const { instance } = connection
  const container = { system: 'directory', instance, kind: 'tree', id: instance }
  return { in: container, path, version: sha256(content), slots }
}

export function slotOf(
  content: string,
  value: string,
  part: Slot['part'] = 'value',
  encodings: string[] = [],
): Slot {
  const start = Buffer.from(content).indexOf(value)
  return { part, at: `${start}-${start + Buffer.from(value).length}`, encodings }
}
