import type { Boundary } from '../../src/act/actions/step.ts'
import type { ContainRequest } from '../../src/act/incident/contain.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import type { AutomaticEvent } from '../../src/act/lifecycle/automatic.ts'
import type { OffboardReport, OffboardRequest } from '../../src/act/lifecycle/offboard.ts'
import type { Db } from '../../src/core/store/store.ts'
import { contentOf, type Description, Estate } from './estate.ts'
import { type Contained, rightsOf } from './invariants.ts'
import { type Ending, Process, type Watch } from './process.ts'
import { memoryStore } from '../memory-store.ts'

const SETUP_MS = 3_600_000

/** An estate that was observed, from which any number of runs begin, each in systems and a store of its own. */
export class Stage {
  readonly #description: Description
  readonly #stored: Uint8Array

  private constructor(description: Description, stored: Uint8Array) {
    this.#description = description
    this.#stored = stored
  }

  static async set(description: Description): Promise<Stage> {
    const db = await memoryStore()
    try {
      const process = new Process(new Estate(description, 'setup'), db)
      await process.connect(description)
      await process.observe()
      return new Stage(description, await contentOf(db))
    } finally {
      await db.destroy()
    }
  }

  async begin(seed: number | string = 0): Promise<Scene> {
    const estate = new Estate(this.#description, seed)
    // What was observed was observed before.
    await estate.time.sleep(SETUP_MS)
    return new Scene(this.#description, estate, await memoryStore(this.#stored))
  }
}

export interface Told {
  readonly key: string
  readonly boundary: Boundary
  readonly error?: string
}

/** One run in the making: the systems, the store, and the processes that come and go. */
export class Scene {
  readonly description: Description
  readonly estate: Estate
  readonly db: Db
  /** What all its processes were told, in order. */
  readonly told: Told[] = []
  /** Calls that the last process made to the systems. */
  calls = 0
  readonly #scopes: ReadonlyMap<string, string[]>

  constructor(description: Description, estate: Estate, db: Db) {
    this.description = description
    this.estate = estate
    this.db = db
    this.#scopes = new Map([...estate.roles].map(([name, role]) => [name, rightsOf(role)]))
  }

  /** The role as it has to end: contained, with the new credential in these places. */
  contained(name: string, places: readonly string[]): Contained {
    const role = this.estate.roles.get(name)
    const described = this.description.roles.find(each => each.name === name)
    if (!role || !described) throw new Error(`no role ${name}`)
    return { role, leaked: described.password, places, scopes: this.#scopes.get(name) ?? [] }
  }

  /** A process of its own that contains; it dies where the watch says so. */
  async contain(
    request: ContainRequest,
    watch: Watch & { dieAt?: { key: string; boundary: Boundary } } = {},
  ): Promise<Ending> {
    const process = new Process(this.estate, this.db)
    const ending = await process.contain(request, this.#watched(watch))
    this.calls = process.calls
    return ending
  }

  /** The same of one that offboards. */
  async offboard(
    request: OffboardRequest,
    watch: Watch & { dieAt?: { key: string; boundary: Boundary } } = {},
  ): Promise<Ending<OffboardReport>> {
    const process = new Process(this.estate, this.db)
    const ending = await process.offboard(request, this.#watched(watch))
    this.calls = process.calls
    return ending
  }

  #watched(watch: Watch & { dieAt?: { key: string; boundary: Boundary } }): Watch {
    return {
      ...watch,
      onBoundary: (step, boundary, error, process) => {
        this.told.push({ key: step.key, boundary, ...(error && { error }) })
        watch.onBoundary?.(step, boundary, error, process)
        if (watch.dieAt?.key === step.key && watch.dieAt.boundary === boundary) process.die()
      },
    }
  }

  async automatic(): Promise<AutomaticEvent[]> {
    return reportOf(await this.automaticEnding())
  }

  async automaticEnding(
    watch: Watch & { dieAt?: { key: string; boundary: Boundary } } = {},
  ): Promise<Ending<AutomaticEvent[]>> {
    return await new Process(this.estate, this.db).automatic(this.#watched(watch))
  }

  async observe(): Promise<void> {
    await new Process(this.estate, this.db).observe()
  }

  async end(): Promise<void> {
    await this.db.destroy()
  }
}

/** The report of an ending that has one. */
export function reportOf<Report = ContainReport>(ending: Ending<Report>): Report {
  if (ending === 'died') throw new Error('the process died')
  if ('failure' in ending) throw ending.failure
  return ending.report
}
