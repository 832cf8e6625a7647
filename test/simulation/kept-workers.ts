import type { Piscina as PiscinaOf } from 'piscina'
import { vi } from 'vitest'
import type { SimulatedTime } from './simulated-time.ts'

/**
 * A simulation observes some hundred times. What that costs and does not depend on what is observed is done once: to
 * read the rules, and to start the worker. The real readers run in the real worker; simulated time waits for it.
 */
let time: SimulatedTime | undefined

export function keepTimeStillForWorkers(of: SimulatedTime): void {
  time = of
}

vi.mock('piscina', async original => {
  const { Piscina } = await original<typeof import('piscina')>()
  let kept: PiscinaOf | undefined
  class KeptPiscina {
    readonly #pool: PiscinaOf

    constructor(options: ConstructorParameters<typeof Piscina>[0]) {
      kept ??= new Piscina(options)
      this.#pool = kept
    }

    async run(...args: Parameters<PiscinaOf['run']>): Promise<unknown> {
      const answer = this.#pool.run(...args)
      return await (time ? time.during(answer) : answer)
    }

    async destroy(): Promise<void> {}
  }
  return { Piscina: KeptPiscina }
})

vi.mock('../../src/know/readers/secrets/load-rules.ts', async original => {
  const real = await original<typeof import('../../src/know/readers/secrets/load-rules.ts')>()
  let rules: ReturnType<typeof real.loadRules> | undefined
  return { ...real, loadRules: (folder: string) => (rules ??= real.loadRules(folder)) }
})

vi.mock('../../src/know/observe/reader-version.ts', async original => {
  const real = await original<typeof import('../../src/know/observe/reader-version.ts')>()
  let version: ReturnType<typeof real.readerVersion> | undefined
  return { ...real, readerVersion: (folder: string) => (version ??= real.readerVersion(folder)) }
})
