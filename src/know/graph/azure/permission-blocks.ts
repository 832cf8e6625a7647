import { namePattern } from '../../../core/contract/name-pattern.ts'

/** One of a role's permissions, or what a deny assignment denies: what is left out of one may be in another. */
export interface Block {
  readonly actions: readonly string[]
  readonly notActions: readonly string[]
  readonly dataActions: readonly string[]
  readonly notDataActions: readonly string[]
}

/** Whether an action is among those of the block; with `data ` before it, among those on data. No letter's case counts. */
export function permits(block: Block, action: string): boolean {
  const isData = action.startsWith('data ')
  const name = action.replace(/^data /, '').toLowerCase()
  const [given, taken] = isData
    ? [block.dataActions, block.notDataActions]
    : [block.actions, block.notActions]
  return given.some(pattern => fits(pattern, name)) && !taken.some(pattern => fits(pattern, name))
}

const patterns = new Map<string, RegExp>()

function fits(pattern: string, name: string): boolean {
  let found = patterns.get(pattern)
  if (!found) patterns.set(pattern, (found = namePattern(pattern.toLowerCase())))
  return found.test(name)
}
