import type { RuleFolders } from '../../know/readers/secrets/rules/rules-in-use.ts'

/** Of whatever has more, the folders of rules, as reading takes them. */
export function rulesFrom({ rulesDirectory, ownRules, cacheDirectory }: RuleFolders): RuleFolders {
  return {
    rulesDirectory,
    ...(ownRules !== undefined && { ownRules }),
    ...(cacheDirectory !== undefined && { cacheDirectory }),
  }
}
