import type { Connection, Verdict } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Json } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction, type Tx } from '../../core/store/store.ts'
import { liftHolds, setHold, whyHeld } from '../../know/inventory/holds.ts'
import { credentialView, namesOf, refOf, resolveEntity } from '../../know/inventory/queries.ts'
import { credentialArgument, toJson } from '../actions/arguments.ts'
import { claimRun } from '../actions/claim.ts'
import { addSteps, createRun, endRun, runRow, stepsOf } from '../actions/journal.ts'
import { runSteps } from '../actions/run.ts'
import type { PlannedStep, StepHandler } from '../actions/step.ts'
import { verbs } from '../actions/verbs/all.ts'
import type { ContainOptions } from '../incident/contain.ts'
import { valueOf } from '../incident/leaks.ts'
import { credentialsOfIdentity, isEnded } from '../incident/subject.ts'
import { isOnlyTold } from '../../know/inventory/only-told.ts'

export type SuspensionOptions = Omit<ContainOptions, 'onPlan'>

/** What suspending, or giving back, came to. `left` where nothing could be done, and nothing was. */
export interface SuspensionEnd {
  readonly outcome: 'left' | 'acted' | 'failed'
  readonly why: string
  readonly run?: string
}

/** Writes in the transaction that ends the run what it came to. */
type WhenDone = (tx: Tx, end: SuspensionEnd) => Promise<void>

interface Suspendable {
  readonly credentialId: string
  readonly credential: CredentialRef
  readonly label: string
  readonly sourceId: string
  readonly endsSessions: boolean
}

/**
 * Takes every login of an identity away so that it can be given back: suspend → end sessions → shut. The run is written
 * down with the row that wants it, so that whoever comes after a process that died goes on with it. While it stands nothing is
 * issued for the identity.
 */
export async function suspendIdentity(
  db: Db,
  options: SuspensionOptions,
  row: Pick<Row<'automation'>, 'id' | 'entity_id' | 'run_id'>,
  why: string,
  whenDone: WhenDone,
): Promise<SuspensionEnd> {
  let runId = row.run_id
  if (runId === null) {
    const { found, cannot } = await suspendableOf(db, options, row.entity_id)
    if (found.length === 0)
      return { outcome: 'left', why: cannot.join('; ') || 'none of its credentials opens anything any more' }
    const secrets: (Secret | undefined)[] = []
    for (const { credentialId } of found) secrets.push(await secretOf(db, options, credentialId))
    runId = await transaction(db, async tx => {
      // Another watch may have begun meanwhile.
      const begun = await standing(tx, row.id)
      if (begun !== null) return begun
      const id = await createRun(tx, options.io, options.keys, {
        kind: 'suspend',
        subject: row.entity_id,
        input: { why, cannot },
        secrets,
      })
      await addSteps(tx, options.io, id, suspensionPlan(found, await refsOf(tx, row.entity_id)))
      await setHold(tx, options.io, row.entity_id, id, `suspended: ${why}`)
      await tx.updateTable('automation').set({ run_id: id }).where('id', '=', row.id).execute()
      return id
    })
  }
  const { cannot } = JSON.parse((await runRow(db, runId)).input) as { cannot: string[] }
  const left = cannot.length > 0 ? `; ${cannot.join('; ')}` : ''
  const said = async (at: Db) => `${await verdictsOf(at, runId, 'shut')}${left}`
  return await carriedOut(db, options, runId, said, whenDone)
}

/**
 * Gives back what a suspension took, each as it stood before. One that was not finished is abandoned: only what it had begun is given
 * back.
 */
export async function resumeIdentity(
  db: Db,
  options: SuspensionOptions,
  { id: rowId, entity_id, run_id }: Pick<Row<'automation'>, 'id' | 'entity_id' | 'run_id'>,
  why: string,
  whenDone: WhenDone,
): Promise<SuspensionEnd> {
  if (run_id === null) throw new TypeError('what was only announced cannot be given back')
  const held = await heldElsewhere(db, entity_id)
  if (held !== undefined) return { outcome: 'left', why: held }
  const begin = async (tx: Tx) => {
    const known = await openResumption(tx, entity_id)
    if (known !== undefined) return known
    await standing(tx, rowId)
    // What is being cut off since that was asked is not given back either.
    const heldNow = await heldElsewhere(tx, entity_id)
    if (heldNow !== undefined) throw new FirebreakError('CONFLICT', heldNow, 'wait for that to end')
    const input = { why, suspended: run_id }
    const id = await createRun(tx, options.io, options.keys, { kind: 'resume', subject: entity_id, input })
    await addSteps(tx, options.io, id, await resumptionPlan(tx, run_id))
    return id
  }
  const runId = (await openResumption(db, entity_id)) ?? (await instead(db, options, run_id, begin))
  const said = async (at: Db) => `it is as it was before: ${await verdictsOf(at, runId, 'resume')}`
  return await carriedOut(db, options, runId, said, async (tx, end) => {
    await liftHolds(tx, options.io, run_id)
    await tx
      .updateTable('automation')
      .set({ ended_at: options.io.now().getTime() })
      .where('id', '=', rowId)
      .execute()
    await whenDone(tx, end)
  })
}

