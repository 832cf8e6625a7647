import type { ZodType } from 'zod'
import type { Change, ChangeRange } from '../../core/contract/change.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Sealer } from '../../core/evidence/sealer.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Db } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import type { Endpoint, HttpOptions, HttpServer } from './broker/endpoint.ts'
import type { WorkloadApi } from './broker/workload-api.ts'

/** What a caller must be allowed. The local command line is its owner's and has them all. */
export type Permission = 'read' | 'observe' | 'connect' | 'contain' | 'look-up-by-secret' | 'broker' | 'lease'

/** What happens while an operation runs, for whoever watches. Never holds a secret. */
export type ProgressEvent =
  | {
      kind: 'scan'
      /** The source's label. */
      label: string
      documents: number
      bytes: number
      /** Absent where the source cannot tell beforehand. */
      totalBytes?: number
      finds: number
      done: boolean
    }
  /** One step of a run: `state` is the journal's word for it (`called`, `verified`, `stuck`, …). */
  | { kind: 'step'; title: string; state: string; detail?: string }
  | { kind: 'note'; text: string }

/** What main.ts composes. All that an operation can do goes through it. */
export interface World {
  readonly home: string
  readonly db: Db
  readonly keys: Keys
  readonly io: Io
  readonly connections: Connections
  /** What seals evidence while the command runs, where its process does. */
  readonly sealer?: Pick<Sealer, 'pause'>
  readonly rulesDirectory: string
  /** Where rules of one's own are: those asked for, else those that are set for every command (FIREBREAK_RULES). */
  readonly ownRules?: string
  /** The package's own. */
  readonly version: string
  /** The keys, where there is a root key already: what needs no store makes none. */
  existingKeys(): Promise<Keys | undefined>
  /** What is staged in a repository, or what some of its commits bring: read once, and not kept. */
  openChange(path: string, range: ChangeRange): Promise<Change>
  progress(event: ProgressEvent): void
  /** One line on standard output while the operation runs; with --json, `json` is the line. */
  say(line: { readonly text: string; readonly json: unknown }): void
  /** What is piped in, to its end. */
  readInput(): AsyncIterable<Uint8Array>
  /** One secret from standard input: no echo, one trailing newline stripped, 64 KiB at most. */
  readSecret(prompt: string): Promise<Secret>
  /** Serves endpoints over HTTP until it is closed. */
  serveHttp(endpoints: readonly Endpoint[], options: HttpOptions): Promise<HttpServer>
  /** Serves SPIFFE's Workload API at a socket until it is closed. */
  serveWorkloadApi(api: WorkloadApi): Promise<{ close(): Promise<void> }>
  /** Until what it gives is called, signals do not interrupt but are handed to `handler`. */
  takeSignals(handler: (signal: NodeJS.Signals) => void): () => void
}

/**
 * One thing that a caller can do. The command line is derived wholly from this: positional arguments and flags from
 * `input`, help from `summary`, the fields' descriptions and `examples`.
 */
export interface Operation<Input = unknown, Output = unknown> {
  readonly name: string
  /** One line, the same as in all.ts. */
  readonly summary: string
  readonly permission: Permission
  /** A `z.object`; each field has a `.describe()`. */
  readonly input: ZodType<Input>
  /**
   * Where one field's value decides which further flags there are (`connect SYSTEM`): each choice is a subcommand, and
   * what its flags give is collected in the field `into`.
   */
  readonly variants?: {
    readonly field: string
    readonly into: string
    readonly choices: readonly { name: string; summary: string; input: ZodType }[]
  }
  /** The fields that are given by position, in order; the last one may be an array. */
  readonly positional?: readonly string[]
  readonly examples: readonly { command: string; shows: string }[]
  /** False where this input is answered without the database: then `db`, `keys` and `connections` may not be touched. */
  needsStore?(input: Input): boolean
  /** The directory of the caller's own rules, where this input names one. */
  ownRules?(input: Input): string | undefined
  /** It is for a store, too, whose content was moved elsewhere; all others are refused there. */
  readonly takesMoved?: boolean
  run(world: World, input: Input): Promise<Output>
  /** What a person reads, in lines of at most `width` columns. */
  text(output: Output, width: number): string
  /** The same line by line, where there may be more of it than memory should hold. */
  lines?(output: Output, width: number): Iterable<string>
  /** What `--json` prints, where it is not the output itself; nothing where it is undefined. */
  json?(output: Output): unknown
  /** Default 0. A failure raises instead, and the error's code decides. */
  exitCode?(output: Output): number
  /** What failed although there is an output: printed after it as errors are, and the exit code is theirs. */
  failures?(output: Output): readonly Error[]
}

/** Infers `Input` and `Output`, and checks them against each other. */
export function defineOperation<Input, Output>(
  operation: Operation<Input, Output>,
): Operation<Input, Output> {
  return operation
}
