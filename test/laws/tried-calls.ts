import type { Faults, World } from './world.ts'

/** Some calls of many, broken before and after their effect: each try makes things and opens a dozen connections. */
export function* someCalls(calls: number, { faultStep = 1 }: World) {
  const step = Math.ceil(calls / 16) * faultStep
  for (const when of ['before', 'after'] as const)
    for (let call = when === 'before' ? 1 : Math.ceil(step / 2); call <= calls; call += step)
      yield { call, when }
}

/** How many calls it takes undisturbed. */
export async function countCalls(faults: Faults, run: () => Promise<unknown>): Promise<number> {
  faults.noFault()
  await run()
  return faults.count()
}
