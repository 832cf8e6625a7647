import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What drives whole programs and servers, for minutes, or sets something of its process that other files would see. */
const ALONE = [
  'test/{bin,drills,laws}/**/*.test.ts',
  'test/tidy/docs-commands.test.ts',
  'test/core/store/postgres.test.ts',
  'test/serve/operations/scan/change.test.ts',
  'test/serve/operations/{exec-servers,migrate,probing}.test.ts',
]

/** What replaces modules, for which Vite has to run them. */
const REPLACING = ['test/simulation/**/*.test.ts']

/** Node runs the sources as they are: that Vite changed each of them for every file of tests took a fifth of the time. */
const AS_THEY_ARE = { experimental: { viteModuleRunner: false, nodeLoader: false } }

/** By their size, the default, the laws would come last, a line each, while the other processor has nothing left to do. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [
      ...sorted.filter(({ project }) => project.config.isolate),
      ...sorted.filter(({ project }) => !project.config.isolate),
    ]
  }
}

export default defineConfig({
  test: {
    env: {
      // What is printed is compared as text, and a CI that asks for colours would change it.
      NO_COLOR: '1',
      // Programs that tests start would else compile the same modules again and again, which is half of their time.
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
    },
    globalSetup: './test/temporary-folder.ts',
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // Tests that drive programs and servers wait for much of their time, while another file can go on.
    maxWorkers: availableParallelism() + 1,
    // Long enough for a machine that is several times slower, or busy: what hangs is still seen.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: ['default', './test/summary-reporter.ts'],
    projects: process.env['SOAK']
      ? [{ extends: true, test: { name: 'soak', include: ['test/soak/**/*.test.ts'] } }]
      : [
          { extends: true, test: { name: 'replacing', include: REPLACING } },
          { extends: true, test: { name: 'alone', include: ALONE, ...AS_THEY_ARE } },
          {
            extends: true,
            test: {
              name: 'together',
              include: ['test/**/*.test.ts'],
              exclude: [...REPLACING, ...ALONE, 'test/soak/**'],
              ...AS_THEY_ARE,
              // Loading the same modules for each of three hundred files takes as long as running them.
              isolate: false,
            },
          },
        ],
  },
})
