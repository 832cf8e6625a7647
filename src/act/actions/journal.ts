import type { Io } from '../../core/contract/io.ts'
import { newId } from '../../core/contract/id.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Json, Ms } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Keys } from '../../core/keys/keys.ts'
import { seal, unseal } from '../../core/keys/seal.ts'
import type { NewRow, Row, RunState } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import type { PlannedStep } from './step.ts'

/** Raised inside a runner whose claim was taken over: it must stop, and write nothing more. */
export class Superseded extends FirebreakError {
  constructor(runId: string) {
    super('CONFLICT', `run ${runId} was taken over`, 'whoever took it goes on with it')
  }
}

/**
 * Opens a run: a key of its own, sealed by the root, and under it the leaked secrets where they are at hand, in their order. `input` is
 * what was asked for; `subject` the entity it is about.
 */
export async function createRun(
  tx: Tx,
  io: Io,
  keys: Keys,
  run: { kind: string; subject: string; input: Json; secrets?: readonly (Secret | undefined)[] },
): Promise<string> {
  const id = newId(io)
  const runKey = new Secret(io.random(32))
  await tx
    .insertInto('run')
    .values({
      id,
      kind: run.kind,
      subject: run.subject,
      state: 'running',
      input: JSON.stringify(run.input),
      result: null,
      run_key: seal(keys.seal, runKey, `run/${id}`, io),
      sealed_secret: sealedSecrets(runKey, id, run.secrets ?? [], io),
      claimed_by: null,
      claim_epoch: 0,
      claim_until: null,
      created_at: io.now().getTime(),
      ended_at: null,
    })
    .execute()
  await record(tx, io, {
    kind: 'run.opened',
    subject: id,
    body: { kind: run.kind, subject: run.subject, input: run.input },
  })
  return id
}

/** Adds the steps that are not there yet. Returns how many were new. */
export async function addSteps(
  tx: Tx,
  io: Io,
  runId: string,
  steps: readonly PlannedStep[],
): Promise<number> {
  const there = await tx.selectFrom('step').select('key').where('run_id', '=', runId).execute()
  const known = new Set(there.map(step => step.key))
  const fresh = steps.filter(step => !known.has(step.key))
  let ordinal = known.size
  for (const step of fresh) {
    const row: NewRow<'step'> = {
      run_id: runId,
      key: step.key,
      ordinal: ordinal++,
      verb: step.verb,
      title: step.title,
      args: JSON.stringify(step.args),
      needs: JSON.stringify(step.needs),
      state: 'pending',
      attempts: 0,
      before: null,
      result: null,
      sealed_secret: null,
      error: null,
      epoch: 0,
      next_at: null,
      not_before: step.notBefore ?? null,
      started_at: null,
      ended_at: null,
    }
    await tx.insertInto('step').values(row).execute()
  }
  if (fresh.length > 0)
    await record(tx, io, {
      kind: 'run.planned',
      subject: runId,
      body: fresh.map(({ key, verb, title, needs, args }) => ({ key, verb, title, needs: [...needs], args })),
    })
  return fresh.length
}

/** What was planned for later begins now. */
export async function bringForward(tx: Tx, io: Pick<Io, 'now'>, runId: string): Promise<void> {
  await tx
    .updateTable('step')
    .set({ not_before: io.now().getTime() })
    .where('run_id', '=', runId)
    .where('not_before', '>', io.now().getTime())
    .execute()
}

/** What waits for its time waits until this one. */
export async function putOff(tx: Tx, io: Pick<Io, 'now'>, runId: string, until: Ms): Promise<void> {
  await tx
    .updateTable('step')
    .set({ not_before: until })
    .where('run_id', '=', runId)
    .where('not_before', '>', io.now().getTime())
    .execute()
}

export async function stepsOf(db: Db, runId: string): Promise<Row<'step'>[]> {
  return await db.selectFrom('step').selectAll().where('run_id', '=', runId).orderBy('ordinal').execute()
}

export async function runRow(db: Db, runId: string): Promise<Row<'run'>> {
  const row = await db.selectFrom('run').selectAll().where('id', '=', runId).executeTakeFirst()
  if (!row) throw new FirebreakError('NOT_FOUND', `run ${runId}`, 'firebreak ls runs')
  return row
}

export interface StepEvidence {
  readonly kind: string
  readonly body: { [key: string]: Json }
}

