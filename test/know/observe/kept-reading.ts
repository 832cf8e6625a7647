import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openReading, type Reading } from '../../../src/know/observe/reading.ts'
import { ownDirectory, testKeys } from '../estate.ts'
import { RULE } from './test-rule.ts'

/** One reading for all tests of a file: to start its worker takes longer than what most of them have it read. */
export function keptReading(rulesDirectory: () => Promise<string> = ownRule): () => Promise<Reading> {
  let opened: Promise<Reading> | undefined
  const open = async () =>
    await openReading({ keys: testKeys, rulesDirectory: await rulesDirectory(), workers: 1 })
  afterAll(async () => await (await opened)?.close())
  return () => (opened ??= open())
}

/** A folder that is gone when the test ends. */
export async function ownRule(): Promise<string> {
  const folder = await ownDirectory()
  await mkdir(join(folder, 'secrets'))
  await writeFile(join(folder, 'secrets', 'test-token.yaml'), RULE)
  return folder
}
