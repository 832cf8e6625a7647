import type { RuleFolders } from '../../know/readers/secrets/rules/rules-in-use.ts'
import type { World } from './operation.ts'

export const OWN_RULES = 'a directory of your own rules, beside the built-in ones; by default FIREBREAK_RULES'

/** The built-in rules from where they were kept, and one's own. */
export function ruleFoldersOf({ rulesDirectory, home, ownRules }: World): RuleFolders {
  return { rulesDirectory, cacheDirectory: home, ...(ownRules !== undefined && { ownRules }) }
}
