import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { cachedRules } from '../src/know/readers/secrets/rules/rule-cache.ts'
import type { RuleFolders } from '../src/know/readers/secrets/rules/rules-in-use.ts'
import { rulesDigest } from '../src/know/readers/version.ts'

/** What was read of them is kept for all files of tests: reading their YAML takes seconds of a processor's time. */
export const BUILT_IN_RULES = {
  rulesDirectory: fileURLToPath(new URL('../rules', import.meta.url)),
  cacheDirectory: join(tmpdir(), 'rules'),
} satisfies RuleFolders

/** As after any first command: what was read of them stands in the home, too. */
export async function keepRulesIn(home: string): Promise<void> {
  const { rulesDirectory, cacheDirectory } = BUILT_IN_RULES
  await cachedRules(rulesDirectory, cacheDirectory, rulesDigest(rulesDirectory))
  const kept = (await readdir(cacheDirectory)).filter(name => name.endsWith('.json'))
  await mkdir(home, { recursive: true, mode: 0o700 })
  for (const name of kept) await copyFile(join(cacheDirectory, name), join(home, name))
}

/** Rules of which those for secrets are a few of the built-in ones, which are read faster than all; gone when the test ends. */
export async function fewRules(...names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-few-rules-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'secrets'))
  for (const name of names) {
    const file = join('secrets', `${name}.yaml`)
    await copyFile(join(BUILT_IN_RULES.rulesDirectory, file), join(folder, file))
  }
  return folder
}
