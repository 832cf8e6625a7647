import { formatRef, pathOf, sameRef } from '../../core/contract/ref.ts'
import { toJson } from '../actions/arguments.ts'
import type { PlannedStep } from '../actions/step.ts'
import { argumentsAbout, type Holding, type Incident, spotOf, type Target } from './incident.ts'
import type { Reader } from './readers.ts'

export interface Plan {
  readonly steps: readonly PlannedStep[]
  /** What stops working, for whom and from which step on, as sentences. */
  readonly breaks: readonly string[]
}

/**
 * The order to cut in: a pure function of the incident. Branches without a path between them run at once.
 *
 * graceful:  freeze → issue → write, reload → moved → suspend → end sessions → unused → revoke → prove → thaw
 * emergency: suspend → end sessions, freeze → revoke → prove; beside it issue → write, reload; then thaw
 *
 * What was issued and could be given to nobody is withdrawn in the end; where no place may get it, and nobody is waited for, none
 * is issued: its value would be lost with the run.
 *
 * Where nothing can be issued beside the old one, a new secret in its place is the cut: to suspend or to revoke after
 * that would take the new one too.
 *
 * At a vendor that nobody connected: by hand (a new one is made) → revoke → prove; an emergency does not wait for it. Where
 * only a person can end it, that is by hand instead.
 *
 * A value that is refused already is only proven so: the identity lives on with another.
 * Revoking never waits for the removal of copies; observing again comes last.
 */
export function plan(incident: Incident): Plan {
  const steps: PlannedStep[] = []
  const breaks: string[] = []
  for (const target of incident.targets) {
    steps.push(...branch(incident, target, steps))
    if (target.verdict.state !== 'dead') breaks.push(...broken(incident, target))
  }
  const ends = steps
    .filter(step => !steps.some(other => other.needs.includes(step.key)))
    .map(step => step.key)
  steps.push({
    key: 'observe',
    verb: 'observe',
    title: 'observe every source again: new copies, and principals made meanwhile',
    needs: ends,
    args: {},
  })
  return { steps, breaks }
}

