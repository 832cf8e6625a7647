import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Rule } from '../readers/secrets/rule.ts'

/** The worker's file, beside the running one: source under Node's type stripping, JavaScript when packaged. */
export function workerFile(): string {
  const own = fileURLToPath(import.meta.url)
  return fileURLToPath(new URL(`./worker${extname(own)}`, import.meta.url))
}

/**
 * What decides what is found: the rules, and the code that applies them. A document that was read by the same
 * version is not read again.
 */
export async function readerVersion(rulesDirectory: string, ownRules: readonly Rule[] = []): Promise<string> {
  const hash = createHash('sha256')
  const readers = fileURLToPath(new URL('../readers/', import.meta.url))
  for (const folder of [rulesDirectory, readers])
    for (const name of await filesUnder(folder))
      hash.update(`${name}\n`).update(await readFile(join(folder, name)))
  hash.update(await readFile(workerFile()))
  if (ownRules.length > 0) hash.update(JSON.stringify(ownRules))
  return hash.digest('hex').slice(0, 32)
}

/** In a package the readers are part of the worker's own file, and there is no such folder. */
async function filesUnder(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(folder.length))
      .sort()
  } catch {
    return []
  }
}
