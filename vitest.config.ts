import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What drives whole programs and servers: minutes, where most other files take a second. */
const LONG =
  /\/test\/(?:bin|drills|laws|simulation)\/|\/(?:docs-commands|store\/postgres|scan\/\w+)\.test\.ts$/

/** By their size, the default, the laws would come last, a line each, while the other processor has nothing left to do. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [
      ...sorted.filter(({ moduleId }) => LONG.test(moduleId)),
      ...sorted.filter(({ moduleId }) => !LONG.test(moduleId)),
    ]
  }
}

export default defineConfig({
  test: {
    include: process.env['SOAK'] ? ['test/soak/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env['SOAK'] ? [] : ['test/soak/**'],
    env: {
      // What is printed is compared as text, and a CI that asks for colours would change it.
      NO_COLOR: '1',
      // Programs that tests start would else compile the same modules again and again, which is half of their time.
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
    },
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // One less than there are processors, the default, leaves half of a small machine idle.
    maxWorkers: '100%',
    // Long enough for a machine that is several times slower, or busy: what hangs is still seen.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: ['default', './test/summary-reporter.ts'],
  },
})