/** `earlier` are the steps of the branches before it. */
function branch(incident: Incident, target: Target, earlier: readonly PlannedStep[]): PlannedStep[] {
  const steps: PlannedStep[] = []
  const { label, can } = target
  const about = argumentsAbout(target)
  /** Adds the step where it can be done, and gives its key, or what it would have needed. */
  const add = (verb: string, possible: boolean, title: string, needs: string[], args = about): string[] => {
    if (!possible) return needs
    const key = `${verb}:${label}`
    steps.push({ key, verb, title, needs: [...new Set(needs)], args })
    return [key]
  }
  const suspend = (needs: string[]) =>
    add('suspend', can.includes('suspend'), `suspend ${label}: no new logins`, needs)
  /** Its own, then those of what it may have become: one that was begun meanwhile is of before this, too. */
  const endSessions = (needs: string[]) => {
    let ended = add('end-sessions', can.includes('endSessions'), `end the sessions of ${label}`, needs)
    for (const { of, identity, label: as, sourceId, why } of incident.derived) {
      if (of !== label || sourceId === undefined) continue
      const key = `end-sessions:${as}`
      const args = { ...about, sourceId, identity: toJson(identity) }
      steps.push({
        key,
        verb: 'end-sessions',
        title: `end the sessions of ${as}: ${why}`,
        needs: ended,
        args,
      })
      ended = [key]
    }
    return ended
  }
  const freeze = (needs: string[]) =>
    add('freeze', can.includes('freeze'), `freeze ${label}: it can mint nothing new`, needs)
  const revoke = (needs: string[]) =>
    add('revoke', can.includes('revoke'), `revoke the credential of ${label}`, needs)
  const prove = (needs: string[]) => {
    const title = `prove it dead: try it at the server, twice, ${target.settleSeconds} s apart`
    const cuts = ['suspend', 'end-sessions', 'revoke'].map(verb => `${verb}:${label}`)
    const redo = steps.map(step => step.key).filter(key => cuts.includes(key))
    const identityLives = target.verdict.state === 'dead' || isReplacedInPlace(target)
    return add('prove', true, title, needs, { ...about, redo, identityLives })
  }

  if (target.verdict.state === 'dead') {
    prove([])
    return steps
  }

  if (target.atVendor) {
    const { kind, byHand } = target.atVendor
    const ask = (what: string, title: string, needs: string[]) =>
      add('by-hand', true, title, needs, { ...about, what, kind, why: byHand ?? null })
    if (byHand !== undefined) prove(ask('revoke', `by hand: end the ${label}. ${byHand}`, []))
    else if (incident.mode === 'emergency') prove(revoke([]))
    else
      prove(revoke(ask('replace', `by hand: make another ${kind}, and give it to whoever uses this one`, [])))
    return steps
  }

  /** Both modes replace alike: a sibling where there can be one, else a new secret in place. */
  const replace = (needs: string[]): { issued: string[]; placed: string[] } => {
    const verb = can.includes('issue') ? 'issue' : 'rotate'
    if (!can.includes(verb) || isForNobody(incident, target)) return { issued: needs, placed: needs }
    const title =
      verb === 'issue' ? `issue a new credential beside that of ${label}` : `give ${label} a new secret`
    const issued = add(verb, true, title, needs)
    const written = writable(incident, target).map(holding => ({
      holding,
      key: writeStep(steps, earlier, holding, label, issued[0] ?? '', issued),
    }))
    const placed = [...written.map(({ key }) => key), ...reloadSteps(steps, label, written)]
    return { issued, placed: placed.length > 0 ? placed : issued }
  }

  if (isReplacedInPlace(target)) {
    const { issued, placed } = replace(incident.mode === 'graceful' ? freeze([]) : [])
    const ended = endSessions(incident.mode === 'graceful' ? placed : issued)
    const frozen = incident.mode === 'graceful' ? [] : freeze(issued)
    thawAfter([...prove([...ended, ...frozen]), ...placed])
  } else if (incident.mode === 'graceful') {
    const { issued, placed } = replace(freeze([]))
    const seen = target.consumers.filter(consumer => consumer.seen > 0)
    const moved = add(
      'moved',
      can.includes('issue') && can.includes('sessions') && seen.length > 0,
      `wait until ${list(seen.map(consumer => consumer.name))} ${seen.length === 1 ? 'has' : 'have'} moved`,
      placed,
      { ...about, from: issued[0] ?? '', consumers: seen.map(consumer => consumer.name) },
    )
    const ended = endSessions(suspend(moved))
    // What is suspended can be given back, what is deleted cannot.
    const unused = add(
      'unused',
      can.includes('suspend') && can.includes('lastUse') && !can.includes('sessions'),
      `watch that nobody uses the credential of ${label} any more`,
      ended,
    )
    thawAfter(prove(revoke(unused)))
  } else {
    const cut = suspend([])
    // One after the other: two changes of one account at once collide in many systems.
    const ended = [...endSessions(cut), ...freeze(cut)]
    const { issued, placed } = replace(ended)
    // What we issued is deleted when it is revoked: then nothing could be issued like it any more. It is suspended already.
    const waits = target.ours === true && can.includes('suspend')
    const proven = prove(revoke(waits ? [...ended, ...issued] : ended))
    thawAfter([...proven, ...placed])
  }
  return steps

  function thawAfter(needs: string[]): void {
    const possible = can.includes('freeze') && can.includes('thaw')
    const thawed = add('thaw', possible, `thaw ${label}: give back what freezing took`, needs, {
      ...about,
      from: `freeze:${label}`,
      issued: steps.find(({ verb }) => verb === 'issue')?.key ?? null,
    })
    withdrawAfter(thawed)
  }

  function withdrawAfter(needs: string[]): void {
    const issued = steps.find(({ verb }) => verb === 'issue')
    if (!issued) return
    const given = steps.filter(({ verb }) => verb === 'write' || verb === 'moved').map(({ key }) => key)
    const title = `take the new credential of ${label} back if it was given to nobody`
    add('withdraw', true, title, [issued.key, ...given, ...needs], { ...about, from: issued.key, given })
  }
}

