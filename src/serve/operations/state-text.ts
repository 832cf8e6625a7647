import pc from 'picocolors'

/** The colour says what to look at first. */
export function stateText(state: string): string {
  if (state === 'live') return pc.red(state)
  return state === 'dead' ? pc.green(state) : pc.yellow(state)
}
