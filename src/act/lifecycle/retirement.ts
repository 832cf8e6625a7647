import { type Json, type PlaceRef, pathOf, sameRef } from '../../core/contract/ref.ts'
import { toJson } from '../actions/arguments.ts'
import type { PlannedStep } from '../actions/step.ts'
import { argumentsAbout, type Incident, type Target } from '../incident/incident.ts'

/** A document out of which values are taken, once none of them opens anything. */
export interface Removal {
  readonly sourceId: string
  readonly place: PlaceRef
  readonly where: string
  readonly copyIds: readonly string[]
  /** The leaks whose values stand there, as `Target.leak`. */
  readonly leaks: readonly number[]
}

/** An identity at a system whose rights go, whether it has a credential or not. */
export interface Emptied {
  readonly label: string
  readonly identity: Target['identity']
  readonly sourceId: string
  readonly can: readonly ('narrow' | 'endSessions' | 'sessions')[]
}

export interface Departure {
  readonly incident: Incident
  readonly emptied: readonly Emptied[]
  readonly removals: readonly Removal[]
  /** What the subject’s own workloads are called where a system tells who is logged in. */
  readonly ownConsumers: readonly string[]
}

/**
 * The order in which what is not needed any more goes: a pure function. Branches without a path between them run at once.
 *
 * uses → suspend → narrow → end sessions → unused → revoke → prove; and, once all that stands in a document is revoked, out
 * of the document. An emergency waits for no use. Observing again comes last.
 */
export function retirementPlan(departure: Departure): { steps: PlannedStep[]; breaks: string[] } {
  const { incident, emptied, removals } = departure
  const steps: PlannedStep[] = []
  const breaks: string[] = []
  /** By which step each leak is cut. */
  const cut = new Map<number, string[]>()
  const emptying = new Map(emptied.map(one => [one.label, emptySteps(one, incident)]))
  for (const group of byCredential(incident.targets)) {
    const own = emptied.find(one => sameRef(one.identity, group[0]!.identity))
    const branch = credentialBranch(departure, group, own && emptying.get(own.label)!)
    steps.push(...branch.steps)
    breaks.push(...branch.breaks)
    for (const { leak } of group) cut.set(leak, branch.cut)
  }
  // Each identity once, after all its credentials are suspended.
  for (const { label, identity } of emptied) {
    const suspended = steps
      .filter(step => step.verb === 'suspend' && sameRef(step.args['identity'] as never, identity))
      .map(step => step.key)
    const uses = steps
      .filter(step => step.verb === 'uses' && sameRef(step.args['identity'] as never, identity))
      .map(step => step.key)
    const [first, ...rest] = emptying.get(label)!
    if (first) steps.push({ ...first, needs: suspended.length > 0 ? suspended : uses }, ...rest)
  }
  for (const { sourceId, place, where, copyIds, leaks } of removals)
    steps.push({
      key: `remove:${sourceId}:${pathOf(place)}:${place.version ?? ''}`,
      verb: 'remove',
      title: `take ${leaks.length === 1 ? 'it' : `all ${leaks.length}`} out of ${where}`,
      needs: [...new Set(leaks.flatMap(leak => cut.get(leak) ?? []))],
      args: { sourceId, place: toJson(place), copyIds: [...copyIds], redo: [] },
    })
  const ends = steps.filter(step => !steps.some(other => other.needs.includes(step.key)))
  steps.push({
    key: 'observe',
    verb: 'observe',
    title: 'observe every source again: new copies, and principals made meanwhile',
    needs: ends.map(step => step.key),
    args: {},
  })
  return { steps: inOrder(steps), breaks }
}

/** Several values may have been offered for one credential: it is cut once, and each is tried afterwards. */
function byCredential(targets: readonly Target[]): Target[][] {
  const groups: Target[][] = []
  for (const target of targets) {
    const known = groups.find(([first]) => sameRef(first!.credential, target.credential))
    if (known) known.push(target)
    else groups.push([target])
  }
  return groups
}

/** Rights first, then what goes on with what it had; the needs of the first are set where all branches are known. */
function emptySteps({ label, identity, sourceId, can }: Emptied, incident: Incident): PlannedStep[] {
  const args = { sourceId, identity: toJson(identity) }
  const steps: PlannedStep[] = []
  const add = (verb: string, key: string, title: string, more: { [name: string]: Json } = {}) => {
    const needs = steps.slice(-1).map(step => step.key)
    steps.push({ key, verb, title, needs, args: { ...args, ...more } })
  }
  if (can.includes('narrow')) add('narrow', `narrow:${label}`, `take every right of ${label} away`)
  if (can.includes('endSessions'))
    add('end-sessions', `end-sessions:${label}`, `end the sessions of ${label}`)
  for (const derived of incident.derived)
    if (derived.of === label && derived.sourceId !== undefined)
      add(
        'end-sessions',
        `end-sessions:${derived.label}`,
        `end the sessions of ${derived.label}: ${derived.why}`,
        { sourceId: derived.sourceId, identity: toJson(derived.identity) },
      )
  return steps
}

