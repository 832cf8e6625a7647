import type { Connection, Verdict } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { type CredentialRef, formatRef, isProvisional, type Ref, sameRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Keys } from '../../core/keys/keys.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { type Graph, loadGraph, reach, usersOf } from '../../know/graph/graph.ts'
import {
  coverageOf,
  type CredentialView,
  entityByRef,
  refOf,
  resolveEntity,
} from '../../know/inventory/queries.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { confirmCredential } from '../../know/inventory/confirm.ts'
import { watchConsumers } from './consumers.ts'
import { derivedOf } from './derived.ts'
import { holdingsOf } from './holdings.ts'
import { type Asked, type Leak, leakLabel, leaksOf } from './leaks.ts'
import type { Capability, Consumer, Holding, Incident, Mode, Target } from './incident.ts'

export interface TriageRequest extends Asked {
  readonly mode: Mode
  readonly windowSeconds: number
}

export interface Triage {
  readonly incident: Incident
  /** The leaked values, in the order that `leak` of targets and holdings counts in. */
  readonly secrets: readonly (Secret | undefined)[]
}

interface World {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
}

const CAPABILITIES: readonly Capability[] = [
  'issue',
  'rotate',
  'suspend',
  'freeze',
  'thaw',
  'endSessions',
  'revoke',
  'verify',
  'sessions',
]

/**
 * From what leaked to all that must be cut: which credentials bear the value, at which systems, whether they live, who
 * uses them, where the copies stand. Only looks. Raises NOT_FOUND, AMBIGUOUS, or UNSUPPORTED where no connected
 * system is concerned.
 */
export async function triage(db: Db, world: World, request: TriageRequest): Promise<Triage> {
  const leaks = await leaksOf(db, world, request)
  const targets: Target[] = []
  const uncovered: { label: string; why: string }[] = []
  for (const [index, leak] of leaks.entries()) {
    const found = await targetsOf(db, world, leak, index, targets)
    targets.push(...found)
    if (found.length === 0)
      uncovered.push({ label: leakLabel(leak), why: 'no connected system where it can be cut off' })
  }
  if (targets.length === 0)
    throw nothingToCut(
      leaks.flatMap(leak => leak.views),
      request.secret !== undefined,
    )

  const graph = await loadGraph(db)
  const owners: { label: string; owner: string; source: string }[] = []
  for (const target of targets) owners.push(...(await ownersOf(db, target)))
  const { skipped } = await coverageOf(db)
  const holdings: Holding[] = []
  for (const [index, leak] of leaks.entries())
    holdings.push(...(await holdingsOf(db, world, leak.views, index)))
  const incident: Incident = {
    mode: request.mode,
    // Who uses them is watched for at the same time.
    targets: await Promise.all(
      targets.map(async target => ({
        ...target,
        consumers: await consumersOf(
          db,
          world,
          target,
          leaks[target.leak]?.views ?? [],
          request.windowSeconds,
        ),
      })),
    ),
    derived: await derivedOf(db, world, targets),
    holdings,
    windowSeconds: request.windowSeconds,
    notSearched: skipped,
    owners,
    reach: reachOf(graph, targets),
    uncovered,
  }
  return { incident, secrets: leaks.map(leak => leak.secret) }
}

/** All that accept the value, or are said to; who uses them is looked for later. `others` are of earlier leaks. */
async function targetsOf(
  db: Db,
  world: World,
  { views, secret }: Leak,
  leak: number,
  others: readonly Target[],
): Promise<Target[]> {
  const targets: Target[] = []
  const identities = new Map(
    views.flatMap(view => (view.identity ? [[view.identity.id, view.identity] as const] : [])),
  )
  for (const identity of identities.values()) {
    if (isProvisional(identity.ref)) continue
    for (const source of await world.connections.forInstance(
      db,
      identity.ref.system,
      identity.ref.instance,
    )) {
      const connection = await world.connections.open(db, source.id)
      if (!connection.revoke) continue
      const tried = await tryNative(
        connection,
        await nativeCredentials(db, identity.id, views, secret),
        secret,
      )
      if (!tried) continue
      const { credential, verdict } = tried
      await confirm(db, world, views, identity.id, credential.id, verdict, secret)
      const label = labelOf(identity, [...others, ...targets])
      if (verdict.state !== 'dead') mustBeAlone(identity.ref, label, others)
      targets.push({
        leak,
        credentialId: await confirmedId(db, views, identity.id, credential.id, verdict),
        credential: credential.ref,
        identity: identity.ref,
        label,
        sourceId: source.id,
        can: CAPABILITIES.filter(name => connection[name] !== undefined),
        settleSeconds: connection.settleSeconds,
        ours: views.some(view => view.identity?.id === identity.id && view.issuedBy !== undefined),
        verdict,
        consumers: [],
      })
      break
    }
  }
  return targets
}