/** The places that get this target's new credential: never those of another identity that bears the same value. */
function writable(incident: Incident, target: Target): Holding[] {
  const alike = incident.targets.filter(other => other.leak === target.leak && other.verdict.state !== 'dead')
  const alone = alike.length === 1
  return incident.holdings.filter(
    ({ leak, writable, elsewhere, claims, place }) =>
      leak === target.leak &&
      writable &&
      (keepsName(target) || !isNameless(place)) &&
      elsewhere === undefined &&
      (claims.length === 0
        ? alone
        : claims.every(claim => sameRef(claim, target.identity) || sameRef(claim, target.credential))),
  )
}

/** One for each document, whichever of its contents the copies were read from: the step finds out how it stands. */
function writeStep(
  steps: PlannedStep[],
  earlier: readonly PlannedStep[],
  holding: Holding,
  label: string,
  from: string,
  needs: string[],
): string {
  const key = `write:${label}${documentOf(holding)}`
  if (steps.some(step => step.key === key)) return key
  // Another value in the same document is written there too: then it is another document, and this one stands elsewhere in it.
  const other = earlier.findLast(step => step.verb === 'write' && step.key.endsWith(documentOf(holding)))
  if (other) {
    const reread = `reread:${label}${documentOf(holding)}`
    steps.push({
      key: reread,
      verb: 'observe',
      title: `read ${holding.where} again, as it stands then`,
      needs: [...new Set([...needs, other.key])],
      args: { sourceId: holding.sourceId },
    })
    needs = [reread]
  }
  steps.push({
    key,
    verb: 'write',
    title: `write it to ${holding.where}`,
    needs,
    args: { sourceId: holding.sourceId, place: toJson(holding.place), copyIds: [...holding.copyIds], from },
  })
  return key
}

/** Each reader once, when all that it reads is written. */
function reloadSteps(
  steps: PlannedStep[],
  label: string,
  written: readonly { readonly holding: Holding; readonly key: string }[],
): string[] {
  const readers = new Map<string, { reader: Reader; needs: string[] }>()
  for (const { holding, key } of written)
    for (const reader of holding.readers ?? []) {
      if (reader.sourceId === undefined) continue
      const of = formatRef(reader.workload)
      readers.set(of, { reader, needs: [...(readers.get(of)?.needs ?? []), key] })
    }
  return [...readers.values()].map(({ reader, needs }) => {
    const key = `reload:${label}:${reader.label}`
    steps.push({
      key,
      verb: 'reload',
      title: `restart ${reader.label}, so that it reads the new one`,
      needs: [...new Set(needs)],
      args: { sourceId: reader.sourceId!, workload: toJson(reader.workload) },
    })
    return key
  })
}

function documentOf(holding: Holding): string {
  return `:${holding.sourceId}:${pathOf(holding.place)}`
}

/** It says a secret, and not whose. Who reads only that goes on using the old name, which the new secret does not open. */
function isNameless({ slots }: Holding['place']): boolean {
  return slots.length > 0 && !slots.some(slot => slot.part === 'id')
}

/** Whoever goes on using the old name gets in with the new secret. */
function keepsName(target: Target): boolean {
  return isReplacedInPlace(target) || target.keepsPublicHalf === true
}

/** No place may get a new credential, and nobody who uses the old one is waited for. A new secret in place is the cut all the same. */
function isForNobody(incident: Incident, target: Target): boolean {
  const waits = incident.mode === 'graceful' && target.consumers.some(consumer => consumer.seen > 0)
  return target.can.includes('issue') && !waits && writable(incident, target).length === 0
}

function isReplacedInPlace({ can }: Target): boolean {
  return can.includes('rotate') && !can.includes('issue')
}

/** The step from which on the old value is refused. */
function cutBy(target: Target): string {
  const verb = isReplacedInPlace(target) ? 'rotate' : target.can.includes('suspend') ? 'suspend' : 'revoke'
  return `${verb}:${target.label}`
}

