import { isFirebreakError } from '../../core/contract/errors.ts'
import { isProvisional, pathOf, sameRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Db } from '../../core/store/store.ts'
import { type CredentialView, coverageOf, namesOf, refOf } from '../../know/inventory/queries.ts'
import type { ContainOptions } from '../incident/contain.ts'
import { kindsIn } from '../incident/declared-target.ts'
import { derivedOf } from '../incident/derived.ts'
import { holdingsOf } from '../incident/holdings.ts'
import type { Holding, Incident, Mode, Target } from '../incident/incident.ts'
import { type Leak, leakLabel, valueOf } from '../incident/leaks.ts'
import { consumersOf, ownersOf, targetsOf } from '../incident/triage.ts'
import type { Belonging, Belongings } from './belongings.ts'
import type { Departure, Emptied, Removal } from './retirement.ts'
import type { Subject } from './subject.ts'
import type { UsesWorld } from './uses.ts'

/** What has to go, at which systems, and where its copies stand. Only looks. */
export async function departureOf(
  world: UsesWorld,
  options: Omit<ContainOptions, 'onPlan'>,
  request: { readonly mode: Mode; readonly windowSeconds: number; readonly keepRights?: boolean },
  { own }: Belongings,
  subject: Subject,
): Promise<{ departure: Departure; secrets: (Secret | undefined)[] }> {
  const { db } = world
  const leaks: Leak[] = []
  const targets: Target[] = []
  const uncovered: { label: string; why: string }[] = []
  const kinds = kindsIn(options)
  for (const belonging of own)
    for (const views of byValue(belonging.credentials)) {
      const leak: Leak = { views, secret: await valueOf(db, options, views) }
      const known = targets.length
      for (const target of await targetsOf(db, { ...options, kinds }, leak, leaks.length, targets)) {
        // What is known of its value already is tried with that one: as the system lists it there is nothing more to cut. One that
        // was refused may be an old value, and says nothing of what opens it now.
        const others = targets.filter(other => sameRef(other.credential, target.credential))
        if (leak.secret || others.every(({ verdict }) => verdict.state === 'dead')) targets.push(target)
      }
      if (leak.secret && targets.length === known)
        uncovered.push({ label: leakLabel(leak), why: 'no connected system where it can be cut off' })
      leaks.push(leak)
    }
  openFirst(targets)
  const holdings: Holding[] = []
  for (const [index, leak] of leaks.entries())
    holdings.push(...(await holdingsOf(db, options, leak.views, index)))
  const owners: Incident['owners'][number][] = []
  for (const target of targets) owners.push(...(await ownersOf(db, target)))
  const { skipped } = await coverageOf(db)
  const incident: Incident = {
    mode: request.mode,
    targets: await Promise.all(
      targets.map(async target => ({
        ...target,
        consumers: target.atVendor
          ? []
          : await consumersOf(
              db,
              options,
              world.graph,
              target,
              leaks[target.leak]?.views ?? [],
              request.windowSeconds,
            ),
      })),
    ),
    derived: await derivedOf(db, options, targets),
    holdings,
    windowSeconds: request.windowSeconds,
    notSearched: skipped,
    owners,
    reach: [],
    uncovered,
  }
  const departure = {
    incident,
    emptied: await emptiedOf(db, options, own, targets, request.keepRights === true),
    removals: await removalsOf(db, options, holdings, targets),
    ownConsumers: await consumersOfSubject(world, subject),
  }
  return { departure, secrets: leaks.map(leak => leak.secret) }
}

/** Where an old value was tried first, what still opens takes its place, and the plain name. */
function openFirst(targets: Target[]): void {
  for (const [at, open] of targets.entries()) {
    if (open.verdict.state === 'dead') continue
    const before = targets.findIndex(
      ({ credential, verdict }) => verdict.state === 'dead' && sameRef(credential, open.credential),
    )
    const old = targets[before]
    if (!old || before > at) continue
    targets[before] = { ...open, label: old.label }
    targets[at] = { ...old, label: open.label }
  }
}

/** Those that are read from copies first: they are tried with their value. */
function byValue(views: readonly CredentialView[]): CredentialView[][] {
  const groups = [...Map.groupBy(views, view => view.publicFingerprint ?? view.id).values()]
  return groups.sort((a, b) => Number(!a[0]!.publicFingerprint) - Number(!b[0]!.publicFingerprint))
}

/** Identities that go whole, where a connected system can take their rights. */
async function emptiedOf(
  db: Db,
  { connections }: Pick<ContainOptions, 'connections'>,
  own: readonly Belonging[],
  targets: readonly Target[],
  keepRights: boolean,
): Promise<Emptied[]> {
  const emptied: Emptied[] = []
  for (const { identity, isWhole, name } of own) {
    if (!identity || !isWhole || isProvisional(refOf(identity))) continue
    const ref = refOf(identity)
    for (const source of await connections.forInstance(db, ref.system, ref.instance)) {
      const connection = await connections.open(db, source.id)
      const can = (['narrow', 'endSessions', 'sessions'] as const).filter(
        method => connection[method] !== undefined && !(keepRights && method === 'narrow'),
      )
      if (can.length === 0) continue
      const label = targets.find(target => sameRef(target.identity, ref))?.label ?? name
      emptied.push({ label, identity: ref, sourceId: source.id, can })
      break
    }
  }
  return emptied
}

/** Documents that may be written, with all that is cut off and stands in them. */
async function removalsOf(
  db: Db,
  { connections }: Pick<ContainOptions, 'connections'>,
  holdings: readonly Holding[],
  targets: readonly Target[],
): Promise<Removal[]> {
  const covered = holdings.filter(
    ({ writable, leak }) => writable && targets.some(target => target.leak === leak),
  )
  const documents = Map.groupBy(
    covered,
    ({ sourceId, place }) => `${sourceId} ${pathOf(place)} ${place.version ?? ''}`,
  )
  const removals: Removal[] = []
  for (const group of documents.values()) {
    const { sourceId, place, where } = group[0]!
    if (!(await canRemove(db, connections, sourceId))) continue
    const slots = new Map(
      group
        .flatMap(holding => holding.place.slots)
        .map(slot => [JSON.stringify([slot.part, slot.at, slot.encodings]), slot]),
    )
    removals.push({
      sourceId,
      place: {
        ...place,
        slots: [...slots.values()].sort((a, b) => Number.parseInt(a.at, 10) - Number.parseInt(b.at, 10)),
      },
      where: where.replace(/:[\d,]+$/, ''),
      copyIds: [...new Set(group.flatMap(holding => holding.copyIds))],
      leaks: [...new Set(group.map(holding => holding.leak))],
    })
  }
  return removals
}

async function canRemove(
  db: Db,
  connections: ContainOptions['connections'],
  sourceId: string,
): Promise<boolean> {
  try {
    return (await connections.open(db, sourceId)).remove !== undefined
  } catch (error) {
    if (isFirebreakError(error)) return error.retryable
    throw error
  }
}

/** What its workloads are called where a system tells who is logged in. */
async function consumersOfSubject({ db, services }: UsesWorld, subject: Subject): Promise<string[]> {
  const workloads =
    subject.kind === 'service'
      ? subject.serviceIds.flatMap(id => services.workloadsOf(id))
      : subject.kind === 'workload'
        ? [subject.workloadId]
        : []
  const names = subject.kind === 'service' ? [subject.name] : []
  for (const id of workloads) names.push(...(await namesOf(db, id)))
  return [...new Set(names)]
}
