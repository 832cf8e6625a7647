import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BUILT, builtOf } from '../../../src/know/readers/built.ts'

test('what was built stands for the rules beside it, as long as none is added, removed or changed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'firebreak-built-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const [dist, rules, secrets] = [join(root, 'dist'), join(root, 'rules'), join(root, 'rules', 'secrets')]
  await mkdir(dist)
  await mkdir(secrets, { recursive: true })
  const names = ['a.yaml', 'b.yaml']
  const at = 1_700_000_000
  const write = async (file: string, text: string, time: number) => {
    await writeFile(file, text)
    await utimes(file, time, time)
  }
  for (const name of names) await write(join(secrets, name), 'rule', at)
  const known = { code: 'c', names, digest: 'd', rules: { rules: [], problems: [] } }
  await write(join(dist, BUILT), JSON.stringify(known), at)
  expect(builtOf(rules, dist)).toEqual(known)
  expect(builtOf(join(root, 'elsewhere'), dist)).toBeUndefined()
  expect(builtOf(rules, root)).toBeUndefined()

  await write(join(secrets, 'c.yaml'), 'rule', at)
  expect(builtOf(rules, dist)).toBeUndefined()
  await rm(join(secrets, 'c.yaml'))
  expect(builtOf(rules, dist)).toEqual(known)
  await write(join(secrets, 'b.yaml'), 'another', at + 1)
  expect(builtOf(rules, dist)).toBeUndefined()
})