function broken(incident: Incident, target: Target): string[] {
  const sentences: string[] = []
  const seen = target.consumers.filter(consumer => consumer.seen > 0)
  const unseen = target.consumers.filter(consumer => consumer.seen === 0)
  if (incident.mode === 'emergency' || isReplacedInPlace(target))
    for (const consumer of seen)
      sentences.push(
        `${consumer.name} (${consumer.how}) fails from ${cutBy(target)} until it has read the new credential`,
      )
  else if (writable(incident, target).length === 0 && seen.length > 0)
    sentences.push(
      `no approved place holds the credential: ${list(seen.map(consumer => consumer.name))} cannot move, and the run ` +
        `will wait before ${cutBy(target)}`,
    )
  if (isForNobody(incident, target))
    sentences.push(
      `no approved place holds the credential of ${target.label}: no other is issued, and a person has to make one for whoever uses it`,
    )
  if (target.atVendor)
    sentences.push(
      `no other ${target.atVendor.kind} can be issued by Firebreak: whoever uses it fails from ` +
        `${target.atVendor.byHand === undefined ? cutBy(target) : `by-hand:${target.label}`} until a person gives them one`,
    )
  const listsSessions = target.can.includes('sessions')
  for (const consumer of unseen)
    sentences.push(
      listsSessions
        ? `${consumer.name} (${consumer.how}) was not seen in the window of ${incident.windowSeconds} s: whether it breaks is unknown`
        : `${consumer.name} (${consumer.how}): whether it has read the new credential by ${cutBy(target)} is unknown`,
    )
  if (!listsSessions)
    sentences.push(
      `${target.identity.system} lists no sessions: who else uses ${target.label} is unknown` +
        (target.can.includes('lastUse') && incident.mode === 'graceful'
          ? `; if it is used while it is suspended, the run will wait before revoke:${target.label}`
          : ''),
    )
  for (const { of, label, sourceId, why } of incident.derived)
    if (of === target.label)
      sentences.push(
        sourceId === undefined
          ? `sessions of ${label} cannot be ended from here, and go on until they expire: ${why}`
          : `whoever has a session of ${label.slice(of.length + ' as '.length)} has to begin a new one from end-sessions:${label} on: ${why}`,
      )
  const byHand = writable(incident, target).flatMap(holding => holding.readers ?? [])
  for (const name of new Set(
    byHand.filter(({ sourceId }) => sourceId === undefined).map(({ label }) => label),
  ))
    sentences.push(
      `${name} reads the new credential when it is restarted, which is left to a person: it fails from ${cutBy(target)} until then`,
    )
  const placed = new Set(incident.targets.flatMap(other => writable(incident, other)).map(spotOf))
  const left = incident.holdings.filter(
    holding => holding.leak === target.leak && holding.atHead && !placed.has(spotOf(holding)),
  )
  // The same file in a repository's history and in its work tree is one place to whoever reads it.
  const placesOf = (holdings: readonly Holding[]) => [
    ...new Set(holdings.map(holding => holding.where.replace(/ in commit .*$/, ''))),
  ]
  const readOnly = placesOf(left.filter(holding => !holding.writable))
  const here = left.filter(holding => holding.writable && holding.elsewhere === undefined)
  const hasNoName = ({ place }: Holding) => !keepsName(target) && isNameless(place)
  const nameless = placesOf(here.filter(hasNoName))
  const unclear = placesOf(here.filter(holding => !hasNoName(holding)))
  for (const [places, why] of [
    [readOnly, 'Firebreak may not write there'],
    [nameless, 'the new credential has a name of its own, and there is no name there to be replaced'],
    [unclear, 'it may be of several identities there, and a document gets one new credential'],
  ] as const)
    if (places.length > 0)
      sentences.push(`whoever reads it from ${list(places)} fails from ${cutBy(target)} on: ${why}`)
  return sentences
}

function list(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? 'nobody') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
