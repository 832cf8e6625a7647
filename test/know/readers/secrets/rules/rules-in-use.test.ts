import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rulesInUse } from '../../../../../src/know/readers/secrets/rules/rules-in-use.ts'
import { BUILT_IN_RULES, fewRules } from '../../../../built-in-rules.ts'

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

test('with rules of one’s own there is another dictionary, for each content of theirs', async () => {
  const cacheDirectory = await mkdtemp(join(tmpdir(), 'firebreak-rules-'))
  onTestFinished(() => rm(cacheDirectory, { recursive: true }))
  const ownRules = join(cacheDirectory, 'own')
  await mkdir(ownRules)
  const folders = { rulesDirectory: await fewRules('github-token'), cacheDirectory }
  const own = await readFile(join(BUILT_IN_RULES.rulesDirectory, 'secrets', 'npm-token.yaml'), 'utf8')
  const names: unknown[] = [(await rulesInUse(folders)).dictionary]
  for (const text of [own, own.replace(/^confidence: .*$/m, 'confidence: 0.5')]) {
    await writeFile(join(ownRules, 'npm-token.yaml'), text)
    const { rules, dictionary } = await rulesInUse({ ...folders, ownRules })
    expect(rules.map(({ id }) => id)).toEqual(['github-token', 'npm-token'])
    names.push(dictionary)
  }
  expect(new Set(names.map(name => JSON.stringify(name))).size).toBe(3)
  expect((await rulesInUse({ ...folders, ownRules })).dictionary).toEqual(names[2])
  expect((await rulesInUse({ rulesDirectory: folders.rulesDirectory, ownRules })).dictionary).toBeUndefined()
})
