import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rulesInUse } from '../../../../src/know/readers/secrets/rules-in-use.ts'
import { fewRules } from '../../../built-in-rules.ts'

test('the built-in rules come from where they were kept, where there is such a place', async () => {
  const cacheDirectory = await mkdtemp(join(tmpdir(), 'firebreak-rules-'))
  onTestFinished(() => rm(cacheDirectory, { recursive: true }))
  const folders = {
    rulesDirectory: await fewRules('github-token', 'npm-token', 'private-key'),
    cacheDirectory,
  }
  const all = await rulesInUse(folders)
  const [name] = await readdir(cacheDirectory)
  const file = join(cacheDirectory, name!)
  const kept = JSON.parse(await readFile(file, 'utf8')) as { rules: unknown[]; problems: unknown[] }
  await writeFile(file, JSON.stringify({ ...kept, rules: kept.rules.slice(0, 2) }))
  expect((await rulesInUse(folders)).rules).toEqual(all.rules.slice(0, 2))
  expect((await rulesInUse({ rulesDirectory: folders.rulesDirectory })).rules).toHaveLength(all.rules.length)
})
