import { defineConfig } from 'tsdown'

/** One file for each source, so that workers and lazily loaded parts are found where the sources say. */
export default defineConfig({
  entry: ['src/**/*.ts'],
  unbundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  fixedExtension: false,
  dts: false,
})
