import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Json, Ref } from '../../core/contract/ref.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { breakGlassAmong } from '../../judge/requirements/profiles.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { liftHolds, setHold } from '../../know/inventory/holds.ts'
import { entityByRef } from '../../know/inventory/queries.ts'
import { addSteps, createRun, runRow, stepsOf } from '../actions/journal.ts'
import { runSteps } from '../actions/run.ts'
import type { Boundary } from '../actions/step.ts'
import type { RuleFolders } from '../../know/readers/secrets/rules/rules-in-use.ts'
import { escalate } from './escalate.ts'
import { before, begunBeside, endedRun, openRun } from './find-run.ts'
import { copiesSince } from './holdings.ts'
import type { Incident, Mode } from './incident.ts'
import type { Asked } from './leaks.ts'
import { plan } from './plan.ts'
import { readFirst } from './read-first.ts'
import { type ContainReport, report } from './report.ts'
import { triage } from './triage.ts'
import { incidentVerbs } from './verbs.ts'

export interface ContainOptions extends RuleFolders {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
  readonly onBoundary?: (step: Row<'step'>, boundary: Boundary, error?: string) => void
  /** Told for how long it is watched who uses the credentials, before that begins. */
  readonly onWatch?: (seconds: number) => void
  /** Told which source is read before anything is planned. */
  readonly onRead?: (label: string) => void
  /** Told the plan before anything is done. */
  readonly onPlan?: (report: ContainReport) => void
  readonly patienceSeconds?: number
}

export interface ContainRequest extends Asked {
  readonly mode: Mode
  readonly windowSeconds: number
  /** Only say what would be done. */
  readonly dryRun?: boolean
  /** Accounts for emergencies are meant, too. */
  readonly breakGlass?: boolean
}

interface Planned {
  readonly incident: Incident
  readonly breaks: readonly string[]
}

/**
 * Cuts what leaked, one value or several, off wherever it is accepted, and proves it. A run that an earlier process left open for the same
 * credential is gone on with, not begun anew: the same command again is the way to recover. What a run has
 * ended for good is reported again, not cut again.
 */
export async function contain(
  db: Db,
  options: ContainOptions,
  request: ContainRequest,
): Promise<ContainReport> {
  const { io, keys } = options
  const was = await before(db, options, request)
  const open = await openRun(db, options, request, was)
  if (open) return request.dryRun ? await reportOf(db, open) : await resume(db, options, open, request.mode)
  const ended = await endedRun(db, request, was)
  if (ended) return await reportOf(db, ended)

  await readFirst(db, options, request.mode)
  const { incident, secrets } = await triage(db, options, request).catch(async error => {
    // What another process is just ending, or has ended, is named by nothing any more.
    if (isFirebreakError(error)) mustNotBeBegun(await begunBeside(db, options, request, was))
    throw error
  })
  const { steps, breaks } = plan(incident)
  const planned: Planned = { incident, breaks }
  if (request.dryRun) return preview(incident, steps, breaks)
  if (!request.breakGlass) await mustNotBeBreakGlass(db, incident.targets)
  const runId = await transaction(db, async tx => {
    // What triage saw is old where another process has begun, or even ended, the same meanwhile.
    const identities = incident.targets.map(target => target.identity)
    mustNotBeBegun(await begunBeside(tx, options, request, was, identities))
    const id = await createRun(tx, io, keys, {
      kind: 'contain',
      subject: incident.targets[0]?.credentialId ?? '',
      input: JSON.parse(JSON.stringify(planned)) as Json,
      secrets,
    })
    await addSteps(tx, io, id, steps)
    // While it stands, nothing is issued for the identity but by this run.
    for (const target of incident.targets)
      await setHold(tx, io, target.credentialId, id, `being contained (${incident.mode})`)
    return id
  })
  options.onPlan?.(await reportOf(db, runId))
  return await resume(db, options, runId, request.mode)
}

function mustNotBeBegun(beside: string | undefined): void {
  if (beside === undefined) return
  throw new FirebreakError(
    'CONFLICT',
    `it was begun by another process meanwhile, as run ${beside}`,
    `wait for that run to end; firebreak contain --resume ${beside} goes on with it, or shows what it came to`,
  )
}

/** Goes on with a run. `emergency` makes it one: nothing that has to be cut waits for consumers or places any more. */
export async function resume(
  db: Db,
  options: ContainOptions,
  runId: string,
  mode: Mode,
): Promise<ContainReport> {
  const run = await runRow(db, runId)
  if (run.kind !== 'contain')
    throw new FirebreakError('INVALID_INPUT', `run ${runId} is no containment`, 'firebreak ls runs')
  if (run.state !== 'done' && run.state !== 'abandoned') {
    if (mode === 'emergency') await escalate(db, options.io, runId)
    const { incident } = JSON.parse((await runRow(db, runId)).input) as Planned
    await runSteps(db, runId, {
      ...options,
      handlers: incidentVerbs({
        rules: options,
        waitForConsumers: incident.mode !== 'emergency',
      }),
      whenDone: tx => liftHolds(tx, options.io, runId),
    })
  }
  return await reportOf(db, runId)
}

export async function reportOf(db: Db, runId: string): Promise<ContainReport> {
  const run = await runRow(db, runId)
  const { incident, breaks } = JSON.parse(run.input) as Planned
  const known = incident.holdings.flatMap(holding => holding.copyIds)
  const credentialIds = incident.targets.map(target => target.credentialId)
  return report(
    run,
    await stepsOf(db, runId),
    incident,
    breaks,
    await copiesSince(db, credentialIds, known, run.created_at),
  )
}

/** Without it nobody may get in when all else fails: that is for a person to want. */
export async function mustNotBeBreakGlass(
  db: Db,
  of: readonly { readonly identity: Ref; readonly label: string }[],
): Promise<void> {
  for (const { identity, label } of of) {
    const entity = await entityByRef(db, 'identity', identity)
    const why = entity && (await breakGlassAmong(db, [entity.id])).get(entity.id)
    if (why === undefined) continue
    throw new FirebreakError(
      'CONFLICT',
      `${label} is an account for emergencies: ${why}`,
      'say that it is meant: --break-glass; or what it is: firebreak set NAME class ordinary',
    )
  }
}

/** What a plan says before anything is done. */
export function preview(
  incident: Incident,
  steps: ReturnType<typeof plan>['steps'],
  breaks: readonly string[],
): ContainReport {
  return {
    run: '',
    state: 'planned',
    mode: incident.mode,
    contained: false,
    credentials: [
      ...incident.targets.map(({ label, verdict }) => ({ label, ...verdict })),
      ...incident.uncovered.map(({ label, why }) => ({ label, state: 'unknown' as const, why })),
    ],
    copies: incident.holdings.map(({ where, atHead, elsewhere, writable }) => ({
      where,
      atHead,
      state: 'unknown',
      why: elsewhere
        ? `names ${elsewhere}`
        : writable
          ? 'will be rewritten'
          : 'stays; dies with the credential',
    })),
    consumers: incident.targets.flatMap(target =>
      target.consumers.map(({ name, how, seen }) => ({
        name,
        how,
        state: seen > 0 ? ('seen' as const) : ('unknown' as const),
      })),
    ),
    owners: incident.owners,
    reach: incident.reach,
    newPrincipals: [],
    newCopies: [],
    notSearched: incident.notSearched,
    breaks,
    outstanding: [],
    steps: steps.map(({ key, title, needs }) => ({ key, title, needs, state: 'pending' })),
  }
}
