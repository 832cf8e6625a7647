import type { Json } from '../../core/contract/ref.ts'
import type { Row, RunState } from '../../core/store/schema.ts'
import { isGiven } from '../actions/verbs/withdraw.ts'
import { type Holding, type Incident, spotOf, type Target } from './incident.ts'

export type CopyState = 'replaced' | 'removed' | 'dead' | 'live' | 'unknown'

export interface ContainReport {
  readonly run: string
  readonly state: RunState | 'planned'
  readonly mode: Incident['mode']
  /** True where every credential was proven dead and nothing that a holder could still use is left undone. */
  readonly contained: boolean
  readonly credentials: readonly {
    label: string
    state: 'live' | 'dead' | 'unknown'
    why: string
    at?: string
    sessions?: number
    /** Dead by the system's own word: no value was at hand to try. */
    untried?: true
    /** It is accepted where no connection leads. */
    uncovered?: true
  }[]
  readonly copies: readonly { where: string; state: CopyState; why: string; atHead: boolean }[]
  readonly consumers: readonly { name: string; state: 'moved' | 'seen' | 'unknown'; how: string }[]
  readonly owners: Incident['owners']
  readonly reach: readonly string[]
  readonly newPrincipals: readonly string[]
  readonly newCopies: readonly string[]
  readonly notSearched: readonly { what: string; why: string }[]
  readonly breaks: readonly string[]
  /** What the run could not do for those who used what it cut, as sentences. */
  readonly outstanding: readonly string[]
  readonly steps: readonly {
    key: string
    title: string
    state: string
    needs: readonly string[]
    error?: string
    /** Why it was not done, where the run went on without it. */
    skipped?: string
  }[]
}

/** What the step that proves has kept. */
interface Proof {
  readonly state: 'dead' | 'unknown'
  readonly why: string
  readonly at: string
  readonly sessions: number | null
  readonly refusals: number
}

