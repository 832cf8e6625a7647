import { FirebreakError } from '../../core/contract/errors.ts'
import type { Json } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { loadGraph } from '../../know/graph/load-graph.ts'
import { liftHolds, setHold } from '../../know/inventory/holds.ts'
import { sayOwner } from '../../know/inventory/owner-word.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { addSteps, createRun, lockedRun, runRow } from '../actions/journal.ts'
import { runSteps } from '../actions/run.ts'
import {
  type ContainOptions,
  mustNotBeBreakGlass,
  preview,
  reportOf as containmentOf,
} from '../incident/contain.ts'
import { kindsIn } from '../incident/declared-target.ts'
import type { Incident, Mode } from '../incident/incident.ts'
import type { ContainReport } from '../incident/report.ts'
import { type Belongings, belongingsOf, type Kept } from './belongings.ts'
import { departureOf } from './departure.ts'
import { retirementPlan } from './retirement.ts'
import { loadServices } from './services.ts'
import { departingSubject, type Subject } from './subject.ts'
import type { UsesWorld } from './uses.ts'
import { departureVerbs } from './verbs.ts'

export interface OffboardOptions extends Omit<ContainOptions, 'onPlan'> {
  readonly onPlan?: (report: OffboardReport) => void
}

export interface OffboardRequest {
  readonly subject: string
  readonly mode: Mode
  readonly windowSeconds: number
  readonly apply: boolean
  readonly breakGlass?: boolean
  /** What it may do stays, though nobody can log in as it: leases are like it. */
  readonly keepRights?: boolean
  /** Who answers from now on for what others use as well, where a person leaves; and who says so. */
  readonly handover?: { readonly to: string; readonly by: string }
}

export interface OffboardReport extends ContainReport {
  readonly subject: { readonly kind: Subject['kind']; readonly name: string }
  /** What goes: whole identities, or some credentials of one, and why each hangs on the subject. */
  readonly own: readonly {
    readonly name: string
    readonly ref: string
    readonly credentials: number
    readonly isWhole: boolean
    readonly why: readonly string[]
  }[]
  readonly shared: readonly Kept[]
  readonly likely: readonly Kept[]
}

interface Planned {
  readonly about: Pick<OffboardReport, 'subject' | 'own' | 'shared' | 'likely'>
  readonly incident: Incident
  readonly breaks: readonly string[]
}

/**
 * Removes all that hangs on a service, a workload, a person, a vendor or an identity and on nothing else, in order, and proves it. A run that
 * an earlier process left open for the same subject is gone on with.
 */
export async function offboard(
  db: Db,
  options: OffboardOptions,
  request: OffboardRequest,
): Promise<OffboardReport> {
  const { io, keys } = options
  const roots = await loadRoots(db)
  const services = await loadServices(db, roots)
  const subject = await departingSubject(
    { db, keys, roots, services, kinds: kindsIn(options), now: io.now().getTime() },
    request.subject,
  )
  const open = await runOf(db, subject, ['running', 'stuck'])
  if (open)
    return request.apply ? await resumeOffboarding(db, options, open, request.mode) : await reportOf(db, open)
  const world: UsesWorld = { db, keys, roots, services, graph: await loadGraph(db) }
  const belongings = await belongingsOf(world, subject, io.now().getTime())
  const ended = await runOf(db, subject, ['done'])
  if (ended) {
    const before = await reportOf(db, ended)
    if (isGone(belongings, before)) return before
  }
  if (belongings.own.length === 0 && belongings.shared.length === 0)
    throw new FirebreakError(
      'NOT_FOUND',
      `nothing is known to hang on ${subject.name}`,
      'what is told of it may be in a source that is not connected: firebreak ls sources; an identity can be named itself',
    )
  const { departure, secrets } = await departureOf(world, options, request, belongings, subject)
  const { steps, breaks } = retirementPlan(departure)
  const { incident } = departure
  const planned: Planned = { about: aboutOf(subject, belongings), incident, breaks }
  if (!request.apply) return { ...preview(incident, steps, breaks), ...planned.about }
  mustBeHandedOver(subject, belongings, request)
  if (!request.breakGlass) await mustNotBeBreakGlass(db, [...incident.targets, ...departure.emptied])
  const runId = await transaction(db, async tx => {
    const id = await createRun(tx, io, keys, {
      kind: 'offboard',
      subject: subject.key,
      input: JSON.parse(JSON.stringify(planned)) as Json,
      secrets,
    })
    await addSteps(tx, io, id, steps)
    for (const target of incident.targets)
      await setHold(tx, io, target.credentialId, id, `${subject.name} is being offboarded`)
    if (request.handover)
      for (const { id } of belongings.shared) {
        const { to, by } = request.handover
        const why = `handed over from ${subject.name}`
        await sayOwner(tx, io, { entityId: id, owner: to, by, why, from: subject.name })
      }
    return id
  })
  options.onPlan?.(await reportOf(db, runId))
  return await resumeOffboarding(db, options, runId, request.mode)
}

