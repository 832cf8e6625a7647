import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'tsdown'
import { config } from '../tsdown.config.ts'
import { ROOT } from './tidy/sources.ts'

/** A program of the tests, built as the product is: where many processes run it, most of their time would go into loading it. */
export async function builtProgram(source: string): Promise<{ file: string; remove(): Promise<void> }> {
  // Where the packages that are not taken in are found.
  const cache = join(ROOT, 'node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  const outDir = await mkdtemp(join(cache, 'firebreak-test-'))
  const entry = { ...config.entry, program: source }
  await build({ ...config, cwd: ROOT, config: false, entry, outDir, logLevel: 'silent' })
  return { file: join(outDir, 'program.js'), remove: () => rm(outDir, { recursive: true, force: true }) }
}
