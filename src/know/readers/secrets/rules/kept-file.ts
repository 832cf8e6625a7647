import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Puts what took long to make where the next one finds it: whole or not at all, for its owner alone, and as the only one of
 * its kind, since of another version none is needed any more. Where it cannot be written, it is done without.
 */
export function keepFile(folder: string, name: string, content: string | Uint8Array, kind: RegExp): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const draft = join(folder, `${name}.${randomBytes(6).toString('hex')}`)
    writeFileSync(draft, content, { mode: 0o600, flag: 'wx' })
    renameSync(draft, join(folder, name))
    for (const other of readdirSync(folder))
      if (kind.test(other) && other !== name) rmSync(join(folder, other), { force: true })
  } catch {
    // Then the next one makes it again.
  }
}
