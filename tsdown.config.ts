import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { serialize } from 'node:v8'
import { defineConfig, type UserConfig } from 'tsdown'
import { BUILT, BUILT_DICTIONARY, type Built } from './src/know/readers/built.ts'
import { compileRule } from './src/know/readers/secrets/rules/compiled-rule.ts'
import { dictionaryOf } from './src/know/readers/secrets/prefilter/literals.ts'
import { rulesToKeep } from './src/know/readers/secrets/rules/rule-cache.ts'
import { codeDigest, rulesDigest } from './src/know/readers/version.ts'

/** Loaded by nearly every command, in hundreds of small files: what they cost is finding them. */
const TAKEN_IN = ['commander', 'kysely', 'picocolors', 'string-width', 'yaml', 'zod']

/** Of some ninety commands, threads and parts that are loaded when they are needed. With fewer, each would load what it does not need. */
const MANY = 12

/**
 * A few files in place of a thousand: a command starts in less than half of the time. What is loaded only when it is
 * needed stays apart, and what runs in a thread or a process of its own has a file of that name.
 */
export const config = {
  entry: {
    main: 'src/main.ts',
    worker: 'src/know/observe/worker.ts',
    'edge-thread': 'src/know/graph/edge-thread.ts',
    'keeping-thread': 'src/act/broker/ledger/keeping-thread.ts',
    'copies-thread': 'src/judge/posture/checks/copies-thread.ts',
    'owners-thread': 'src/judge/posture/checks/owners-thread.ts',
    'drill-worker': 'src/serve/operations/drill/drill-worker.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node24',
  fixedExtension: false,
  dts: false,
  // What many commands need is in one file: to find and link a hundred files took a third of a command's time.
  outputOptions: { codeSplitting: { groups: [{ name: 'shared', minShareCount: MANY }] } },
  deps: { alwaysBundle: TAKEN_IN.map(name => new RegExp(`^${name}(/|$)`)), onlyBundle: false },
  hooks: {
    async 'build:done'({ chunks, options }) {
      const modules = chunks.flatMap(chunk => (chunk.type === 'chunk' ? chunk.moduleIds : []))
      writeFileSync(join(options.outDir, 'third-party-licenses.txt'), licensesOf(modules))
      const rules = resolve('rules')
      const kept = await rulesToKeep(rules)
      if (kept.problems.length > 0) throw new Error(JSON.stringify(kept.problems))
      const dictionary = dictionaryOf(kept.rules.map(compileRule))
      writeFileSync(join(options.outDir, BUILT_DICTIONARY), serialize(dictionary))
      const built: Built = {
        code: codeDigest(),
        digest: rulesDigest(rules),
        rules: kept,
      }
      // Last, since it tells that the rest is whole.
      writeFileSync(join(options.outDir, BUILT), JSON.stringify(built))
    },
  },
} satisfies UserConfig

/** What programs of others import, with its types; nothing of the rest is for them. */
const client = {
  ...config,
  entry: { client: 'src/act/broker/client/broker-client.ts' },
  dts: { resolver: 'tsc' },
  clean: false,
  hooks: {},
} satisfies UserConfig

export default defineConfig([client, config])

/** The licences of the packages that were taken in, as they ask for. */
function licensesOf(modules: readonly string[]): string {
  const folders = new Set(
    modules.flatMap(id => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0] ?? []),
  )
  return [...folders]
    .sort()
    .map(folder => {
      const file = readdirSync(folder).find(name => /^licen[cs]e/i.test(name))
      if (!file || !existsSync(join(folder, file))) throw new Error(`${basename(folder)} has no licence`)
      return `${basename(folder)}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
