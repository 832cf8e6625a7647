import type { ContainRequest } from '../../src/act/incident/contain.ts'
import type { Mode } from '../../src/act/incident/incident.ts'
import type { MemorySession } from '../../src/connectors/postgres/memory.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Consumer } from './consumer.ts'
import { mustBeContained } from './invariants.ts'
import type { Ending, Process, Watch } from './process.ts'
import { SeededRandom } from './seeded-random.ts'
import { PASSWORD } from './shop.ts'
import { reportOf, type Scene, type Stage } from './stage.ts'

const PLACE = 'orders/.env'
const MOST_DISTURBED = 6
const SYSTEMS = ['postgres', 'directory'] as const

/**
 * One containment as bad as the seed makes it: up to six processes that die, or whose messages break, or whose systems
 * are away for a while; a consumer at work, an attacker who logs in midway. Then one in peace, which must end it right.
 */
export async function campaign(stage: Stage, seed: number): Promise<void> {
  const random = new SeededRandom(`campaign ${seed}`)
  const scene = await stage.begin(seed)
  const { estate } = scene
  const mode = random.pick<Mode>(['graceful', 'emergency'])
  const consumer = random.chance(30) ? new Consumer(estate, PLACE, 'api', { rereads: true }) : undefined
  const request: ContainRequest = {
    mode,
    windowSeconds: consumer ? 2 : 0,
    ...(random.chance(50) ? { subject: 'orders' } : { secret: new Secret(PASSWORD) }),
  }
  const attacker = new Attacker(scene, random)
  const history: string[] = [`${mode}${consumer ? ', a consumer' : ''}`]
  try {
    let ending: Ending = 'died'
    for (let left = 1 + random.below(MOST_DISTURBED); left > 0 && !isDone(ending); left--) {
      const disturbance = disturb(scene, random)
      history.push(disturbance.what)
      ending = await scene.contain(request, attacker.during(disturbance.watch))
      estate.noFault()
      await disturbance.over()
    }
    if (!isDone(ending)) ending = await scene.contain(request)
    let escalated = false
    if (!isDone(ending)) {
      // Somebody who logs in with the old one keeps a graceful run waiting, and rightly so.
      history.push('made an emergency')
      escalated = true
      ending = await scene.contain({ ...request, mode: 'emergency' })
    }
    await mustBeContained(scene.db, estate, reportOf(ending), [scene.contained('orders', [PLACE])])
    if (attacker.session?.alive) throw new Error('the attacker has a session still')
    if (consumer && mode === 'graceful' && !escalated && consumer.failures > 0)
      throw new Error(`a graceful containment refused a consumer ${consumer.failures} times`)
  } catch (error) {
    const steps = scene.told.map(({ key, boundary, error: why }) => `${key} ${boundary} ${why ?? ''}`)
    throw new Error(
      `seed ${seed} (${history.join('; ')}): ${String(error)}\n${steps.slice(-12).join('\n')}`,
      {
        cause: error,
      },
    )
  } finally {
    consumer?.stop()
    await scene.end()
  }
}

function isDone(ending: Ending): boolean {
  return ending !== 'died' && 'report' in ending && ending.report.state === 'done'
}

/** Logs in with the leaked password at some boundary, where the server lets it. */
class Attacker {
  readonly #scene: Scene
  #in: number
  session: MemorySession | undefined

  constructor(scene: Scene, random: SeededRandom) {
    this.#scene = scene
    this.#in = random.chance(40) ? 1 + random.below(40) : Infinity
  }

  during(watch: Watch): Watch {
    return {
      ...watch,
      onBoundary: (...told) => {
        if (--this.#in === 0)
          this.session = this.#scene.estate.server.login('orders', new Secret(PASSWORD), 'attacker')
        watch.onBoundary?.(...told)
      },
    }
  }
}

interface Disturbance {
  readonly what: string
  readonly watch: Watch
  /** Until it has passed. */
  over(): Promise<void>
}

/** From some boundary on, or from the beginning. */
function disturb(scene: Scene, random: SeededRandom): Disturbance {
  const { estate } = scene
  // What is left of the run grows less with each process.
  const from = random.below(scene.told.length === 0 ? 40 : 10)
  const when = random.pick(['before', 'after'] as const)
  const system = random.pick(SYSTEMS)
  const within = 1 + random.below(system === 'postgres' ? 6 : 3)
  let passed = 0
  let away: Promise<void> | undefined
  const reach = (is: boolean) => {
    if (system === 'postgres') estate.server.reachable = is
    else estate.directoryReachable = is
  }
  const forMs = 1000 * random.pick([2, 20, 90, 600])
  const [what, happen] = random.pick<[string, (process: Process) => void]>([
    ['it dies', process => process.die()],
    [`it dies ${when} call ${within}`, process => process.dieAtCall({ call: within, when })],
    [`message ${within} to ${system} breaks ${when}`, () => estate.failAt(system, within, when)],
    [
      `it dies when message ${within} to ${system} breaks ${when}`,
      process => {
        estate.failAt(system, within, when)
        process.dieWhenBroken()
      },
    ],
    [
      `${system} is away for ${forMs} ms`,
      () => {
        reach(false)
        away = estate.time.sleep(forMs).then(() => reach(true))
      },
    ],
  ])
  return {
    what: `from boundary ${from}: ${what}`,
    watch: {
      onBoundary: (_step, _boundary, _error, process) => {
        if (passed++ === from) happen(process)
      },
    },
    over: async () => await away,
  }
}