/** Two branches of one run would take each other's identity for one that somebody else still uses. */
function mustBeAlone(identity: Ref, label: string, others: readonly Target[]): void {
  if (!others.some(other => sameRef(other.identity, identity) && other.verdict.state !== 'dead')) return
  throw new FirebreakError(
    'UNSUPPORTED',
    `two values that leaked together are accepted for ${label.replace(/ \(\d+\)$/, '')}`,
    'contain them one after the other: firebreak contain - for each value',
  )
}

interface Native {
  readonly id: string
  readonly ref: CredentialRef
}

/** Which of an identity's credentials has the value: the first that the system takes it for, else the first. */
async function tryNative(
  connection: Connection,
  candidates: readonly Native[],
  secret: Secret | undefined,
): Promise<{ credential: Native; verdict: Verdict } | undefined> {
  let first: { credential: Native; verdict: Verdict } | undefined
  for (const credential of candidates) {
    const verdict = (await connection.verify?.(credential.ref, secret)) ?? {
      state: 'unknown' as const,
      why: 'this system cannot be asked',
    }
    if (verdict.state === 'live') return { credential, verdict }
    first ??= { credential, verdict }
  }
  return first
}

/**
 * The system's own credentials of the identity, as its connection listed them: what its verbs take. Only the one that the
 * secret's public half names, where it names one; else only the one that is known to have the value; else all that
 * may have it, where the system keeps several for an identity, as AWS does.
 */
async function nativeCredentials(
  db: Db,
  identityId: string,
  views: readonly CredentialView[],
  secret: Secret | undefined,
): Promise<Native[]> {
  const identity = await resolveEntity(db, identityId)
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .selectAll('entity')
    .where('credential.identity_id', 'in', await membersOf(db, [identity.id]))
    .where('entity.native', 'not like', 'fp:%')
    .where('entity.merged_into', 'is', null)
    // One that is gone can still be tried: that is how it is proven.
    .orderBy(({ eb }) => eb('entity.gone_at', 'is not', null))
    .orderBy('entity.id')
    .execute()
  const named = rows.find(row => row.native === secret?.id)
  const bearing = rows.find(row =>
    views.some(view => view.id === row.id && view.publicFingerprint !== undefined),
  )
  // Credentials of several kinds are an identity as a system knows it now and as it did before: the first is meant.
  const [first] = rows
  const own = named ?? bearing
  const chosen = own ? [own] : rows.filter(row => row.kind === first?.kind && row.gone_at === null)
  return (chosen.length > 0 ? chosen : rows.slice(0, 1)).map(row => ({
    id: row.id,
    ref: { ...refOf(row), identity: refOf(identity) },
  }))
}

/** Tells the inventory what the system said of each value that is said to be this identity's. */
async function confirm(
  db: Db,
  world: World,
  views: readonly CredentialView[],
  identityId: string,
  nativeId: string,
  verdict: Verdict,
  secret: Secret | undefined,
): Promise<void> {
  if (!secret) return
  for (const view of views)
    if (view.identity?.id === identityId && view.id !== nativeId && view.publicFingerprint !== undefined)
      await transaction(db, tx => confirmCredential(tx, world.io, view.id, nativeId, verdict))
}

/** The entity that the run is about: the native credential where the value is its own, else the copy's. */
async function confirmedId(
  db: Db,
  views: readonly CredentialView[],
  identityId: string,
  nativeId: string,
  verdict: Verdict,
): Promise<string> {
  if (verdict.state === 'live') return nativeId
  const copy = views.find(view => view.identity?.id === identityId && view.id !== nativeId)
  return copy ? (await resolveEntity(db, copy.id)).id : nativeId
}

