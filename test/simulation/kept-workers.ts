import type * as PiscinaModule from 'piscina'
import { vi } from 'vitest'
import type * as ReaderVersion from '../../src/know/readers/version.ts'
import type * as DictionaryPlace from '../../src/know/readers/secrets/prefilter/dictionary-place.ts'
import type * as RuleCache from '../../src/know/readers/secrets/rules/rule-cache.ts'
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
  const { Piscina } = await original<typeof PiscinaModule>()
  let kept: PiscinaModule.Piscina | undefined
  class KeptPiscina {
    readonly #pool: PiscinaModule.Piscina

    constructor(options: ConstructorParameters<typeof Piscina>[0]) {
      kept ??= new Piscina(options)
      this.#pool = kept
    }

    async run(...args: Parameters<PiscinaModule.Piscina['run']>): Promise<unknown> {
      const answer = this.#pool.run(...args)
      return await (time ? time.during(answer) : answer)
    }

    /** It is kept by all: whoever hears that a worker died would end it for the others. */
    on(): void {}

    once(): void {}

    async destroy(): Promise<void> {}
  }
  return { Piscina: KeptPiscina }
})

vi.mock('../../src/know/readers/secrets/rules/rule-cache.ts', async original => {
  const real = await original<typeof RuleCache>()
  let rules: ReturnType<typeof real.cachedRules> | undefined
  return {
    ...real,
    cachedRules: (...given: Parameters<typeof real.cachedRules>) => (rules ??= real.cachedRules(...given)),
  }
})

vi.mock('../../src/know/readers/version.ts', async original => {
  const real = await original<typeof ReaderVersion>()
  let digest: string | undefined
  return { ...real, rulesDigest: (folder: string) => (digest ??= real.rulesDigest(folder)) }
})

vi.mock('../../src/know/readers/secrets/prefilter/dictionary-place.ts', async original => {
  const real = await original<typeof DictionaryPlace>()
  let place: ReturnType<typeof real.dictionaryPlace> | undefined
  return {
    ...real,
    dictionaryPlace: (...given: Parameters<typeof real.dictionaryPlace>) =>
      (place ??= real.dictionaryPlace(...given)),
  }
})
