import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { formatRef, sameRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Db } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import type { Graph } from '../../know/graph/graph.ts'
import { loadGraph } from '../../know/graph/load-graph.ts'
import { certaintyAt, nodeAt, reach, wayAt } from '../../know/graph/reach.ts'
import { usersOf } from '../../know/graph/users.ts'
import { hopViews, nodeViews } from '../../know/graph/views.ts'
import { worstFirst } from '../../know/graph/worst-first.ts'
import { coverageOf, type CredentialView, entityByRef } from '../../know/inventory/queries.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { wordsOn } from '../../know/inventory/owner-word.ts'
import type { RuleFolders } from '../../know/readers/secrets/rules/rules-in-use.ts'
import { watchConsumers } from './consumers.ts'
import { declaredKindOf, declaredTarget, type Kinds, kindsIn } from './declared-target.ts'
import { derivedOf } from './derived.ts'
import { holdingsOf } from './holdings.ts'
import { hostsKnownBy } from './host-keys.ts'
import { type Asked, type Leak, leakLabel, leaksOf } from './leaks.ts'
import type { Consumer, Holding, Incident, Mode, Target } from './incident.ts'
import { connectedTargets, type TargetWorld } from './targets.ts'

export interface TriageRequest extends Asked {
  readonly mode: Mode
  readonly windowSeconds: number
}

export interface Triage {
  readonly incident: Incident
  /** The leaked values, in the order that `leak` of targets and holdings counts in. */
  readonly secrets: readonly (Secret | undefined)[]
}

interface World extends RuleFolders {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
  /** Told for how long it is watched who uses the credentials, before that begins. */
  readonly onWatch?: (seconds: number) => void
}

/**
 * From what leaked to all that must be cut: which credentials bear the value, at which systems, whether they live, who
 * uses them, where the copies stand. Only looks. Raises NOT_FOUND, AMBIGUOUS, or UNSUPPORTED where no connected
 * system is concerned.
 */
