import { resolve } from 'node:path'
import { cachedRules } from '../../know/readers/secrets/rule-cache.ts'
import { rulesInUse } from '../../know/readers/secrets/rules-in-use.ts'
import type { World } from './operation.ts'

export const OWN_RULES = 'a directory of your own rules, beside the built-in ones; by default FIREBREAK_RULES'

/** Those asked for, else those that are set for every command. */
export function ownRulesOf(world: World, asked: string | undefined): { ownRules?: string } {
  const own = asked ?? world.ownRules
  return own === undefined ? {} : { ownRules: resolve(own) }
}

/** All rules, with the built-in ones from where they were kept. */
export async function rulesOf(world: World, asked: string | undefined): ReturnType<typeof rulesInUse> {
  const folders = { rulesDirectory: world.rulesDirectory, ...ownRulesOf(world, asked) }
  return await rulesInUse(folders, folder => cachedRules(folder, world.home))
}
