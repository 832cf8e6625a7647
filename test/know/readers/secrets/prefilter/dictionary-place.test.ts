import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { dictionaryPlace } from '../../../../../src/know/readers/secrets/prefilter/dictionary-place.ts'
import { compileRules } from '../../../../../src/know/readers/secrets/engine.ts'
import { githubToken } from '../../../../github-token.ts'
import { rules } from '../rules/rule-directory.ts'

const few = rules.filter(({ id }) => ['github-token', 'npm-token'].includes(id))
const TEXT = Buffer.from(`token = "${githubToken()}"\n`)
function placeIn(folder: string, of: typeof rules): { folder: string; name: string } {
  const place = dictionaryPlace(folder, of)
  if (place === 'built') throw new Error('it is not kept there')
  return place
}

const found = (engine: ReturnType<typeof compileRules>) =>
  [...engine.scan(TEXT, { path: 'a.txt' })].map(({ rule, start }) => ({ rule, start }))

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'firebreak-dictionary-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

test('whoever makes a dictionary first leaves it for the others, and takes away that of another version', async () => {
  const home = await folder()
  const other = `dictionary-${'0'.repeat(32)}.bin`
  await writeFile(join(home, other), '')
  await writeFile(join(home, 'firebreak.db'), '')
  const place = placeIn(home, few)
  const without = found(compileRules(few))
  expect(without).toHaveLength(1)
  expect(found(compileRules(few, place))).toEqual(without)
  expect((await readdir(home)).sort()).toEqual([place.name, 'firebreak.db'])
  const kept = await stat(join(home, place.name))
  expect(kept.mode & 0o777).toBe(0o600)
  expect(found(compileRules(few, place))).toEqual(without)
  expect((await stat(join(home, place.name))).ino).toBe(kept.ino)
})

test('what is no dictionary is made again, and where none can be kept it is done without', async () => {
  const home = await folder()
  const place = placeIn(home, few)
  const file = join(home, place.name)
  const without = found(compileRules(few, place))
  const good = await readFile(file)
  for (const bad of [Buffer.alloc(0), good.subarray(0, good.length / 2), Buffer.from('{}')]) {
    await writeFile(file, bad)
    expect(found(compileRules(few, place))).toEqual(without)
    expect((await readFile(file)).equals(good)).toBe(true)
  }
  await writeFile(join(home, 'file'), '')
  expect(found(compileRules(few, { ...place, folder: join(home, 'file') }))).toEqual(without)
})

test('each list of rules has a place of its own, also the same rules in another order', () => {
  const [first, second] = few
  const lists = [few, [second!, first!], [first!], [{ ...first!, confidence: 0.5 }]]
  const names = lists.map(list => placeIn('home', list).name)
  expect(new Set(names).size).toBe(lists.length)
  expect(placeIn('home', [...few]).name).toBe(names[0])
})
