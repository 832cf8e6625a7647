import { type FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Json, State } from '../../core/contract/ref.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row, RunState } from '../../core/store/schema.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { claimRun } from './claim.ts'
import {
  changeStep,
  endRun,
  exposedSecrets,
  runRow,
  type StepEvidence,
  sealIssued,
  stepsOf,
  Superseded,
  unsealIssued,
} from './journal.ts'
import type { Boundary, Outcome, StepContext, StepHandler } from './step.ts'

export interface RunOptions {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
  readonly handlers: Readonly<Record<string, StepHandler>>
  /** Told of every step at every boundary, after what the boundary names is durable. */
  readonly onBoundary?: (step: Row<'step'>, boundary: Boundary, error?: string) => void
  /** How long failing steps are retried before the run is left `stuck`; it goes on from there when run again. */
  readonly patienceSeconds?: number
  /** Written in the transaction that ends the run as done. */
  readonly whenDone?: (tx: Tx) => Promise<void>
}

const MOST_AT_ONCE = 8
const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 30_000
const DEFAULT_PATIENCE_SECONDS = 60

/**
 * Carries a run to its end, from wherever an earlier process left it: claim → for each step whose needs are met:
 * intent → call → result → verify. Returns `done`, or `stuck` with the steps that could not be finished marked so; or
 * `running` where all that is left is planned for later: whoever planned it takes the run up again then.
 */
export async function runSteps(db: Db, runId: string, options: RunOptions): Promise<RunState> {
  const { io } = options
  const claim = await claimRun(db, io, runId)
  const at = { runId, epoch: claim.epoch }
  const giveUpAt = io.now().getTime() + (options.patienceSeconds ?? DEFAULT_PATIENCE_SECONDS) * 1000
  const atWork = new Map<string, Promise<void>>()
  let broken: unknown
  try {
    // Somebody else has just ended it.
    if (claim.state === 'done') return 'done'
    await unstick(db, at, io)
    for (;;) {
      if (broken !== undefined || io.signal.aborted) {
        // What is at work hears the same signal. Nothing that races with it may be waited for: all of it is over at once.
        await Promise.allSettled(atWork.values())
        throw io.signal.aborted ? io.signal.reason : broken
      }
      const steps = await stepsOf(db, runId)
      for (const step of nextSteps(steps, new Set(atWork.keys()), io.now().getTime()))
        if (atWork.size < MOST_AT_ONCE) {
          const work = takeStep(db, at, step, options, giveUpAt)
            .catch(error => {
              broken = error
            })
            .finally(() => atWork.delete(step.key))
          atWork.set(step.key, work)
        }
      if (atWork.size === 0) {
        const waiting = steps.filter(step => isReady(step, steps))
        if (waiting.length === 0) break
        // It is put down, open, and nobody's meanwhile.
        if (waiting.every(step => (step.not_before ?? 0) > io.now().getTime())) return 'running'
        const soonest = Math.min(...waiting.map(dueAt))
        await io.sleep(Math.max(1, soonest - io.now().getTime()))
        continue
      }
      // Woken once a second too: the time of a step that failed may have come while another is still at work.
      await Promise.race([...atWork.values(), io.sleep(1000).catch(() => {})])
    }
    const steps = await stepsOf(db, runId)
    const state = steps.every(step => isOver(step)) ? 'done' : 'stuck'
    await endRun(db, io, at, state, state === 'done' ? options.whenDone : undefined)
    return state
  } finally {
    await Promise.allSettled(atWork.values())
    await claim.release().catch(() => {})
  }
}

function isOver(step: Row<'step'>): boolean {
  return step.state === 'verified' || step.state === 'skipped'
}

function isReady(step: Row<'step'>, steps: readonly Row<'step'>[]): boolean {
  if (isOver(step) || step.state === 'stuck') return false
  const needs = JSON.parse(step.needs) as string[]
  return needs.every(key => steps.some(other => other.key === key && isOver(other)))
}

function dueAt(step: Row<'step'>): number {
  return Math.max(step.next_at ?? 0, step.not_before ?? 0)
}

function nextSteps(steps: readonly Row<'step'>[], atWork: ReadonlySet<string>, now: number): Row<'step'>[] {
  return steps.filter(step => !atWork.has(step.key) && isReady(step, steps) && dueAt(step) <= now)
}

/** What was given up before is tried again: whoever runs it anew expects that. */
async function unstick(db: Db, at: { runId: string; epoch: number }, io: Io): Promise<void> {
  for (const step of await stepsOf(db, at.runId))
    if (step.state === 'stuck' || (step.next_at !== null && !isOver(step)))
      await changeStep(
        db,
        io,
        { ...at, key: step.key },
        { state: step.state === 'stuck' ? 'intent' : step.state, next_at: null },
        { kind: 'step.retried', body: {} },
      )
}