/** Changes a step and records why, for this epoch only; raises Superseded when another process has the run. */
export async function changeStep(
  db: Db,
  io: Io,
  at: { runId: string; key: string; epoch: number },
  change: Partial<NewRow<'step'>>,
  evidence: StepEvidence,
  also?: (tx: Tx) => Promise<void>,
): Promise<void> {
  const work = async (tx: Tx) => {
    const run = await lockedRun(tx, at.runId)
    if (run?.claim_epoch !== at.epoch) throw new Superseded(at.runId)
    await tx
      .updateTable('step')
      .set({ ...change, epoch: at.epoch })
      .where('run_id', '=', at.runId)
      .where('key', '=', at.key)
      .execute()
    await also?.(tx)
    await record(tx, io, { kind: evidence.kind, subject: at.runId, body: { step: at.key, ...evidence.body } })
  }
  // What settles a step is written into the inventory; all else is between those who have the run.
  await transaction(db, work, also ? 'inventory' : 'rows')
}

/** The run as it stands now, and nobody else changes it or claims it before this transaction ends. */
export async function lockedRun(tx: Tx, runId: string): Promise<Row<'run'> | undefined> {
  return await tx.selectFrom('run').selectAll().where('id', '=', runId).forUpdate().executeTakeFirst()
}

/** Ends a run. `done` and `abandoned` erase the run's key, and with it all that was sealed under it. */
export async function endRun(
  db: Db,
  io: Io,
  at: { runId: string; epoch: number },
  state: Exclude<RunState, 'running'>,
  also?: (tx: Tx) => Promise<void>,
): Promise<void> {
  const work = async (tx: Tx) => {
    const over = state !== 'stuck'
    const change = over
      ? { state, ended_at: io.now().getTime(), run_key: null, sealed_secret: null }
      : { state }
    const updated = await tx
      .updateTable('run')
      .set(change)
      .where('id', '=', at.runId)
      .where('claim_epoch', '=', at.epoch)
      .executeTakeFirst()
    if (updated.numUpdatedRows === 0n) throw new Superseded(at.runId)
    if (over)
      await tx.updateTable('step').set({ sealed_secret: null }).where('run_id', '=', at.runId).execute()
    await also?.(tx)
    await record(tx, io, { kind: `run.${state}`, subject: at.runId, body: {} })
  }
  await transaction(db, work, also ? 'inventory' : 'rows')
}

/** The run's own key: random, sealed by the root, gone when the run has ended. */
export function runKey(keys: Keys, run: Row<'run'>): Secret {
  if (run.run_key === null)
    throw new FirebreakError(
      'CONFLICT',
      `run ${run.id} has ended and its secrets were erased`,
      'start a new run',
    )
  return unseal(keys.seal, run.run_key, `run/${run.id}`)
}

function sealedSecrets(
  key: Secret,
  runId: string,
  secrets: readonly (Secret | undefined)[],
  io: Io,
): string | null {
  if (!secrets.some(Boolean)) return null
  const list = secrets.map(secret => secret && pairOf(secret))
  return seal(key, new Secret(JSON.stringify(list)), `run/${runId}/secrets`, io)
}

/** The leaked secrets of the run by their places in its list; undefined where one was not at hand. */
export function exposedSecrets(keys: Keys, run: Row<'run'>): (Secret | undefined)[] {
  if (run.sealed_secret === null) return []
  const list: unknown = JSON.parse(
    unseal(runKey(keys, run), run.sealed_secret, `run/${run.id}/secrets`).revealText(),
  )
  if (!Array.isArray(list)) throw new TypeError('sealed secrets are of another form')
  return list.map(pair => (pair === null ? undefined : secretOf(pair)))
}

/** A pair is sealed with its public half, which `Secret.id` needs back. */
export function sealIssued(keys: Keys, run: Row<'run'>, key: string, secret: Secret, io: Io): string {
  const pair = new Secret(JSON.stringify(pairOf(secret)))
  return seal(runKey(keys, run), pair, `run/${run.id}/${key}`, io)
}

export function unsealIssued(keys: Keys, run: Row<'run'>, key: string, sealed: string): Secret {
  const pair: unknown = JSON.parse(unseal(runKey(keys, run), sealed, `run/${run.id}/${key}`).revealText())
  return secretOf(pair)
}

/** The public half, the value, and what the key is called. */
function pairOf(secret: Secret): [string | null, string, string | null] {
  return [secret.id ?? null, Buffer.from(secret.reveal()).toString('base64'), secret.keyId ?? null]
}

function secretOf(pair: unknown): Secret {
  // A run that was begun before the halves were kept together has the value alone.
  if (typeof pair === 'string') return new Secret(Buffer.from(pair, 'base64'))
  if (!Array.isArray(pair) || typeof pair[1] !== 'string')
    throw new TypeError('a sealed pair is of another form')
  const [id, value, keyId] = pair.map(part => (typeof part === 'string' ? part : undefined))
  return new Secret(Buffer.from(value!, 'base64'), id, keyId)
}
