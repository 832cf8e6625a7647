import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Rule } from '../readers/secrets/rule.ts'
import { versionOf } from '../readers/version.ts'

/** The worker's file, beside the running one: source under Node's type stripping, JavaScript when built. */
export function workerFile(): string {
  const own = fileURLToPath(import.meta.url)
  return fileURLToPath(new URL(`./worker${extname(own)}`, import.meta.url))
}

/**
 * What decides what is found: the rules, and the code that applies them. A document that was read by the same
 * version is not read again.
 */
export function readerVersion(rulesDirectory: string, ownRules: readonly Rule[] = []): string {
  const version = versionOf(rulesDirectory)
  if (ownRules.length === 0) return version
  return createHash('sha256').update(version).update(JSON.stringify(ownRules)).digest('hex').slice(0, 32)
}
