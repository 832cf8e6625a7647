import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Built, built } from '../built.ts'
import { rulesDigest, versionOf } from '../version.ts'
import type { LoadedRules } from './load-rules.ts'
import type { Rule } from './rule.ts'

/** The rest was checked when it was kept: whoever can write here can as well write the rules. */
const kept = z.object({
  rules: z.array(z.custom<Rule>(rule => rule !== null && typeof rule === 'object' && 'pattern' in rule)),
  problems: z.array(
    z.object({ file: z.string(), line: z.number(), column: z.number(), message: z.string() }),
  ),
})

/**
 * The rules of a directory's `secrets/`, as `loadRules` gives them, from what was built of them, or else from a file that
 * was kept. Reading the YAML of all rules takes a second, which is too long before every commit. Without a folder to
 * keep it in, they are read anew. Their examples are left out: whoever searches that folder for secrets would find them all.
 */
export async function cachedRules(
  rulesDirectory: string,
  cacheDirectory: string,
  ahead: Built | undefined = built(),
): Promise<LoadedRules> {
  if (ahead && ahead.digest === rulesDigest(rulesDirectory)) return { ...ahead.rules, areBuilt: true }
  const version = createHash('sha256').update(versionOf(rulesDirectory)).update(rulesDirectory).digest('hex')
  const file = join(cacheDirectory, `rules-${version.slice(0, 32)}.json`)
  const text = await readFile(file, 'utf8').catch(() => undefined)
  const known = text === undefined ? undefined : keptIn(text)
  if (known) return known
  const loaded = await rulesToKeep(rulesDirectory)
  await keep(cacheDirectory, file, JSON.stringify(loaded)).catch(() => {})
  return loaded
}

export async function rulesToKeep(rulesDirectory: string): Promise<LoadedRules> {
  const { loadRules } = await import('./load-rules.ts')
  const { rules, problems } = await loadRules(join(rulesDirectory, 'secrets'))
  return { rules: rules.map(rule => ({ ...rule, examples: { positive: [], negative: [] } })), problems }
}

/** Nothing where it is not what was kept: it is made again. */
function keptIn(text: string): LoadedRules | undefined {
  try {
    return kept.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
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
