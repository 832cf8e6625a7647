import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { built } from './built.ts'
import type { Rule } from './secrets/rules/rule.ts'

/** Beside the readers, what decides what is read: how they are called, and what a rule may declare. */
const BESIDE = ['../observe/worker', '../../core/contract/declared-step']

/** What decides what is found: the code that reads, and the rules, of whose files this is the digest. */
export function versionOf(digest: string): string {
  return createHash('sha256').update(codeVersion()).update(digest).digest('hex').slice(0, 32)
}

let code: string | undefined

/** Of the code that runs, which stays what it is. */
export function codeVersion(): string {
  return (code ??= built()?.code ?? codeDigest())
}

/** That with further rules. A document that was read by the same version is not read again. */
export function versionWith(version: string, ownRules: readonly Rule[]): string {
  if (ownRules.length === 0) return version
  return createHash('sha256').update(version).update(JSON.stringify(ownRules)).digest('hex').slice(0, 32)
}

export function codeDigest(): string {
  const hash = createHash('sha256')
  const extension = extname(fileURLToPath(import.meta.url))
  const readers = fileURLToPath(new URL('./', import.meta.url))
  const names = readdirSync(readers, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(readers.length))
    .sort()
  for (const name of [...names, ...BESIDE.map(name => name + extension)])
    hash.update(`${name}\n`).update(readFileSync(join(readers, name)))
  return hash.digest('hex')
}

/** Read synchronously: of hundreds of small files, that takes a fraction of the time. */
export function rulesDigest(rulesDirectory: string): string {
  const hash = createHash('sha256')
  const folder = join(rulesDirectory, 'secrets')
  const names = readdirSync(folder).filter(name => name.endsWith('.yaml'))
  for (const name of names.sort()) hash.update(`${name}\n`).update(readFileSync(join(folder, name)))
  return hash.digest('hex')
}
