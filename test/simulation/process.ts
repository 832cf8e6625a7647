import type { Boundary } from '../../src/act/actions/step.ts'
import { contain, type ContainOptions, type ContainRequest } from '../../src/act/incident/contain.ts'
import type { ContainReport } from '../../src/act/incident/report.ts'
import { actAutomatically, type AutomaticEvent } from '../../src/act/lifecycle/automatic.ts'
import { offboard, type OffboardReport, type OffboardRequest } from '../../src/act/lifecycle/offboard.ts'
import type { Connection, Connector } from '../../src/core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../src/core/contract/errors.ts'
import type { Io } from '../../src/core/contract/io.ts'
import type { Row } from '../../src/core/store/schema.ts'
import type { Db } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'
import { testKeys } from '../know/estate.ts'
import type { Description, Estate } from './estate.ts'

type TransactionBuilder = ReturnType<Db['transaction']>

/** Raised in everything that a dead process goes on to do. */
class Death extends Error {}

/** How a containment ended for whoever started it. */
export type Ending<Report = ContainReport> = { report: Report } | { failure: FirebreakError } | 'died'

/** A call to the systems outside, counted from when this is said, as 1. */
export interface DyingCall {
  readonly call: number
  readonly when: 'before' | 'after'
}

/** Who looks on at a process, and may end it. */
export interface Watch {
  readonly onBoundary?: (
    step: Row<'step'>,
    boundary: Boundary,
    error: string | undefined,
    process: Process,
  ) => void
  readonly dieAtCall?: DyingCall
  /** What comes between all that was read and this transaction, counted from 1. */
  readonly beforeTransaction?: (count: number, process: Process) => Promise<void>
  /** What comes before it turns to a system. */
  readonly beforeOpening?: (system: string) => Promise<void>
}

/**
 * One run of the program. When it dies, whatever it was doing gets no further: no call goes out, nothing is written, and
 * its claim on the run stands.
 */
export class Process {
  readonly #db: Db
  readonly #io: Io
  readonly #connections: Connections
  readonly #systems: readonly string[]
  #dead = false
  #calls = 0
  #dyingCall: DyingCall | undefined
  #diesWhenBroken = false
  #transactions = 0
  #beforeTransaction: Watch['beforeTransaction']
  #beforeOpening: Watch['beforeOpening']

  constructor(estate: Estate, db: Db) {
    this.#io = {
      fetch: () => Promise.reject(new Error('a simulation has no network')),
      signal: new AbortController().signal,
      now: () => new Date(estate.time.now()),
      random: count => estate.random.bytes(count),
      sleep: async ms => {
        this.#mustLive()
        await estate.time.sleep(ms)
        this.#mustLive()
      },
    }
    this.#db = new Proxy(db, {
      get: (target, name) => {
        this.#mustLive()
        const before = this.#beforeTransaction
        if (name === 'transaction' && before) return () => this.#preceded(target, before)
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const connectors = estate.connectors().map(connector => this.#mortal(connector))
    this.#connections = new Connections(connectors, testKeys, this.#io)
    this.#systems = connectors.map(({ system }) => system)
  }

  get io(): Io {
    return this.#io
  }

  /** Calls to the systems outside. */
  get calls(): number {
    return this.#calls
  }

  die(): never {
    this.#dead = true
    throw new Death()
  }

  dieAtCall({ call, when }: DyingCall): void {
    this.#dyingCall = { call: this.#calls + call, when }
  }

  /** From now on, as soon as a call breaks off, so that what it does is left half done. */
  dieWhenBroken(): void {
    this.#diesWhenBroken = true
  }

  async connect({ approved, workloads }: Description): Promise<void> {
    await this.#connections.add(this.#db, 'postgres', {}, 'db.example')
    if (this.#systems.includes('redis')) await this.#connections.add(this.#db, 'redis', {}, 'cache.example')
    if (this.#systems.includes('mariadb'))
      await this.#connections.add(this.#db, 'mariadb', {}, 'shop-db.example')
    if (this.#systems.includes('aws')) await this.#connections.add(this.#db, 'aws', {}, 'aws')
    await this.#connections.add(this.#db, 'directory', {
      path: '/estate',
      approved,
      ...(workloads && { workloads }),
    })
  }

  async observe(): Promise<void> {
    for (const source of await this.#connections.list(this.#db))
      await observe(this.#db, source, await this.#connections.open(this.#db, source.id), {
        io: this.#io,
        keys: testKeys,
        ...BUILT_IN_RULES,
        workers: 1,
      })
  }

  async contain(request: ContainRequest, watch: Watch = {}): Promise<Ending> {
    return await this.#act(watch, options => contain(this.#db, options, request))
  }

  async offboard(request: OffboardRequest, watch: Watch = {}): Promise<Ending<OffboardReport>> {
    return await this.#act(watch, options => offboard(this.#db, options, request))
  }

  /** What the requirements in force say that happens by itself. */
  async automatic(watch: Watch = {}): Promise<Ending<AutomaticEvent[]>> {
    return await this.#act(watch, async options => {
      const told: AutomaticEvent[] = []
      await actAutomatically(this.#db, options, event => told.push(event))
      return told
    })
  }

  async #act<Report>(
    watch: Watch,
    work: (options: Omit<ContainOptions, 'onPlan'>) => Promise<Report>,
  ): Promise<Ending<Report>> {
    if (watch.dieAtCall) this.dieAtCall(watch.dieAtCall)
    this.#beforeTransaction = watch.beforeTransaction
    this.#beforeOpening = watch.beforeOpening
    try {
      const report = await work({
        io: this.#io,
        keys: testKeys,
        connections: this.#connections,
        ...BUILT_IN_RULES,
        onBoundary: (step, boundary, error) => {
          this.#mustLive()
          watch.onBoundary?.(step, boundary, error, this)
        },
      })
      await this.#connections.close()
      return { report }
    } catch (error) {
      if (this.#dead) return 'died'
      if (error instanceof FirebreakError) return { failure: error }
      throw error
    }
  }

  #mustLive(): void {
    if (this.#dead) throw new Death()
  }

  #preceded(db: Db, before: NonNullable<Watch['beforeTransaction']>): Pick<TransactionBuilder, 'execute'> {
    return {
      execute: async work => {
        await before(++this.#transactions, this)
        this.#mustLive()
        return await db.transaction().execute(work)
      },
    }
  }

  #counted(method: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      this.#mustLive()
      const dies = this.#dyingCall?.call === ++this.#calls ? this.#dyingCall.when : undefined
      if (dies === 'before') this.die()
      const answer = method(...args)
      if (dies === undefined && this.#diesWhenBroken && answer instanceof Promise)
        return answer.catch(error => {
          if (isFirebreakError(error, 'UNREACHABLE')) this.die()
          throw error
        })
      if (dies === undefined) return answer
      // What lists things has not begun yet; all else is carried out, and nobody learns of it.
      if (!(answer instanceof Promise)) this.die()
      const die = () => this.die()
      return answer.then(die, die)
    }
  }

  #mortal(connector: Connector): Connector {
    return {
      ...connector,
      open: async (config, io) => {
        this.#mustLive()
        await this.#beforeOpening?.(connector.system)
        const connection = await connector.open(config, io)
        return new Proxy(connection, {
          get: (target: Connection, name) => {
            this.#mustLive()
            const member: unknown = Reflect.get(target, name, target)
            return typeof member === 'function' && name !== 'close'
              ? this.#counted(member.bind(target))
              : member
          },
        })
      },
    }
  }
}
