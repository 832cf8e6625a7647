import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { compileRules } from '../../../../../src/know/readers/secrets/engine.ts'
import { cachedRules } from '../../../../../src/know/readers/secrets/rules/rule-cache.ts'
import { rulesDigest } from '../../../../../src/know/readers/version.ts'
import { fewRules } from '../../../../built-in-rules.ts'
import { problems, ruleDirectory, rules } from './rule-directory.ts'

const FEW = ['github-token', 'npm-token', 'postgres-url']

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'firebreak-rules-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

test('rules that were kept are those of the directory, without what a search would take for secrets', async () => {
  const cache = await folder()
  const withoutExamples = {
    rules: rules.map(rule => ({ ...rule, examples: { positive: [], negative: [] } })),
    problems,
  }
  // The first time they are read, the second time they were kept.
  for (const _ of [1, 2]) {
    const { rules: read, problems: told } = await cachedRules(
      dirname(ruleDirectory),
      cache,
      rulesDigest(dirname(ruleDirectory)),
    )
    expect({ rules: read, problems: told }).toEqual(withoutExamples)
  }
  const [name] = await readdir(cache)
  const kept = await readFile(join(cache, name!))
  const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!
  expect(kept.includes(token.value)).toBe(false)
  const again = compileRules(
    (await cachedRules(dirname(ruleDirectory), cache, rulesDigest(dirname(ruleDirectory)))).rules,
  )
  expect([...again.scan(Buffer.from(token.text), { path: 'a.txt' })].map(find => find.rule)).toContain(
    'github-token',
  )
})

test('what is not what was kept is made again', async () => {
  const [cache, directory] = [await folder(), await fewRules(...FEW)]
  const good = await cachedRules(directory, cache, rulesDigest(directory))
  const [name] = await readdir(cache)
  const text = await readFile(join(cache, name!), 'utf8')
  for (const other of ['{', 'null', '{"rules":[1],"problems":[]}']) {
    await writeFile(join(cache, name!), other)
    expect(await cachedRules(directory, cache, rulesDigest(directory)), other).toEqual(good)
    expect(await readFile(join(cache, name!), 'utf8'), other).toBe(text)
  }
})

test('a folder that cannot be made is done without', async () => {
  const [file, directory] = [join(await folder(), 'file'), await fewRules(...FEW)]
  await writeFile(file, '')
  expect((await cachedRules(directory, file, rulesDigest(directory))).rules.map(({ id }) => id)).toEqual(FEW)
})

test('what was built of other rules is not taken for them', async () => {
  const directory = await folder()
  await mkdir(join(directory, 'secrets'))
  await copyFile(join(ruleDirectory, 'npm-token.yaml'), join(directory, 'secrets', 'npm-token.yaml'))
  const built = { code: '', digest: rulesDigest(directory), rules: { rules: [], problems: [] } }
  const cache = await folder()
  expect(await cachedRules(directory, cache, rulesDigest(directory), built)).toEqual({
    ...built.rules,
    dictionary: 'built',
  })
  await copyFile(join(ruleDirectory, 'github-token.yaml'), join(directory, 'secrets', 'github-token.yaml'))
  const read = await cachedRules(directory, cache, rulesDigest(directory), built)
  expect(read.rules.map(rule => rule.id)).toEqual(['github-token', 'npm-token'])
})

test('what is changed while it is read is not kept', async () => {
  const [cache, directory] = [await folder(), await fewRules(...FEW)]
  const read = await cachedRules(directory, cache, 'the digest of what stood there before')
  expect(read.rules.map(({ id }) => id)).toEqual(FEW)
  expect(await readdir(cache)).toEqual([])
})
