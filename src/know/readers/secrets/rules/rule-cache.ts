import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Built, built } from '../../built.ts'
import { rulesDigest, versionOf } from '../../version.ts'
import { keepFile } from './kept-file.ts'
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
 * keep it in, they are read anew. `digest` is that of the rules' files. Their examples are left out: whoever searches that folder for secrets would find them all.
 */
export async function cachedRules(
  rulesDirectory: string,
  cacheDirectory: string,
  digest: string,
  ahead: Built | undefined = built(),
): Promise<LoadedRules> {
  if (ahead && ahead.digest === digest) return { ...ahead.rules, dictionary: 'built' }
  const version = createHash('sha256').update(versionOf(digest)).update(rulesDirectory).digest('hex')
  const name = `rules-${version.slice(0, 32)}.json`
  const text = await readFile(join(cacheDirectory, name), 'utf8').catch(() => undefined)
  const known = text === undefined ? undefined : keptIn(text)
  if (known) return known
  const loaded = await rulesToKeep(rulesDirectory)
  // What was changed while it was read is another version's.
  if (rulesDigest(rulesDirectory) === digest)
    keepFile(cacheDirectory, name, JSON.stringify(loaded), OF_A_VERSION)
  return loaded
}

export async function rulesToKeep(rulesDirectory: string): Promise<LoadedRules> {
  const { loadRules } = await import('./load-rules.ts')
  const { rules, problems } = await loadRules(join(rulesDirectory, 'secrets'))
  return { rules: rules.map(rule => ({ ...rule, examples: { positive: [], negative: [] } })), problems }
}

const OF_A_VERSION = /^rules-[0-9a-f]{32}\.json/

/** Nothing where it is not what was kept: it is made again. */
function keptIn(text: string): LoadedRules | undefined {
  try {
    return kept.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
