import { type Crossing as AwsCrossing, loadCrossings as loadAwsCrossings } from './aws/crossing.ts'
import { type JoinedCrossing, loadJoinedCrossings } from './joined/joined-crossing.ts'

/** The rules by which more follows than what sources tell: rules/crossings/. */
export interface CrossingRules {
  /** How one AWS principal gains another. */
  readonly aws: readonly AwsCrossing[]
  /** What follows where several things that sources told meet. */
  readonly joined: readonly JoinedCrossing[]
}

export const NO_RULES: CrossingRules = { aws: [], joined: [] }

/** Raises on a broken file: the rules are part of the program. */
export async function loadCrossingRules(rulesDirectory: string): Promise<CrossingRules> {
  const [aws, joined] = await Promise.all([
    loadAwsCrossings(rulesDirectory),
    loadJoinedCrossings(rulesDirectory),
  ])
  return { aws, joined }
}