async function takeStep(
  db: Db,
  run: { runId: string; epoch: number },
  step: Row<'step'>,
  options: RunOptions,
  giveUpAt: number,
): Promise<void> {
  const { io, keys, onBoundary } = options
  const at = { ...run, key: step.key }
  const handler = options.handlers[step.verb]
  if (!handler) throw new TypeError(`no handler for the verb ${step.verb}`)
  const row = await runRow(db, run.runId)
  let current: Row<'step'> = step
  const tell = (boundary: Boundary, error?: string) => onBoundary?.(current, boundary, error)
  const change = async (
    patch: Partial<Row<'step'>>,
    evidence: StepEvidence,
    also?: (tx: Tx) => Promise<void>,
  ) => {
    await changeStep(db, io, at, patch, evidence, also)
    current = { ...current, ...patch }
  }
  const context = (): StepContext => contextOf(db, row, current, options)

  try {
    tell('begin')
    // An intent without a result: the call may have happened, in part. What cannot run twice is taken back first.
    if (current.state === 'intent' && current.attempts > 0 && handler.undo) {
      await handler.undo(context())
      await change({ state: 'pending' }, { kind: 'step.undone', body: { verb: step.verb } })
    }
    if (current.state === 'pending' || current.state === 'intent') {
      const before = current.before ?? JSON.stringify((await handler.inspect?.(context())) ?? null)
      const attempts = current.attempts + 1
      const started = {
        state: 'intent' as const,
        attempts,
        before,
        started_at: current.started_at ?? io.now().getTime(),
      }
      await change(started, {
        kind: 'step.intent',
        body: { verb: step.verb, attempt: attempts, args: JSON.parse(step.args), before: JSON.parse(before) },
      })
      tell('intent')
      const outcome = await handler.call(context())
      tell('call')
      if (outcome.skipped !== undefined) {
        await change(
          {
            state: 'skipped',
            result: JSON.stringify({
              skipped: outcome.skipped,
              ...(outcome.leavesOpen && { leavesOpen: true }),
            }),
            error: null,
            ended_at: io.now().getTime(),
          },
          { kind: 'step.skipped', body: { why: outcome.skipped } },
        )
        tell('verified')
        return
      }
      const sealed = outcome.secret ? sealIssued(keys, row, step.key, outcome.secret, io) : null
      await change(
        { state: 'called', result: JSON.stringify(outcome.result), sealed_secret: sealed },
        { kind: 'step.called', body: { verb: step.verb, result: outcome.result } },
      )
      tell('result')
    }
    const outcome = outcomeOf(keys, row, current)
    let result: Json
    try {
      result = (await handler.verify?.(context(), outcome)) ?? outcome.result
    } catch (error) {
      // The effect is not there: next time the call is made again, not just looked at.
      await change(
        { state: 'intent' },
        { kind: 'step.unverified', body: { verb: step.verb, why: messageOf(error) } },
      )
      throw error
    }
    const settled = await handler.settle?.(context(), result)
    await change(
      { state: 'verified', result: JSON.stringify(result), error: null, ended_at: io.now().getTime() },
      { kind: 'step.verified', body: { verb: step.verb, result } },
      settled,
    )
    tell('verified')
  } catch (error) {
    if (error instanceof Superseded || io.signal.aborted) throw error
    // A failure of our own store, or a bug, ends the run at once: going on would be blind.
    if (!isFirebreakError(error) || error.code.startsWith('STORE_')) throw error
    await changeAfterFailure(current, error)
  }

  async function changeAfterFailure(failed: Row<'step'>, error: FirebreakError): Promise<void> {
    const now = io.now().getTime()
    const delay = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failed.attempts, 10))
    const again = error.retryable && now + delay < giveUpAt
    // What is stuck needs somebody, who has to know what to do.
    const why = again ? error.message : error.messageAndAdvice
    const redo = error.code === 'STUCK' ? stepsToRedo(failed) : []
    await changeStep(
      db,
      io,
      at,
      again
        ? { error: why, next_at: now + delay, attempts: Math.max(1, failed.attempts) }
        : { error: why, state: 'stuck' },
      { kind: again ? 'step.failed' : 'step.stuck', body: { verb: step.verb, why, redo } },
      tx => redoSteps(tx, run.runId, redo),
    )
    current = { ...failed, state: again ? failed.state : 'stuck', error: why }
    tell('begin', why)
  }
}

function stepsToRedo(step: Row<'step'>): string[] {
  const { redo } = JSON.parse(step.args) as { redo?: string[] }
  return redo ?? []
}

/** What was done and is no more as it was left (somebody gave back what was taken) is done again. */
async function redoSteps(tx: Tx, runId: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await tx
    .updateTable('step')
    .set({ state: 'intent', next_at: null, ended_at: null })
    .where('run_id', '=', runId)
    .where('key', 'in', keys)
    .where('state', '=', 'verified')
    .execute()
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function outcomeOf(keys: Keys, run: Row<'run'>, step: Row<'step'>): Outcome {
  const result = JSON.parse(step.result ?? 'null') as Json
  if (step.sealed_secret === null) return { result }
  return { result, secret: unsealIssued(keys, run, step.key, step.sealed_secret) }
}

function contextOf(db: Db, run: Row<'run'>, step: Row<'step'>, options: RunOptions): StepContext {
  const { io, keys, connections } = options
  const args = JSON.parse(step.args) as { [name: string]: Json }
  const other = async (key: string) => {
    const row = await db
      .selectFrom('step')
      .selectAll()
      .where('run_id', '=', run.id)
      .where('key', '=', key)
      .executeTakeFirstOrThrow()
    return { before: JSON.parse(row.before ?? 'null') as State, outcome: outcomeOf(keys, run, row) }
  }
  return {
    db,
    io,
    keys,
    connections,
    args,
    runId: run.id,
    key: step.key,
    attempt: step.attempts,
    before: JSON.parse(step.before ?? 'null') as Json,
    connection: () => connections.open(db, String(args['sourceId'])),
    resultOf: async key => (await other(key)).outcome.result,
    beforeOf: async key => (await other(key)).before,
    secretOf: async key => {
      const { secret } = (await other(key)).outcome
      if (!secret) throw new TypeError(`step ${key} issued nothing`)
      return secret
    },
    exposedSecret: async () => exposedSecrets(keys, run)[Number(args['leak'] ?? 0)],
  }
}
