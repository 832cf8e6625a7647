import { join } from 'node:path'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { readerVersion } from '../version.ts'
import { dictionaryName } from './dictionary-place.ts'
import type { LoadedRules } from './load-rules.ts'
import { cachedRules } from './rule-cache.ts'
import type { Rule } from './rule.ts'

export interface RuleFolders {
  /** The folder that holds `secrets/`. */
  readonly rulesDirectory: string
  /** A folder of further rules, which must have ids of their own. What they found stands as long as they are given. */
  readonly ownRules?: string
  /** Where what was read of the built-in rules is kept: reading their YAML takes longer than a small scan. */
  readonly cacheDirectory?: string
}

/**
 * The built-in rules and those of one's own, which `own` repeats. Raises INVALID_CONFIG where no built-in one can be
 * used, since without rules everything would look clean, and what `loadOwnRules` raises.
 */
export async function rulesInUse({
  rulesDirectory,
  ownRules,
  cacheDirectory,
}: RuleFolders): Promise<LoadedRules & { readonly own: readonly Rule[] }> {
  // The YAML parser is not loaded where the built-in rules were kept and there are no others.
  const loaders = () => import('./load-rules.ts')
  const builtIn =
    cacheDirectory === undefined
      ? await (await loaders()).loadRules(join(rulesDirectory, 'secrets'))
      : await cachedRules(rulesDirectory, cacheDirectory)
  if (builtIn.rules.length === 0)
    throw new FirebreakError('INVALID_CONFIG', `no rule in ${rulesDirectory} can be used`, 'install again')
  if (ownRules === undefined) return { ...builtIn, own: [] }
  const own = await (await loaders()).loadOwnRules(ownRules, builtIn.rules)
  const version = readerVersion(rulesDirectory, own.rules)
  return {
    rules: [...builtIn.rules, ...own.rules],
    problems: [...builtIn.problems, ...own.problems],
    own: own.rules,
    ...(cacheDirectory && { dictionary: { folder: cacheDirectory, name: dictionaryName(version) } }),
  }
}
