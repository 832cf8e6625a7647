import { createHash } from 'node:crypto'
import { programBeside } from '../../core/contract/thread.ts'
import type { Rule } from '../readers/secrets/rule.ts'
import { versionOf } from '../readers/version.ts'

export function workerFile(): string {
  return programBeside(import.meta.url, 'worker')
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
