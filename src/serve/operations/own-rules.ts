import { resolve } from 'node:path'
import type { RuleFolders } from '../../know/readers/secrets/rules-in-use.ts'
import type { World } from './operation.ts'

export const OWN_RULES = 'a directory of your own rules, beside the built-in ones; by default FIREBREAK_RULES'

/** The built-in rules from where they were kept, and those asked for, else those that are set for every command. */
export function ruleFoldersOf(world: World, asked?: string): RuleFolders {
  const own = asked ?? world.ownRules
  return {
    rulesDirectory: world.rulesDirectory,
    cacheDirectory: world.home,
    ...(own !== undefined && { ownRules: resolve(own) }),
  }
}