export async function triage(db: Db, world: World, request: TriageRequest): Promise<Triage> {
  const leaks = await leaksOf(db, world, request)
  const kinds = kindsIn(world)
  const targets: Target[] = []
  const uncovered: { label: string; why: string }[] = []
  for (const [index, leak] of leaks.entries()) {
    const found = await targetsOf(db, { ...world, kinds }, leak, index, targets)
    for (const target of found) if (target.verdict.state !== 'dead') mustBeAlone(target, targets)
    targets.push(...found)
    if (found.length === 0)
      uncovered.push({ label: leakLabel(leak), why: 'no connected system where it can be cut off' })
  }
  if (targets.length === 0)
    throw await nothingToCut(
      db,
      kinds,
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
  if (request.windowSeconds > 0) world.onWatch?.(request.windowSeconds)
  const incident: Incident = {
    mode: request.mode,
    // Who uses them is watched for at the same time.
    targets: await Promise.all(
      targets.map(async target => ({
        ...target,
        consumers: await consumersOf(
          db,
          world,
          graph,
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
    reach: await reachOf(db, graph, targets),
    uncovered,
  }
  return { incident, secrets: leaks.map(leak => leak.secret) }
}

/** Where the value is accepted: at connected systems, else where its rule declares how its vendor is asked. */
export async function targetsOf(
  db: Db,
  world: TargetWorld & { readonly kinds: Kinds },
  leak: Leak,
  index: number,
  others: readonly Target[],
): Promise<Target[]> {
  const connected = await connectedTargets(db, world, leak, index, others)
  if (connected.length > 0) return connected
  const atVendor = await declaredTarget(db, world, leak, index, others)
  return atVendor ? [atVendor] : []
}

/** Two branches of one run would take each other's identity for one that somebody else still uses. */
function mustBeAlone({ identity, label }: Target, others: readonly Target[]): void {
  if (!others.some(other => sameRef(other.identity, identity) && other.verdict.state !== 'dead')) return
  throw new FirebreakError(
    'UNSUPPORTED',
    `two values that leaked together are accepted for ${label.replace(/ \(\d+\)$/, '')}`,
    'contain them one after the other: firebreak contain - for each value',
  )
}

export async function consumersOf(
  db: Db,
  { io, connections }: World,
  graph: Graph,
  target: Target,
  views: readonly CredentialView[],
  windowSeconds: number,
): Promise<Consumer[]> {
  const connection = await connections.open(db, target.sourceId)
  const consumers = new Map<string, Consumer>()
  for (const [name, sessions] of await watchConsumers(connection, target.identity, windowSeconds, io))
    consumers.set(name, { name, seen: sessions.size, how: 'has sessions at the server' })
  const native = await entityByRef(db, 'credential', target.credential)
  for (const id of new Set([...(native ? [native.id] : []), ...views.map(view => view.id)]))
    for (const user of await usersOf(db, graph, id)) {
      const name = user.names[0] ?? user.ref.id
      const session = [...consumers.values()].find(consumer => consumer.name.split('@')[0] === name)
      if (session) consumers.set(session.name, { ...session, how: `has sessions at the server; ${user.why}` })
      else consumers.set(name, { name, seen: 0, how: user.why })
    }
  return [...consumers.values()].sort((a, b) => b.seen - a.seen || (a.name < b.name ? -1 : 1))
}

/** Of what a credential reaches, so much is told: the worst, a line each. */
const MOST_REACHED = 200

async function reachOf(db: Db, graph: Graph, targets: readonly Target[]): Promise<string[]> {
  const lines: string[] = []
  let untold = 0
  for (const target of targets) {
    const start = graph.ids.numberOf(target.credentialId)
    if (start === undefined) continue
    const found = reach(graph, start)
    const worst = worstFirst(graph, found, MOST_REACHED)
    untold += found.count - worst.length
    const nodes = await nodeViews(
      db,
      graph,
      worst.map(index => nodeAt(found, index)),
    )
    const hops = await hopViews(
      db,
      graph,
      worst.map(index => wayAt(graph, found, index).at(-1)!),
    )
    for (const [at, far] of nodes.entries()) {
      if (far.type === 'credential' || sameRef(far.ref, target.identity)) continue
      const certainty = certaintyAt(found, worst[at]!)
      lines.push(`${far.names[0] ?? formatRef(far.ref)}: ${hops[at]!.why} (${certainty})`)
    }
  }
  const told = [...new Set(lines)]
  return untold > 0 ? [...told, `and ${untold} more: firebreak reach NAME tells of all`] : told
}

export async function ownersOf(
  db: Db,
  target: Target,
): Promise<{ label: string; owner: string; source: string }[]> {
  const identity = await entityByRef(db, 'identity', target.identity)
  if (!identity) return []
  const members = await membersOf(db, [identity.id])
  const rows = await db
    .selectFrom('owner')
    .select(['owner', 'source'])
    .where('entity_id', 'in', members)
    .where('gone_at', 'is', null)
    .orderBy('weight', 'desc')
    .orderBy('owner')
    .execute()
  // A person's word comes before whatever texts say.
  const all = [...(await wordsOn(db, members)), ...rows]
  return all.map(({ owner, source }) => ({ label: target.label, owner, source }))
}

async function nothingToCut(
  db: Db,
  kinds: Kinds,
  views: readonly CredentialView[],
  pasted: boolean,
): Promise<FirebreakError> {
  const claims = views.flatMap(view => (view.identity ? [formatRef(view.identity.ref)] : []))
  const system = views.find(view => view.identity)?.identity?.ref.system ?? 'postgres'
  const copies = views.reduce((count, view) => count + view.copies.length, 0)
  const [view] = views
  const kind = view && claims.length === 0 ? await declaredKindOf(kinds, view) : undefined
  const hosts = await hostsKnownBy(db, views)
  if (hosts.length > 0)
    return new FirebreakError(
      'UNSUPPORTED',
      `it is the host key of ${hosts.join(', ')}, which no connected system can take from clients that trust it`,
      'make another there (ssh-keygen -A, once the old one is away), give clients its public half, and take the old line out of each known_hosts, or mark it @revoked; then: firebreak observe, firebreak trace',
    )
  return new FirebreakError(
    'UNSUPPORTED',
    `${countText(copies, 'copy is', 'copies are')} known, but no connected system where the credential can be cut off` +
      (claims.length > 0 ? ` (the texts name ${[...new Set(claims)].join(', ')})` : ''),
    kind && 'why' in kind.revoke && kind.revoke.why !== undefined
      ? `end it by hand: ${kind.revoke.why}`
      : `connect that system: firebreak connect ${system} --host HOST --user ADMIN --password env:NAME` +
          (pasted ? '; or name whose it is: firebreak contain REF --secret-stdin' : ''),
  )
}
