import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: process.env['SOAK'] ? ['test/soak/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env['SOAK'] ? [] : ['test/soak/**'],
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', './test/summary-reporter.ts'],
  },
})
