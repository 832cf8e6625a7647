import { type Ref, sameRef } from '../../core/contract/ref.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { fingerprint } from '../../core/keys/fingerprint.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row, RunState } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { credentialsByFingerprint, findSubject, refOf } from '../../know/inventory/queries.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { exposedSecrets } from '../actions/journal.ts'
import { type Asked, credentialsIn } from './leaks.ts'
import { credentialsOfIdentity, isEnded } from './subject.ts'

interface World {
  readonly keys: Keys
  readonly connections: Connections
}

/** The part of a run's input that says whom it is about. */
interface About {
  readonly incident: {
    readonly targets: readonly { leak: number; credentialId: string; identity: Ref }[]
    readonly uncovered: readonly unknown[]
  }
}

/**
 * The run that is open for what the request names, if there is one. What it cut may be known no more: the last of its
 * steps observes, and a credential that is gone has no credential to name. CONFLICT where it is about a part of it only.
 */
export async function openRun(
  db: Db,
  world: World,
  request: Asked,
  { named }: Before,
): Promise<string | undefined> {
  const runs = await containments(db, ['running', 'stuck'])
  const found = runs.find(run => concerns(run, named) || exposes(world, run, request))
  if (found && request.leakedIn !== undefined && !isAboutAll(found, named))
    throw new FirebreakError(
      'CONFLICT',
      `run ${found.id} is open for a part of what leaked there`,
      `go on with it first: firebreak contain --resume ${found.id}`,
    )
  return found?.id
}

/**
 * The run that ended for good all that a name stands for: each of its credentials is gone, or was proven dead after it
 * was last seen. A leaked value is tried again instead: that tells more than any record.
 */
export async function endedRun(db: Db, request: Asked, { named }: Before): Promise<string | undefined> {
  if (request.secret) return undefined
  const runs = await containments(db, ['done'])
  if (runs.length === 0) return undefined
  for (const id of named.credentialIds) if (!(await isEnded(db, id))) return undefined
  return runs.findLast(run => concerns(run, named))?.id
}

/** What there was before anything was looked at. To find what a document holds goes through all that is known, and is done once. */
export interface Before {
  readonly runs: ReadonlySet<string>
  readonly named: Named
}

export async function before(db: Db, world: World, request: Asked): Promise<Before> {
  const runs = await containments(db, ['running', 'stuck', 'done', 'abandoned'])
  return { runs: new Set(runs.map(run => run.id)), named: await namedAlready(db, world, request) }
}

/** What is not known yet may be after another look. */
async function namedAlready(db: Db, world: World, request: Asked): Promise<Named> {
  try {
    return await namedBy(db, world, request)
  } catch (error) {
    if (!isFirebreakError(error, 'NOT_FOUND', 'AMBIGUOUS')) throw error
    return { credentialIds: new Set(), identities: [] }
  }
}

/**
 * A containment of the same that was begun since, and may have ended already: of what the request named before, of its value, or of
 * one of these identities, which it came to.
 */
export async function begunBeside(
  db: Db,
  world: World,
  request: Asked,
  { runs, named }: Before,
  identities: readonly Ref[] = [],
): Promise<string | undefined> {
  const all = await containments(db, ['running', 'stuck', 'done', 'abandoned'])
  const same = { ...named, identities: [...named.identities, ...identities] }
  return all.find(run => !runs.has(run.id) && (concerns(run, same) || exposes(world, run, request)))?.id
}

interface Named {
  readonly credentialIds: ReadonlySet<string>
  readonly identities: readonly Ref[]
  /** How many values these are, where that was asked for. */
  readonly values?: number
}

async function namedBy(db: Db, world: World, { subject, secret, leakedIn }: Asked): Promise<Named> {
  const { keys } = world
  if (leakedIn !== undefined) {
    const views = await credentialsIn(db, world, leakedIn)
    const values = new Set(views.map(view => view.publicFingerprint ?? view.id)).size
    return { credentialIds: new Set(views.map(view => view.id)), identities: [], values }
  }
  if (secret) {
    const views = await credentialsByFingerprint(db, keys, fingerprint(keys.fingerprint, secret))
    return { credentialIds: new Set(views.map(view => view.id)), identities: [] }
  }
  const entities = await findSubject(db, keys, subject ?? '')
  const identities = entities.filter(entity => entity.type === 'identity')
  const ids = entities.filter(entity => entity.type === 'credential').map(entity => entity.id)
  for (const identity of identities) ids.push(...(await credentialsOfIdentity(db, identity.id)))
  return { credentialIds: new Set(ids), identities: identities.map(refOf) }
}

/** Whether the run is about as many values: what it cuts, and what it could not. */
function isAboutAll(run: Row<'run'>, named: Named): boolean {
  const { incident } = JSON.parse(run.input) as About
  const leaks = new Set(incident.targets.map(target => target.leak)).size + incident.uncovered.length
  return leaks >= (named.values ?? 0)
}

function concerns(run: Row<'run'>, named: Named): boolean {
  const { incident } = JSON.parse(run.input) as About
  return incident.targets.some(
    target =>
      named.credentialIds.has(target.credentialId) ||
      named.identities.some(ref => sameRef(ref, target.identity)),
  )
}

function exposes({ keys }: World, run: Row<'run'>, { secret }: Asked): boolean {
  return exposedSecrets(keys, run).some(exposed => sameValue(secret, exposed))
}

async function containments(db: Db, states: readonly RunState[]): Promise<Row<'run'>[]> {
  return await db
    .selectFrom('run')
    .selectAll()
    .where('kind', '=', 'contain')
    .where('state', 'in', states)
    .orderBy('id')
    .execute()
}

function sameValue(a: Secret | undefined, b: Secret | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.from(a.reveal()).equals(b.reveal())
}
