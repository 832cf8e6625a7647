import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a process takes away after another one has ended may take it a moment. */
const PATIENCE_MS = 30_000

/** All that tests make beside the checkout lies in one folder, of which nothing may be left when they have passed. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Each project of vitest.config.ts asks for it, in one process.
  if (process.env['FIREBREAK_TESTS_FOLDER'] !== undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-tests-'))
  // PostgreSQL's own account has to get to its files.
  await chmod(folder, 0o755)
  process.env['FIREBREAK_TESTS_FOLDER'] = process.env['TMPDIR'] = folder
  return async () => {
    // What BUILT_IN_RULES keep is of the whole run.
    await rm(join(folder, 'rules'), { recursive: true, force: true })
    let left = await readdir(folder)
    for (
      const deadline = performance.now() + PATIENCE_MS;
      left.length > 0 && performance.now() < deadline;
    ) {
      await new Promise(resolve => setTimeout(resolve, 100))
      left = await readdir(folder)
    }
    await rm(folder, { recursive: true, force: true })
    if (left.length === 0) return
    // Whoever failed may have left it: then that is what there is to be told.
    if (!process.exitCode) console.log('Failed:')
    console.log(`  temporary files are left: ${left.join(' ')}`)
    process.exitCode = 1
  }
}