/** Goes on with a run. `emergency` makes it one: nothing waits for who may still use it any more. */
export async function resumeOffboarding(
  db: Db,
  options: OffboardOptions,
  runId: string,
  mode: Mode,
): Promise<OffboardReport> {
  const run = await runRow(db, runId)
  if (run.kind !== 'offboard')
    throw new FirebreakError('INVALID_INPUT', `run ${runId} is no offboarding`, 'firebreak ls runs')
  if (run.state !== 'done' && run.state !== 'abandoned') {
    if (mode === 'emergency') await hasten(db, options, runId)
    const { incident } = JSON.parse((await runRow(db, runId)).input) as Planned
    await runSteps(db, runId, {
      io: options.io,
      keys: options.keys,
      connections: options.connections,
      ...(options.onBoundary && { onBoundary: options.onBoundary }),
      ...(options.patienceSeconds !== undefined && { patienceSeconds: options.patienceSeconds }),
      handlers: departureVerbs({ rules: options, waitForUsers: incident.mode !== 'emergency' }),
      whenDone: tx => liftHolds(tx, options.io, runId),
    })
  }
  return await reportOf(db, runId)
}

async function hasten(db: Db, { io }: OffboardOptions, runId: string): Promise<void> {
  await transaction(db, async tx => {
    const run = await lockedRun(tx, runId)
    const input = run && (JSON.parse(run.input) as Planned)
    if (!input || input.incident.mode === 'emergency') return
    const incident: Incident = { ...input.incident, mode: 'emergency' }
    await tx
      .updateTable('run')
      .set({ input: JSON.stringify({ ...input, incident }) })
      .where('id', '=', runId)
      .execute()
    await record(tx, io, { kind: 'run.escalated', subject: runId, body: {} })
  })
}

async function reportOf(db: Db, runId: string): Promise<OffboardReport> {
  const { about } = JSON.parse((await runRow(db, runId)).input) as Planned
  return { ...(await containmentOf(db, runId)), ...about }
}

async function runOf(
  db: Db,
  { key }: Subject,
  states: readonly Row<'run'>['state'][],
): Promise<string | undefined> {
  const rows = await db
    .selectFrom('run')
    .select('id')
    .where('kind', '=', 'offboard')
    .where('subject', '=', key)
    .where('state', 'in', states)
    .orderBy('id', 'desc')
    .execute()
  return rows[0]?.id
}

/** An identity without a credential stays what it is: nothing is left of what that run found. */
function isGone({ own }: Belongings, before: OffboardReport): boolean {
  return own.every(
    ({ credentials, ref }) => credentials.length === 0 && before.own.some(one => one.ref === ref),
  )
}

function aboutOf({ kind, name }: Subject, { own, shared, likely }: Belongings): Planned['about'] {
  return {
    subject: { kind, name },
    own: own.map(({ name, ref, credentials, isWhole, why }) => ({
      name,
      ref,
      credentials: credentials.length,
      isWhole,
      why,
    })),
    shared,
    likely,
  }
}

function mustBeHandedOver(subject: Subject, { shared }: Belongings, { handover }: OffboardRequest): void {
  if (subject.kind !== 'person' || shared.length === 0 || handover) return
  throw new FirebreakError(
    'CONFLICT',
    `${subject.name} answers for ${shared.length} that others use: ${shared
      .slice(0, 5)
      .map(({ name }) => name)
      .join(', ')}${shared.length > 5 ? ', …' : ''}`,
    'name who takes them over: --handover-to OWNER',
  )
}
