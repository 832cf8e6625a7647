import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { LoadedRules } from './load-rules.ts'
import type { Rule } from './rule.ts'

/** What turns rule files into rules: with another one of these, what was kept is stale. */
const LOADERS = [
  'rule-cache',
  'load-rules',
  'rule',
  'assigned-to',
  'separator',
  'pattern-bounds',
  'checksum',
  '../../../core/contract/declared-step',
]

/** The rest was checked when it was kept: whoever can write here can as well write the rules. */
const kept = z.object({
  rules: z.array(z.custom<Rule>(rule => rule !== null && typeof rule === 'object' && 'pattern' in rule)),
  problems: z.array(
    z.object({ file: z.string(), line: z.number(), column: z.number(), message: z.string() }),
  ),
})

/**
 * The rules of a directory, as `loadRules` gives them, from a file that was kept of them. Reading the YAML of all rules
 * takes most of a second, which is too long before every commit. Without a folder to keep it in, they are read anew.
 * Their examples are left out: whoever searches that folder for secrets would find them all.
 */
export async function cachedRules(directory: string, cacheDirectory: string): Promise<LoadedRules> {
  const file = join(cacheDirectory, `rules-${await versionOf(directory)}.json`)
  const text = await readFile(file, 'utf8').catch(() => undefined)
  const known = text === undefined ? undefined : keptIn(text)
  if (known) return known
  const { loadRules } = await import('./load-rules.ts')
  const { rules, problems } = await loadRules(directory)
  const loaded = {
    rules: rules.map(rule => ({ ...rule, examples: { positive: [], negative: [] } })),
    problems,
  }
  await keep(cacheDirectory, file, JSON.stringify(loaded)).catch(() => {})
  return loaded
}

/** Nothing where it is not what was kept: it is made again. */
function keptIn(text: string): LoadedRules | undefined {
  try {
    return kept.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

async function versionOf(directory: string): Promise<string> {
  const hash = createHash('sha256')
  const extension = extname(fileURLToPath(import.meta.url))
  for (const name of LOADERS) hash.update(await readFile(new URL(`./${name}${extension}`, import.meta.url)))
  hash.update(directory)
  for (const name of (await readdir(directory)).filter(name => name.endsWith('.yaml')).sort())
    hash.update(`\n${name}\n`).update(await readFile(join(directory, name)))
  return hash.digest('hex').slice(0, 32)
}

/** Whole or not at all, and the only one of its kind. */
async function keep(folder: string, file: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
  for (const name of await readdir(folder))
    if (/^rules-[0-9a-f]{32}\.json/.test(name) && join(folder, name) !== file)
      await rm(join(folder, name), { force: true })
}
