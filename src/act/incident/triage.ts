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
import { readExposed, holdingsOf } from './holdings.ts'
import { bearing, subjectCredentials } from './subject.ts'
import type { Capability, Consumer, Incident, Mode, Target } from './incident.ts'

export interface TriageRequest {
  readonly mode: Mode
  readonly windowSeconds: number
  /** An entity id, a reference, a public fingerprint or a name… */
  readonly subject?: string
  /** …or the leaked secret itself. */
  readonly secret?: Secret
}

export interface Triage {
  readonly incident: Incident
  /** The leaked value: as pasted, or read again from a copy; undefined where no copy can be read. */
  readonly secret: Secret | undefined
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
  const found = await subjectCredentials(db, world, request)
  const secret = request.secret ?? (await readExposed(db, world, found))
  // The same value elsewhere is the same leak: what bears its fingerprint is contained with it.
  const views = secret ? unique([...found, ...(await bearing(db, world, secret))]) : found
  const targets = await targetsOf(db, world, views, secret, request)
  if (targets.length === 0) throw nothingToCut(views, request.secret !== undefined)

  const graph = await loadGraph(db)
  const owners: { label: string; owner: string; source: string }[] = []
  for (const target of targets) owners.push(...(await ownersOf(db, target)))
  const { skipped } = await coverageOf(db)
  const incident: Incident = {
    mode: request.mode,
    targets,
    holdings: await holdingsOf(db, world, views),
    windowSeconds: request.windowSeconds,
    notSearched: skipped,
    owners,
    reach: reachOf(graph, targets),
  }
  return { incident, secret }
}

function unique(views: readonly CredentialView[]): CredentialView[] {
  return [...new Map(views.map(view => [view.id, view])).values()]
}

async function targetsOf(
  db: Db,
  world: World,
  views: readonly CredentialView[],
  secret: Secret | undefined,
  request: TriageRequest,
): Promise<Target[]> {
  const targets = new Map<string, Target>()
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
      const credential = await nativeCredential(db, identity.id)
      if (!credential || !connection.revoke) continue
      const verdict: Verdict = (await connection.verify?.(credential.ref, secret)) ?? {
        state: 'unknown',
        why: 'this system cannot be asked',
      }
      await confirm(db, world, views, identity.id, credential.id, verdict, secret)
      const label = labelOf(identity, [...targets.values()])
      targets.set(`${source.id}/${identity.id}`, {
        credentialId: await confirmedId(db, views, identity.id, credential.id, verdict),
        credential: credential.ref,
        identity: identity.ref,
        label,
        sourceId: source.id,
        can: CAPABILITIES.filter(name => connection[name] !== undefined),
        settleSeconds: connection.settleSeconds,
        ours: views.some(view => view.identity?.id === identity.id && view.issuedBy !== undefined),
        verdict,
        consumers: await consumersOf(
          db,
          world.io,
          connection,
          identity,
          credential.id,
          views,
          request.windowSeconds,
        ),
      })
      break
    }
  }
  return [...targets.values()]
}

/** The system's own credential of the identity, as its connection listed it: what its verbs take. */
async function nativeCredential(
  db: Db,
  identityId: string,
): Promise<{ id: string; ref: CredentialRef } | undefined> {
  const identity = await resolveEntity(db, identityId)
  const row = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .selectAll('entity')
    .where('credential.identity_id', 'in', await membersOf(db, [identity.id]))
    .where('entity.native', 'not like', 'fp:%')
    .where('entity.merged_into', 'is', null)
    // One that is gone can still be tried: that is how it is proven.
    .orderBy(({ eb }) => eb('entity.gone_at', 'is not', null))
    .orderBy('entity.id')
    .executeTakeFirst()
  return row ? { id: row.id, ref: { ...refOf(row), identity: refOf(identity) } } : undefined
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
  io: Io,
  connection: Connection,
  identity: { id: string; ref: Ref },
  nativeId: string,
  views: readonly CredentialView[],
  windowSeconds: number,
): Promise<Consumer[]> {
  const consumers = new Map<string, Consumer>()
  for (const [name, sessions] of await watchConsumers(connection, identity.ref, windowSeconds, io))
    consumers.set(name, { name, seen: sessions.size, how: 'has sessions at the server' })
  const graph = await loadGraph(db)
  for (const id of new Set([nativeId, ...views.map(view => view.id)]))
    for (const user of usersOf(graph, id)) {
      const name = user.names[0] ?? user.ref.id
      const session = [...consumers.values()].find(consumer => consumer.name.split('@')[0] === name)
      if (session) consumers.set(session.name, { ...session, how: `has sessions at the server; ${user.why}` })
      else consumers.set(name, { name, seen: 0, how: user.why })
    }
  return [...consumers.values()].sort((a, b) => b.seen - a.seen || (a.name < b.name ? -1 : 1))
}

function labelOf(identity: { ref: Ref; names: readonly string[] }, others: readonly Target[]): string {
  const name = identity.names[0] ?? identity.ref.id
  if (!others.some(target => target.label === name)) return name
  return `${name}@${identity.ref.instance}`
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