function credentialBranch(
  { incident, ownConsumers }: Departure,
  group: readonly Target[],
  emptying: readonly PlannedStep[] | undefined,
): { steps: PlannedStep[]; breaks: string[]; cut: string[] } {
  const living = group.filter(({ verdict }) => verdict.state !== 'dead')
  const target = living[0] ?? group[0]!
  const { label, can } = target
  const steps: PlannedStep[] = []
  const about = argumentsAbout(target)
  const add = (verb: string, possible: boolean, title: string, needs: readonly string[], args = about) => {
    if (!possible) return [...needs]
    steps.push({ key: `${verb}:${label}`, verb, title, needs: [...new Set(needs)], args })
    return [`${verb}:${label}`]
  }
  const prove = (one: Target, needs: readonly string[], redo: readonly string[]) =>
    steps.push({
      key: `prove:${one.label}`,
      verb: 'prove',
      title: `prove it dead: try ${one.label} at the server, twice, ${one.settleSeconds} s apart`,
      needs: [...needs],
      args: {
        ...argumentsAbout(one),
        redo: [...redo],
        // Where only one of an identity’s credentials goes, its sessions are not for this run to end.
        identityLives: emptying === undefined,
      },
    })
  if (living.length === 0) {
    for (const one of group) prove(one, [], [])
    return { steps, breaks: [], cut: group.map(one => `prove:${one.label}`) }
  }
  if (target.atVendor?.byHand !== undefined) {
    const { kind, byHand } = target.atVendor
    const asked = add('by-hand', true, `by hand: end the ${label}. ${byHand}`, [], {
      ...about,
      what: 'revoke',
      kind,
      why: byHand,
    })
    for (const one of group) prove(one, asked, [])
    return { steps, breaks: broken(incident, target), cut: asked }
  }
  const waits = incident.mode === 'graceful'
  const unneeded = add('uses', waits && can.includes('sessions'), `see that nobody else uses ${label}`, [], {
    ...about,
    own: [...ownConsumers],
    windowSeconds: incident.windowSeconds,
  })
  const suspended = add('suspend', can.includes('suspend'), `suspend ${label}: no new logins`, unneeded)
  const emptied = emptying?.at(-1)?.key
  const unused = add(
    'unused',
    waits && can.includes('suspend') && can.includes('lastUse') && !can.includes('sessions'),
    `watch that nobody uses the credential of ${label} any more`,
    emptied === undefined ? suspended : [...suspended, emptied],
  )
  const ready = emptied === undefined ? unused : [...unused, emptied]
  const revoked = add('revoke', can.includes('revoke'), `revoke the credential of ${label}`, ready)
  const ended = emptying?.filter(step => step.verb === 'end-sessions').map(step => step.key) ?? []
  const cuts = ['suspend', 'revoke'].map(verb => `${verb}:${label}`)
  const redo = [...cuts.filter(key => steps.some(step => step.key === key)), ...ended]
  for (const one of group) prove(one, revoked, redo)
  return { steps, breaks: broken(incident, target), cut: revoked }
}

function broken({ windowSeconds, mode }: Incident, { label, consumers, can }: Target): string[] {
  const from = can.includes('suspend') ? `suspend:${label}` : `revoke:${label}`
  return consumers.map(({ name, how, seen }) =>
    seen > 0
      ? `${name} (${how}) fails from ${from} on`
      : `${name} (${how})${can.includes('sessions') && mode === 'graceful' ? ` was not seen in the window of ${windowSeconds} s, and` : ''} fails from ${from} on, where it is still at work`,
  )
}

/** A step stands after those that it needs: that is how people read a plan. */
function inOrder(steps: readonly PlannedStep[]): PlannedStep[] {
  const left = [...steps]
  const placed: PlannedStep[] = []
  while (left.length > 0) {
    const at = left.findIndex(step => step.needs.every(key => placed.some(other => other.key === key)))
    if (at < 0) throw new TypeError(`no step of ${left.map(step => step.key).join(', ')} can be first`)
    placed.push(...left.splice(at, 1))
  }
  return placed
}
