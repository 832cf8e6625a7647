import { createHash } from 'node:crypto'
import { isFirebreakError } from '../../../core/contract/errors.ts'
import { newId } from '../../../core/contract/id.ts'
import type { Json } from '../../../core/contract/ref.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { record } from '../../../core/evidence/evidence.ts'
import type { NewRow, Row } from '../../../core/store/schema.ts'
import { type Db, transaction } from '../../../core/store/store.ts'
import { type Address, connectedSources } from '../../../know/connections/registry.ts'
import { addSteps, createRun, runRow, stepsOf, unsealIssued } from '../../actions/journal.ts'
import { runSteps } from '../../actions/run.ts'
import { type Actor, clientIdOf, signAccessToken } from '../token/access-token.ts'
import type { Broker } from '../broker.ts'
import { mustBeApproved } from '../decision/approval.ts'
import { type LeaseDefinition, leaseNamed } from '../broker-config.ts'
import { type Asked, type Decided, decide, recordRefusal } from '../decision/decide.ts'
import { endLease } from './end-lease.ts'
import { isHeld, type LeaseFacts } from '../decision/facts.ts'
import { isJobOver } from './job-end.ts'
import { leaseSteps, leaseVerbs } from './lease-verbs.ts'
import type { Once } from '../ledger/keep-all.ts'
import { OauthError } from '../oauth-error.ts'
import type { Confirmation } from '../attest/possession.ts'
import { signJwtSvid } from '../spiffe/jwt-svid.ts'
import type { Workload } from '../workload.ts'

export const HANDLE_PREFIX = 'fblease_'
const PATIENCE_SECONDS = 10
const MOST_TASK_CHARACTERS = 256

export interface LeaseRequest {
  /** Of the definition. */
  readonly name: string
  readonly ttlSeconds?: number
  readonly scopes?: readonly string[]
  readonly task?: string
  /** The process that it ends with. */
  readonly holder?: string
  /** What has to be kept with it, so that what was presented for it is good once. */
  readonly once?: readonly Once[]
  /** The key that an access token is bound to. */
  readonly confirmation?: Confirmation | undefined
  /** Who acts for the workload, the last one first: then it is an exchange. */
  readonly actors?: readonly Actor[]
  /** Whom an access token is for, where not for all of the definition's audience. */
  readonly audience?: readonly string[]
  /** The lease that it is exchanged from, and may not outlive. */
  readonly parent?: Pick<Row<'lease'>, 'id' | 'not_after'>
}

export interface Granted {
  readonly lease: Row<'lease'>
  /** The password with its user as `id`, or the access token. */
  readonly secret: Secret
  /** With this the lease is looked at and ended. */
  readonly handle: Secret
  /** It stays good after the lease: nothing here ends it. */
  readonly standing?: true
  /** Where the credential is accepted, as it was connected. */
  readonly at?: Address
}

/**
 * Decides, and issues what is asked for: a credential through a run of its own, whose last steps end it at its time, or an
 * access token. Raises an `OauthError` where it is refused. Nothing is left outside where this fails or the process dies.
 */
export async function issueLease(
  db: Db,
  broker: Broker,
  workload: Workload,
  request: LeaseRequest,
): Promise<Granted> {
  const definition = leaseNamed(broker.config, request.name)
  if (!definition) throw new OauthError('invalid_target', 'no lease of that name is offered')
  if (await isJobOver(db, broker.config, workload)) throw new OauthError('access_denied', JOB_OVER)
  const asked = withinLimits(definition, request)
  if (request.audience?.every(each => definition.audience?.includes(each)) === false)
    throw new OauthError('invalid_target', 'the lease is for another audience')
  const decided = await mustBeAllowed(db, broker, workload, definition, asked, request.once)
  const now = broker.io.now().getTime()
  const half = () => Buffer.from(broker.io.random(16)).toString('base64url')
  const handle = new Secret(`${HANDLE_PREFIX}${half()}${half()}`)
  const { actors, parent } = request
  const row: Row<'lease'> = {
    id: newId(broker.io),
    name: definition.name,
    kind: decided.facts.lease.kind,
    run_id: null,
    entity_id: decided.facts.entityId ?? null,
    workload: JSON.stringify(workload),
    task: asked.task ?? null,
    scopes: JSON.stringify(asked.scopes),
    ttl_seconds: asked.ttlSeconds,
    handle_digest: handleDigest(handle.revealText()),
    decision: JSON.stringify(decided.decision),
    holder: request.holder ?? null,
    state: 'issuing',
    created_at: now,
    not_after: Math.min(now + asked.ttlSeconds * 1000, parent?.not_after ?? Number.POSITIVE_INFINITY),
    ended_at: null,
    ended_why: null,
    next_at: null,
    failures: 0,
    parent_id: parent?.id ?? null,
    actors: actors ? JSON.stringify(actors) : null,
    decided_alike: null,
  }
  const once = decided.decision.approval ? [] : (request.once ?? [])
  const { like } = decided.facts
  if (like !== undefined && once.length > 0) await broker.ledger.keep({ once })
  const granted =
    like === undefined
      ? await issueToken(broker, workload, definition, row, decided, handle, { ...request, once })
      : await issueCredential(db, broker, row, decided, like, handle)
  // Its end may have been told meanwhile, to whom this lease was not there yet.
  if (!(await isJobOver(db, broker.config, workload))) return granted
  await endLease(db, broker, row.id, JOB_OVER)
  throw new OauthError('access_denied', JOB_OVER)
}