/** The run that gives the identity back, where one was begun. */
async function openResumption(db: Db, identityId: string): Promise<string | undefined> {
  const run = await db
    .selectFrom('run')
    .select('id')
    .where('kind', '=', 'resume')
    .where('subject', '=', identityId)
    .where('state', 'in', ['running', 'stuck'])
    .executeTakeFirst()
  return run?.id
}

/** The run that the row has by now, and nobody else changes the row meanwhile. NOT_FOUND where it was ended. */
async function standing(tx: Tx, rowId: string): Promise<string | null> {
  const { run_id, ended_at } = await tx
    .selectFrom('automation')
    .select(['run_id', 'ended_at'])
    .where('id', '=', rowId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  if (ended_at === null) return run_id
  throw new FirebreakError('NOT_FOUND', 'somebody else ended its suspension meanwhile')
}

/** Begins another run in place of one, which is abandoned where it is not done: never while whoever works on it lives. */
async function instead(
  db: Db,
  { io }: SuspensionOptions,
  runId: string,
  begin: (tx: Tx) => Promise<string>,
): Promise<string> {
  const claim = await claimRun(db, io, runId)
  try {
    if (claim.state === 'done') return await transaction(db, begin)
    let begun = ''
    await endRun(db, io, { runId, epoch: claim.epoch }, 'abandoned', async tx => {
      begun = await begin(tx)
    })
    return begun
  } finally {
    await claim.release().catch(() => {})
  }
}

/** What is being cut off must not be given back meanwhile. */
async function heldElsewhere(db: Db, identityId: string): Promise<string | undefined> {
  for (const id of await credentialsOfIdentity(db, identityId)) {
    const held = await whyHeld(db, id)
    if (held !== undefined) return held
  }
  return undefined
}

async function carriedOut(
  db: Db,
  options: SuspensionOptions,
  run: string,
  said: (db: Db) => Promise<string>,
  whenDone: WhenDone,
): Promise<SuspensionEnd> {
  const acted = async (at: Db): Promise<SuspensionEnd> => ({ outcome: 'acted', why: await said(at), run })
  const state = await runSteps(db, run, {
    ...options,
    handlers: { ...verbs, shut },
    whenDone: async tx => whenDone(tx, await acted(tx)),
  })
  if (state === 'done') return await acted(db)
  const stuck = (await stepsOf(db, run)).find(({ error }) => error !== null)
  return { outcome: 'failed', why: `the run is ${state}${stuck ? `: ${stuck.error}` : ''}`, run }
}

/** Which of its credentials the connected systems can suspend and give back, and why not of the others; neither where all have ended. */
export async function suspendableOf(
  db: Db,
  options: SuspensionOptions,
  identityId: string,
): Promise<{ found: Suspendable[]; cannot: string[] }> {
  const found: Suspendable[] = []
  const cannot: string[] = []
  const [name] = await namesOf(db, identityId)
  const { identity } = await refsOf(db, identityId)
  const known = await credentialsOfIdentity(db, identityId)
  let standing = 0
  for (const id of known) {
    if (await isEnded(db, id)) continue
    standing++
    const view = await credentialView(db, options.keys, id)
    // What only a text tells of is no credential that a system could be told of; it is shut with the system's own.
    if (isOnlyTold(view.ref.id)) continue
    const ref: CredentialRef = { ...view.ref, identity }
    const label = found.some(one => one.label === name) ? ref.id : (name ?? ref.id)
    const one = await connected(db, options, ref)
    if (typeof one === 'string') cannot.push(one)
    else found.push({ ...one, credentialId: id, credential: ref, label })
  }
  if (known.length === 0)
    cannot.push('it has no credential of its own: who may become it is not kept from it by suspending')
  else if (standing > 0 && found.length + cannot.length === 0)
    cannot.push('no connected system lists a credential of it')
  return { found, cannot }
}

/** The value, where a copy of it stands. */
async function secretOf(db: Db, options: SuspensionOptions, id: string): Promise<Secret | undefined> {
  const view = await credentialView(db, options.keys, id)
  return view.copies.length > 0 ? await valueOf(db, options, [view]) : undefined
}

/** The connection that can do it, or why there is none. */
async function connected(
  db: Db,
  { connections }: SuspensionOptions,
  ref: CredentialRef,
): Promise<Pick<Suspendable, 'sourceId' | 'endsSessions'> | string> {
  const sources = await connections.forInstance(db, ref.system, ref.instance)
  for (const { id } of sources) {
    const connection = await connections.open(db, id)
    if (!connection.suspend || !connection.resume || connection.cannot?.(ref).includes('suspend')) continue
    const said = await connection.verify?.(ref)
    if (said?.state === 'dead') return `nobody gets in with the ${ref.kind} already: ${said.why}`
    return { sourceId: id, endsSessions: connection.endSessions !== undefined }
  }
  return sources.length === 0
    ? `no connection reaches the ${ref.system} that its ${ref.kind} is of: whether it can be suspended is unknown`
    : `${ref.system} cannot suspend a ${ref.kind} so that it could be given back: suspending is unsupported there`
}

async function refsOf(db: Db, identityId: string) {
  return { identity: refOf(await resolveEntity(db, identityId)) }
}

/** suspend each → end the sessions, once nobody can begin another → see that nobody gets in. */
function suspensionPlan(
  found: readonly Suspendable[],
  { identity }: Awaited<ReturnType<typeof refsOf>>,
): PlannedStep[] {
  const about = (one: Suspendable, leak: number): { [name: string]: Json } => ({
    sourceId: one.sourceId,
    credentialId: one.credentialId,
    leak,
    credential: toJson(one.credential),
    identity: toJson(identity),
  })
  const suspended = found.map((one, leak): PlannedStep => {
    const title = `suspend ${one.label}: no new logins`
    return { key: `suspend:${one.label}`, verb: 'suspend', title, needs: [], args: about(one, leak) }
  })
  const keys = suspended.map(({ key }) => key)
  const ended = [
    ...new Map(found.filter(one => one.endsSessions).map(one => [one.sourceId, one])).values(),
  ].map((one): PlannedStep => {
    const title = `end the sessions of ${one.label}`
    const args = { sourceId: one.sourceId, identity: toJson(identity) }
    return { key: `end-sessions:${one.label}`, verb: 'end-sessions', title, needs: keys, args }
  })
  const shut = found.map((one, leak): PlannedStep => {
    const redo = [`suspend:${one.label}`]
    return {
      key: `shut:${one.label}`,
      verb: 'shut',
      title: `see that nobody gets in as ${one.label}`,
      needs: [...keys, ...ended.map(({ key }) => key)],
      args: { ...about(one, leak), redo },
    }
  })
  return [...suspended, ...ended, ...shut]
}

/** What was begun, as it stood before that. */
async function resumptionPlan(tx: Tx, suspendedBy: string): Promise<PlannedStep[]> {
  const { created_at } = await runRow(tx, suspendedBy)
  const steps: PlannedStep[] = []
  for (const { verb, before, state, args, title, key } of await stepsOf(tx, suspendedBy)) {
    if (verb !== 'suspend' || before === null || state === 'skipped') continue
    const { leak: _, ...about } = JSON.parse(args) as { [name: string]: Json }
    steps.push({
      key: key.replace('suspend', 'resume'),
      verb: 'resume',
      title: title.replace('suspend', 'resume').replace(': no new logins', ', as it was before'),
      needs: [],
      args: { ...about, stoodBefore: JSON.parse(before) as Json, since: created_at },
    })
  }
  return steps
}

/** Asks the system, and tries the value where one is at hand. The credential is not dead: it may be given back. */
const shut: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    const credential = credentialArgument(step)
    const secret = await step.exposedSecret()
    const told = await asked(connection, credential, undefined)
    const tried = secret ? await asked(connection, credential, secret) : told
    const live = [told, tried].find(({ state }) => state === 'live')
    if (live) throw new FirebreakError('STUCK', `it is still accepted: ${live.why}`)
    const { state, why } = told.state === 'dead' ? told : tried
    return { result: { state, why } }
  },
}

async function asked(
  connection: Connection,
  credential: CredentialRef,
  secret: Secret | undefined,
): Promise<Verdict> {
  return (
    (await connection.verify?.(credential, secret)) ?? {
      state: 'unknown',
      why: 'this system cannot be asked',
    }
  )
}

/** What the systems said at the end of each of these steps. */
async function verdictsOf(db: Db, runId: string, verb: string): Promise<string> {
  const said = (await stepsOf(db, runId))
    .filter(step => step.verb === verb)
    .map(step => {
      const result = JSON.parse(step.result ?? 'null') as { state?: string; why?: string; skipped?: string }
      const label = step.key.slice(verb.length + 1)
      if (result?.skipped !== undefined) return `${label}: ${result.skipped}`
      const why = (result?.why ?? '').replace(/\.$/, '')
      if (result?.state === 'dead') return `${label}: nobody gets in (${why})`
      return verb === 'shut' ? `${label}: ${result?.state} (${why})` : `${label} may log in`
    })
  return said.length > 0 ? said.join('; ') : 'nothing was left to do'
}
