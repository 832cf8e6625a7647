import type { Connection } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Json, Ms, State } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'

/**
 * One step of a plan. `key` is the same whenever the same plan is made again, so that planning twice adds nothing.
 * `needs` are the keys that must be verified, or skipped, before it may begin; steps without a path between
 * them run at once. `args` is the verb's own, and holds references, never secrets; `args.redo`, for any verb, are the
 * keys of steps whose effect this one looks for: they are made again when it does not find it.
 */
export interface PlannedStep {
  readonly key: string
  readonly verb: string
  readonly title: string
  readonly needs: readonly string[]
  readonly args: { readonly [name: string]: Json }
  /** Not begun before; with nothing else to do, the run is put down until then. */
  readonly notBefore?: Ms
}

/** What a handler works with. Nothing in it writes to the journal but the runner itself. */
export interface StepContext {
  readonly db: Db
  readonly io: Io
  readonly keys: Keys
  readonly runId: string
  readonly key: string
  readonly attempt: number
  readonly args: { readonly [name: string]: Json }
  /** What `inspect` gave before the first attempt. */
  readonly before: State
  readonly connections: Connections
  connection(): Promise<Connection>
  /** What another step of this run recorded. */
  resultOf(key: string): Promise<Json>
  /** What stood before another step of this run. */
  beforeOf(key: string): Promise<State>
  /** What another step of this run issued. */
  secretOf(key: string): Promise<Secret>
  /** The leaked secret that this step is about (`args.leak`, else the first), where the run has it. */
  exposedSecret(): Promise<Secret | undefined>
}

export interface Outcome {
  readonly result: Json
  /** Sealed under the run's key together with the result, and erased when the run ends. */
  readonly secret?: Secret
  /** Why there was nothing to do, or why it cannot be done there. */
  readonly skipped?: string
  /** What was skipped leaves a holder something, so that nothing is contained by what else is done. */
  readonly leavesOpen?: boolean
}

/** What a verb means. `call` may run twice with the same end; where it may not, `undo` takes back a first attempt. */
export interface StepHandler {
  /** Read-only; journalled before the call. */
  inspect?(step: StepContext): Promise<State>
  call(step: StepContext): Promise<Outcome>
  /** Throws where the effect cannot be seen outside. What it returns replaces the result. */
  verify?(step: StepContext, outcome: Outcome): Promise<Json>
  /** Takes back what an attempt, finished or not, may have left outside. */
  undo?(step: StepContext): Promise<void>
  /**
   * What the inventory learns: the function that it gives writes in the transaction of the step's last state. All that
   * has to be read or asked comes before: within a transaction the store answers nobody else.
   */
  settle?(step: StepContext, result: Json): Promise<(tx: Tx) => Promise<void>>
}

/** The points of a step between which a process may die; told to whoever watches the run. */
export const BOUNDARIES = ['begin', 'intent', 'call', 'result', 'verified'] as const
export type Boundary = (typeof BOUNDARIES)[number]