const JOB_OVER = 'its job is over'

export function handleDigest(handle: string): string {
  return createHash('sha256').update(handle).digest('base64url')
}

function withinLimits(definition: LeaseDefinition, request: LeaseRequest): Asked {
  const ttlSeconds = request.ttlSeconds ?? definition.ttl
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > definition.maxTtl)
    throw new OauthError('invalid_request', `it is given for 1 to ${definition.maxTtl} seconds`)
  // Who asks a credential for no scope gets all that the lease has: with none at all it would be the whole identity.
  const { scopes: wanted = [] } = request
  const all = definition.like !== undefined && wanted.length === 0
  const scopes = [...new Set(all ? definition.scopes : wanted)].sort()
  if (!scopes.every(scope => definition.scopes.includes(scope)))
    throw new OauthError('invalid_scope', 'a scope is asked for that the lease does not have')
  if (request.task !== undefined && (request.task === '' || request.task.length > MOST_TASK_CHARACTERS))
    throw new OauthError('invalid_request', `a task has 1 to ${MOST_TASK_CHARACTERS} characters`)
  const { task, actors } = request
  return { ttlSeconds, scopes, ...(task !== undefined && { task }), ...(actors && { actors }) }
}

async function mustBeAllowed(
  db: Db,
  broker: Broker,
  workload: Workload,
  definition: LeaseDefinition,
  asked: Asked,
  once: readonly Once[] = [],
): Promise<Decided> {
  const decided = await decide(db, broker, workload, definition, asked)
  if (decided.decision.allowed) {
    // What was presented for it is used up, whether or not it has to wait.
    if (decided.decision.approval && once.length > 0) await broker.ledger.keep({ once })
    if (decided.decision.approval) await mustBeApproved(db, broker.io, workload, definition.name, asked)
    return decided
  }
  await recordRefusal(broker, decided, once)
  throw new OauthError('access_denied', decided.decision.why, { recorded: true })
}

async function issueToken(
  broker: Broker,
  workload: Workload,
  definition: LeaseDefinition,
  row: Row<'lease'>,
  decided: Decided,
  handle: Secret,
  { actors = [], audience, confirmation, once = [] }: LeaseRequest,
): Promise<Granted> {
  const lease = { ...row, state: 'active' as const, decided_alike: alike(row) }
  const token = {
    audience: audience ?? definition.audience!,
    issuedAt: row.created_at,
    notAfter: row.not_after,
  }
  const { spiffeId } = definition
  if (spiffeId !== undefined && confirmation?.jkt !== undefined)
    throw new OauthError('invalid_request', 'a JWT-SVID is bound to no key')
  const secret =
    spiffeId === undefined
      ? await signAccessToken(await broker.signing.current(), {
          ...token,
          issuer: broker.config.issuer,
          leaseId: row.id,
          subject: workload.subject,
          clientId: clientIdOf(actors[0] ?? workload),
          scopes: JSON.parse(row.scopes) as string[],
          ...(row.task !== null && { task: row.task }),
          actors,
          ...(confirmation && { confirmation }),
        })
      : await signJwtSvid(await broker.spiffe!.signing.current(), { ...token, spiffeId, id: row.id })
  // Nobody has the token before this is kept.
  await broker.ledger.keep({ once, lease, entries: [issuedEntry(lease, decided.account)] })
  return { lease, secret, handle }
}

/** Leases of which all that policies see is the same, but for the time. */
function alike(row: Row<'lease'>): string {
  const { name, workload, task, scopes, ttl_seconds, actors } = row
  const asked = [name, workload, task, scopes, ttl_seconds, actors]
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url')
}

