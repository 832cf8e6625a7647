import { join } from 'node:path'
import { FirebreakError } from '../../../../core/contract/errors.ts'
import { rulesDigest, versionOf, versionWith } from '../../version.ts'
import { dictionaryPlace } from '../prefilter/dictionary-place.ts'
import type { LoadedRules } from './load-rules.ts'
import { cachedRules } from './rule-cache.ts'

export interface RuleFolders {
  /** The folder that holds `secrets/`. */
  readonly rulesDirectory: string
  /** A folder of further rules, which must have ids of their own. What they found stands as long as they are given. */
  readonly ownRules?: string
  /** Where what was read of the built-in rules is kept: reading their YAML takes longer than a small scan. */
  readonly cacheDirectory?: string
}

/**
 * The built-in rules and those of one's own, and the version of the readers by which documents are read with them. Raises
 * INVALID_CONFIG where no built-in one can be used, since without rules everything would look clean, and what `loadOwnRules`
 * raises.
 */
export async function rulesInUse({
  rulesDirectory,
  ownRules,
  cacheDirectory,
}: RuleFolders): Promise<LoadedRules & { readonly version: string }> {
  // Asked before: what is changed while it is read is read again as another version's, and not taken for it.
  const digest = rulesDigest(rulesDirectory)
  // The YAML parser is not loaded where the built-in rules were kept and there are no others.
  const loaders = () => import('./load-rules.ts')
  const builtIn =
    cacheDirectory === undefined
      ? await (await loaders()).loadRules(join(rulesDirectory, 'secrets'))
      : await cachedRules(rulesDirectory, cacheDirectory, digest)
  if (builtIn.rules.length === 0)
    throw new FirebreakError('INVALID_CONFIG', `no rule in ${rulesDirectory} can be used`, 'install again')
  const own =
    ownRules === undefined
      ? { rules: [], problems: [] }
      : await (await loaders()).loadOwnRules(ownRules, builtIn.rules)
  const rules = [...builtIn.rules, ...own.rules]
  const isBuilt = builtIn.dictionary === 'built' && own.rules.length === 0
  const dictionary = isBuilt ? 'built' : cacheDirectory && dictionaryPlace(cacheDirectory, rules)
  return {
    rules,
    problems: [...builtIn.problems, ...own.problems],
    version: versionWith(versionOf(digest), own.rules),
    ...(dictionary && { dictionary }),
  }
}
