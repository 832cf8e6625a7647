import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { compileRules } from '../src/know/readers/secrets/engine.ts'
import { type RuleFolders, rulesInUse } from '../src/know/readers/secrets/rules-in-use.ts'

/** What was read of them is kept for all files of tests: reading their YAML takes seconds of a processor's time. */
export const BUILT_IN_RULES = {
  rulesDirectory: fileURLToPath(new URL('../rules', import.meta.url)),
  cacheDirectory: join(tmpdir(), 'rules'),
} satisfies RuleFolders

/** As after any first scan: what was read of them stands in the home, and their dictionary too. */
export async function keepRulesIn(home: string): Promise<void> {
  const { rules, dictionary } = await rulesInUse(BUILT_IN_RULES)
  compileRules(rules, dictionary)
  const { cacheDirectory } = BUILT_IN_RULES
  const kept = (await readdir(cacheDirectory)).filter(name => /\.(?:json|bin)$/.test(name))
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