async function issueCredential(
  db: Db,
  broker: Broker,
  row: Row<'lease'>,
  decided: Decided,
  like: NonNullable<LeaseFacts['like']>,
  handle: Secret,
): Promise<Granted> {
  const { io, keys } = broker
  const scopes = JSON.parse(row.scopes) as string[]
  const { source, standing } = await issuingSource(db, broker, like, scopes)
  broker.atWork.add(row.id)
  try {
    const lease = await transaction(db, async tx => {
      // Since it was decided, an incident may have begun. From here on it finds this lease.
      if (await isHeld(tx, like.entityId))
        throw new OauthError('access_denied', 'what it is like is held: an incident is being contained')
      // Or its system was disconnected: nobody could revoke there what was issued.
      if (!(await connectedSources(tx).select('id').where('id', '=', source.id).executeTakeFirst()))
        throw new OauthError('server_error', 'the system that it is for was disconnected')
      const runId = await createRun(tx, io, keys, {
        kind: 'lease',
        subject: row.id,
        input: { lease: row.name, workload: JSON.parse(row.workload) as Json, task: row.task },
      })
      const steps = leaseSteps({
        sourceId: source.id,
        like: like.ref,
        label: like.label,
        name: row.name,
        ttlSeconds: row.ttl_seconds,
        scopes,
        labels: { lease: row.id, ...(row.task !== null && { task: row.task }) },
        notAfter: row.not_after,
      })
      await addSteps(tx, io, runId, steps)
      const lease = { ...row, run_id: runId }
      await tx.insertInto('lease').values(lease).execute()
      await record(tx, io, issuedEntry(lease, decided.account))
      return lease
    })
    const secret = await carriedOut(db, broker, lease.run_id!)
    const active = secret && (await activate(db, broker, lease, standing))
    if (active)
      return {
        lease: active,
        secret,
        handle,
        ...(standing && { standing }),
        at: await broker.connections.addressOf(source),
      }
    const why = secret ? 'it was ended while it was issued' : 'it could not be issued'
    await endLease(db, broker, lease.id, why)
    throw new OauthError(secret ? 'access_denied' : 'temporarily_unavailable', why)
  } finally {
    broker.atWork.delete(row.id)
  }
}

async function activate(
  db: Db,
  { io }: Pick<Broker, 'io'>,
  lease: Row<'lease'>,
  standing: true | undefined,
): Promise<Row<'lease'> | undefined> {
  return await transaction(db, async tx => {
    if (lease.entity_id !== null && (await isHeld(tx, lease.entity_id))) return undefined
    const active = await tx
      .updateTable('lease')
      .set({ state: 'active' })
      .where('id', '=', lease.id)
      .where('state', '=', 'issuing')
      .returningAll()
      .executeTakeFirst()
    if (active && standing) await record(tx, io, readEntry(active))
    return active
  })
}

/** The value that was issued, where the system said that it is good; the rest of the run waits for the lease's end. */
async function carriedOut(db: Db, broker: Broker, runId: string): Promise<Secret | undefined> {
  const { io, keys, connections } = broker
  await runSteps(db, runId, {
    io,
    keys,
    connections,
    handlers: leaseVerbs,
    ...(broker.onBoundary && { onBoundary: broker.onBoundary }),
    patienceSeconds: broker.patienceSeconds ?? PATIENCE_SECONDS,
  })
  const step = (await stepsOf(db, runId)).find(({ key }) => key === 'issue')
  if (step?.state !== 'verified' || step.sealed_secret === null) return undefined
  return unsealIssued(keys, await runRow(db, runId), 'issue', step.sealed_secret)
}

/** The first connection to the system that can make and end such a credential. */
async function issuingSource(
  db: Db,
  { connections }: Broker,
  like: NonNullable<LeaseFacts['like']>,
  scopes: readonly string[],
): Promise<{ source: Row<'source'>; standing: true | undefined }> {
  let failed: unknown
  for (const source of await connections.forInstance(db, like.ref.system, like.ref.instance))
    try {
      const connection = await connections.open(db, source.id)
      const ends = connection.undo && connection.revoke
      if (!connection.issue || !(ends || connection.standing)) continue
      if (scopes.length === 0 || connection.narrowsLike?.includes(like.ref.kind))
        return { source, standing: connection.standing }
      throw new OauthError('invalid_scope', 'its system gives all the rights of what it is like, or none')
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      failed = error
    }
  throw isFirebreakError(failed, 'UNREACHABLE', 'RATE_LIMITED')
    ? new OauthError('temporarily_unavailable', 'the system that it is for cannot be reached')
    : new OauthError('server_error', 'no connection can issue it; see the broker’s own log')
}

/** Whoever has read it has it: each reading is told by itself. */
function readEntry({ id, name, workload, task, entity_id }: Row<'lease'>) {
  const body = { lease: name, id, task, workload: JSON.parse(workload) as Json }
  return { kind: 'secret.read', subject: entity_id ?? id, body }
}

function issuedEntry(lease: NewRow<'lease'>, account: { [name: string]: Json }) {
  const { id, name, kind, not_after, run_id, parent_id } = lease
  const body = {
    lease: name,
    kind,
    notAfter: not_after,
    run: run_id ?? null,
    exchangedFrom: parent_id ?? null,
    ...account,
  }
  return { kind: 'broker.decision', subject: id, body }
}
