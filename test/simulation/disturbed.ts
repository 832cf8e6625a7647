import { expect } from 'vitest'
import type { ContainRequest } from '../../src/act/incident/contain.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import type { Ending } from './process.ts'
import { reportOf, type Scene, type Stage } from './stage.ts'

/** A containment, and how it has to end. */
export interface Containment {
  readonly stage: Stage
  readonly request: ContainRequest
  readonly mustBeContained: (scene: Scene, report: ContainReport) => Promise<void>
}

/** Disturbs it in each way, in a scene of its own. What the first process has not finished, the second one has to. */
export async function mustEndWell<Case extends object>(
  { stage, request, mustBeContained }: Containment,
  cases: readonly Case[],
  disturb: (scene: Scene, one: Case) => Promise<Ending>,
): Promise<void> {
  const wrong: string[] = []
  for (const one of cases) {
    const scene = await stage.begin()
    try {
      const first = await disturb(scene, one)
      const isDone = first !== 'died' && 'report' in first && first.report.state === 'done'
      await mustBeContained(scene, reportOf(isDone ? first : await scene.contain(request)))
    } catch (error) {
      wrong.push(`${JSON.stringify(one)}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      await scene.end()
    }
  }
  expect(wrong).toEqual([])
  expect(cases.length).toBeGreaterThan(0)
}

/** Every call of so many, broken before and after its effect. */
export function eachCall(count: number): { call: number; when: 'before' | 'after' }[] {
  const calls = Array.from({ length: count }, (_, index) => index + 1)
  return calls.flatMap(call => (['before', 'after'] as const).map(when => ({ call, when })))
}