async function consumersOf(
  db: Db,
  { io, connections }: World,
  target: Target,
  views: readonly CredentialView[],
  windowSeconds: number,
): Promise<Consumer[]> {
  const connection = await connections.open(db, target.sourceId)
  const consumers = new Map<string, Consumer>()
  for (const [name, sessions] of await watchConsumers(connection, target.identity, windowSeconds, io))
    consumers.set(name, { name, seen: sessions.size, how: 'has sessions at the server' })
  const native = await entityByRef(db, 'credential', target.credential)
  const graph = await loadGraph(db)
  for (const id of new Set([...(native ? [native.id] : []), ...views.map(view => view.id)]))
    for (const user of usersOf(graph, id)) {
      const name = user.names[0] ?? user.ref.id
      const session = [...consumers.values()].find(consumer => consumer.name.split('@')[0] === name)
      if (session) consumers.set(session.name, { ...session, how: `has sessions at the server; ${user.why}` })
      else consumers.set(name, { name, seen: 0, how: user.why })
    }
  return [...consumers.values()].sort((a, b) => b.seen - a.seen || (a.name < b.name ? -1 : 1))
}

function labelOf(identity: { ref: Ref; names: readonly string[] }, others: readonly Target[]): string {
  // A name with colons is an ARN or an address, where there is a shorter one.
  const name = identity.names.find(name => !name.includes(':')) ?? identity.names[0] ?? identity.ref.id
  const taken = (label: string) => others.some(target => target.label === label)
  if (!taken(name)) return name
  const full = `${name}@${identity.ref.instance}`
  if (!taken(full) && !others.some(target => sameRef(target.identity, identity.ref))) return full
  // Another value of the same identity.
  for (let count = 2; ; count++) if (!taken(`${name} (${count})`)) return `${name} (${count})`
}

/** What a holder can do with what it reaches, the worst first; whom it merely counts as comes last. */
const WORST_FIRST = [
  'superuser',
  'runs-commands',
  'owns',
  'holds-copy',
  'may-write',
  'may-read',
  'may-create',
]

function reachOf(graph: Graph, targets: readonly Target[]): string[] {
  const rank = (crossing: string) => {
    const index = WORST_FIRST.findIndex(word => crossing.startsWith(word))
    return index < 0 ? WORST_FIRST.length : index
  }
  const lines = targets.flatMap(target =>
    reach(graph, target.credentialId).reached.flatMap(far => {
      const last = far.hops.at(-1)
      if (!last || far.type === 'credential' || sameRef(far.ref, target.identity)) return []
      const line = `${far.names[0] ?? formatRef(far.ref)}: ${last.why} (${far.certainty})`
      return [{ line, rank: rank(last.crossing) }]
    }),
  )
  return [...new Set(lines.sort((a, b) => a.rank - b.rank).map(({ line }) => line))]
}

async function ownersOf(db: Db, target: Target): Promise<{ label: string; owner: string; source: string }[]> {
  const identity = await entityByRef(db, 'identity', target.identity)
  if (!identity) return []
  const rows = await db
    .selectFrom('owner')
    .select(['owner', 'source'])
    .where('entity_id', 'in', await membersOf(db, [identity.id]))
    .where('gone_at', 'is', null)
    .orderBy('weight', 'desc')
    .orderBy('owner')
    .execute()
  return rows.map(row => ({ label: target.label, owner: row.owner, source: row.source }))
}

function nothingToCut(views: readonly CredentialView[], pasted: boolean): FirebreakError {
  const claims = views.flatMap(view => (view.identity ? [formatRef(view.identity.ref)] : []))
  const system = views.find(view => view.identity)?.identity?.ref.system ?? 'postgres'
  const copies = views.reduce((count, view) => count + view.copies.length, 0)
  return new FirebreakError(
    'UNSUPPORTED',
    `${copies} ${copies === 1 ? 'copy is' : 'copies are'} known, but no connected system where the credential can be cut off` +
      (claims.length > 0 ? ` (the texts name ${[...new Set(claims)].join(', ')})` : ''),
    `connect that system: firebreak connect ${system} --host HOST --user ADMIN --password env:NAME` +
      (pasted ? '; or name whose it is: firebreak contain REF --secret-stdin' : ''),
  )
}