/** What a run came to: a pure function of its rows. */
export function report(
  run: Row<'run'>,
  steps: readonly Row<'step'>[],
  incident: Incident,
  breaks: readonly string[],
  newCopies: readonly string[],
): ContainReport {
  const resultOf = <T>(key: string): T | undefined => {
    const step = steps.find(other => other.key === key && other.state === 'verified')
    return step?.result ? (JSON.parse(step.result) as T) : undefined
  }
  const isBegun = steps.some(step => step.state !== 'pending')
  const credentials = incident.targets.map(target => {
    const proof = resultOf<Proof>(`prove:${target.label}`)
    if (!proof) {
      const failed = steps.find(step => step.key === `prove:${target.label}` && step.error !== null)
      const { state, why } = target.verdict
      return { label: target.label, state, why: failed?.error ?? (isBegun ? 'not proven yet' : why) }
    }
    const seen = proof.sessions === null ? {} : { sessions: proof.sessions }
    const untried = proof.state === 'dead' && proof.refusals === 0 ? { untried: true as const } : {}
    return { label: target.label, state: proof.state, why: proof.why, at: proof.at, ...seen, ...untried }
  })
  const all = [
    ...credentials,
    ...incident.uncovered.map(({ label, why }) => ({
      label,
      state: 'unknown' as const,
      why,
      uncovered: true as const,
    })),
  ]
  const observed = resultOf<{ failed: { what: string; why: string }[]; newPrincipals: Json[] }>('observe')
  const done =
    run.state === 'done' &&
    steps.every(
      step => step.state === 'verified' || (step.state === 'skipped' && !skippedOf(step).leavesOpen),
    )
  const [written, removed] = [copiesOf(steps, 'write'), copiesOf(steps, 'remove')]
  const alike = Map.groupBy(incident.holdings, spotOf)
  const copies = incident.holdings.map(holding =>
    copyState(
      alike.get(spotOf(holding))!,
      holding,
      credentials.filter((_, index) => incident.targets[index]?.leak === holding.leak),
      written,
      removed,
    ),
  )
  /** Those who go on reading the old one. What is in a history is read by whoever checks it out, and nobody knows who does. */
  const unreached = ({ label, leak }: Target): string[] => {
    const among = (state: CopyState) =>
      copies
        .filter((copy, index) => copy.state === state && incident.holdings[index]!.leak === leak)
        .filter(({ where, atHead }) => atHead && !/ in commit /.test(where))
        .map(({ where }) => where)
    const [old, given] = [among('dead'), among('replaced')]
    if (old.length === 0 || given.length === 0) return []
    return [
      `${label}: the old one stands still in ${old.join(', ')}. Give whoever reads it there the new one, which stands in ${given[0]}`,
    ]
  }
  /** Of a credential that is no more: that nobody has another. */
  const left = (target: Target): string[] => {
    const { label, can, atVendor, verdict } = target
    if (verdict.state === 'dead' || atVendor) return []
    const [issued, rotated] = [resultOf<Json>(`issue:${label}`), resultOf<Json>(`rotate:${label}`)]
    if (issued === undefined && rotated === undefined)
      return can.includes('issue')
        ? [
            `${label}: no new credential was issued, since none of the places that were found may be written. Make one for whoever used it`,
          ]
        : []
    const { withdrawn } = resultOf<{ withdrawn: boolean }>(`withdraw:${label}`) ?? {}
    if (withdrawn)
      return [
        `${label}: the new credential could be written nowhere, and was taken back. Make one for whoever used it`,
      ]
    const from = issued === undefined ? `rotate:${label}` : `issue:${label}`
    const isHeld = steps.some(
      ({ key, verb, args }) =>
        (key === `moved:${label}` || (verb === 'write' && JSON.parse(args).from === from)) &&
        isGiven(resultOf<Json>(key) ?? null),
    )
    if (withdrawn === false || isHeld) return unreached(target)
    return [
      issued === undefined
        ? `${label}: nobody has its new secret, which could be written nowhere. Set another by hand, and give it to whoever uses it`
        : `${label}: the new credential stands, and nobody has it. End it, and make one for whoever used it`,
    ]
  }
  return {
    run: run.id,
    state: run.state,
    mode: incident.mode,
    contained: done && all.every(credential => credential.state === 'dead'),
    credentials: all,
    copies,
    consumers: incident.targets.flatMap(target => {
      const moved = resultOf<{ moved?: string[] }>(`moved:${target.label}`)?.moved ?? []
      return target.consumers.map(consumer => ({
        name: consumer.name,
        state: moved.includes(consumer.name)
          ? ('moved' as const)
          : consumer.seen > 0
            ? ('seen' as const)
            : ('unknown' as const),
        how: consumer.how,
      }))
    }),
    owners: incident.owners,
    reach: incident.reach,
    newPrincipals: (observed?.newPrincipals ?? []).map(principal => JSON.stringify(principal)),
    newCopies,
    notSearched: [...incident.notSearched, ...(observed?.failed ?? [])],
    breaks,
    outstanding: run.kind === 'contain' && run.state === 'done' ? incident.targets.flatMap(left) : [],
    steps: steps.map(step => ({
      key: step.key,
      title: step.title,
      state: step.state,
      needs: JSON.parse(step.needs) as string[],
      ...(step.error ? { error: step.error } : {}),
      ...(step.state === 'skipped' ? { skipped: skippedOf(step).skipped } : {}),
    })),
  }
}

function skippedOf({ result }: Row<'step'>): { skipped: string; leavesOpen?: boolean } {
  return JSON.parse(result ?? '{"skipped":""}') as { skipped: string; leavesOpen?: boolean }
}

/** Those of which the verb has changed the place. */
function copiesOf(steps: readonly Row<'step'>[], verb: 'write' | 'remove'): Set<string> {
  const done = steps.filter(step => step.verb === verb && step.state === 'verified')
  return new Set(done.flatMap(step => (JSON.parse(step.args) as { copyIds: string[] }).copyIds))
}

/** A copy is as dead as the credential it is of; where it may be of another, nobody can tell. `alike` are it, and the same file. */
function copyState(
  alike: readonly Holding[],
  holding: Holding,
  credentials: ContainReport['credentials'],
  written: ReadonlySet<string>,
  removed: ReadonlySet<string>,
): ContainReport['copies'][number] {
  const { where, atHead } = holding
  const isAmong = (ids: ReadonlySet<string>) => alike.some(one => one.copyIds.every(id => ids.has(id)))
  if (isAmong(written)) return { where, atHead, state: 'replaced', why: 'holds the new credential now' }
  if (isAmong(removed)) return { where, atHead, state: 'removed', why: 'it does not stand there any more' }
  if (holding.elsewhere)
    return { where, atHead, state: 'unknown', why: `names ${holding.elsewhere}, which no connection covers` }
  const worst =
    credentials.find(one => one.state === 'live') ??
    credentials.find(one => one.state === 'unknown') ??
    credentials[0]
  const state = worst?.state ?? 'unknown'
  return {
    where,
    atHead,
    state,
    why: state === 'dead' ? 'its value is refused' : (worst?.why ?? 'nothing was tried'),
  }
}
