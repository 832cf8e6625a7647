import { countText } from '../../../core/contract/count-text.ts'
import type { Figures, Share } from '../../../judge/posture/figures.ts'
import type { CheckCounts } from '../../../judge/posture/run-checks.ts'
import type { Point } from '../../../judge/posture/trend.ts'
import type { Coverage } from '../coverage.ts'
import type { ListedFinding } from '../findings.ts'
import type { Excepted } from './exceptions.ts'
import type { Ratchet } from './ratchet.ts'

/** One control with how many of what was looked at speak for it, against it, and how many nobody can tell. */
export interface ControlCounts {
  readonly control: string
  readonly checks: readonly string[]
  readonly fails: number
  readonly unknown: number
  readonly passes: number
}

/** One of those to mend first. */
export interface First {
  readonly name: string
  readonly ref: string
  readonly checks: readonly string[]
  readonly reached: number
  /** What nobody gets to any more once it and those before it are mended. */
  readonly taken: number
}

/** Where a thing that is found wrong was seen last: what the finding stands on. */
export interface Seen {
  readonly source: string
  readonly document: string | null
  readonly at: string
}

/** All that a run of the checks found out: every form of a report is made of this alone. */
export interface Checked {
  readonly at: string
  readonly findings: readonly ListedFinding[]
  /** Of each check how many of its population fail, pass, and how many nobody can tell. */
  readonly checks: readonly CheckCounts[]
  readonly coverage: Coverage
  readonly framework: {
    readonly name: string
    readonly translated: string | null
    readonly controls: readonly ControlCounts[]
  } | null
  readonly figures: Figures
  /** The runs before this one, and this one last. */
  readonly trend: readonly Point[]
  readonly exceptions: ({ readonly file: string } & Omit<Excepted, 'findings'>) | null
  readonly ratchet: Ratchet | null
  readonly first: {
    readonly things: readonly First[]
    readonly lookedAt: number
    readonly of: number
    /** All that those looked at get to. */
    readonly reached: number
  } | null
}

/** What is said of a figure, with what it was computed from. */
export function shareText({ count, of, unknown }: Share): string {
  if (of === 0) return 'of none that is known'
  const percent = ((100 * count) / of).toFixed(1)
  const rest = unknown === 0 ? '' : `; of ${unknown} nobody can tell`
  return `${percent} %, ${count} of ${of}${rest}`
}

const HOUR_MS = 3_600_000

export function headlines({ figures }: Pick<Checked, 'figures'>): readonly (readonly [string, string])[] {
  const { medianToDeadMs, dead, exposedStillAlive, standing } = figures
  const hours = medianToDeadMs === null ? undefined : medianToDeadMs / HOUR_MS
  const median =
    hours === undefined
      ? 'of none that is known'
      : `${hours < 48 ? `${hours.toFixed(1)} hours` : `${(hours / 24).toFixed(1)} days`} in the median of ${dead}`
  return [
    ['Identities fully visible', shareText(figures.visible)],
    ['Rotated in time', shareText(figures.rotated)],
    ['Exposed', shareText(figures.exposed)],
    ['From exposure to dead', `${median}; ${exposedStillAlive} exposed are not known to be dead`],
    ['Standing credentials', String(standing.total)],
  ]
}

/** What is new and what is gone since the run before, by check; undefined where there was none. */
export function sinceLast(trend: readonly Point[]):
  | {
      readonly at: string
      readonly standing: number
      readonly byCheck: readonly (readonly [string, number])[]
    }
  | undefined {
  const [before, now] = trend.slice(-2)
  if (!before || !now) return undefined
  const ids = new Set([...Object.keys(before.fails), ...Object.keys(now.fails)])
  const byCheck = [...ids]
    .map(id => [id, (now.fails[id] ?? 0) - (before.fails[id] ?? 0)] as const)
    .filter(([, change]) => change !== 0)
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  return { at: before.at, standing: now.standing - before.standing, byCheck }
}

/** Never a bare number, which would be taken for how many there are. */
export function signed(change: number): string {
  return change === 0 ? '±0' : change > 0 ? `+${change}` : String(change)
}

/** Those that count: what is excepted is shown, and does not. */
export function counting(findings: readonly ListedFinding[]): ListedFinding[] {
  return findings.filter(({ exception }) => exception === null)
}

/** What is to be said of the exceptions beside what they are of. */
export function exceptionLines({ exceptions, findings }: Checked): string[] {
  if (!exceptions) return []
  const { file, expired, ownerless, unlisted, idle } = exceptions
  const excepted = findings.length - counting(findings).length
  return [
    `${excepted} excepted by ${file}.`,
    ...expired.map(
      ({ line, check, entity, expires }) =>
        `Line ${line}: the exception of ${entity} from ${check} expired on ${expires}: it counts again.`,
    ),
    ...ownerless.map(
      ({ line, check, entity, owner }) =>
        `Line ${line}: ${owner}, who answered for the exception of ${entity} from ${check}, has left: it counts again.`,
    ),
    ...unlisted.map(
      ({ line, check, entity, owner }) =>
        `Line ${line}: no list of people knows ${owner}, who is to answer for the exception of ${entity} from ${check}: check the name.`,
    ),
    ...idle.map(({ line, why }) => `Line ${line}: ${why}: take the exception away, or correct its name.`),
  ]
}

/** What is said of those to fix first, before they are listed. */
export function firstLine({ things, lookedAt, of, reached }: NonNullable<Checked['first']>): string {
  const taken = things.reduce((sum, one) => sum + one.taken, 0)
  return `In this order: what nobody gets to any more once each, and those above it, are mended. All of these take ${taken} of ${reached} things that a thief of one found gets to; ${lookedAt} of ${of} were looked at.`
}

function keptText(number: number): string {
  return `${number} ${number === 1 ? 'was' : 'were'} kept`
}

export function ratchetLine({ ratchet }: Checked): string | undefined {
  if (!ratchet) return undefined
  const { kept, now, grown, holds } = ratchet
  const kinds = grown.map(({ kind, kept, now }) => `${kind}: ${now} where ${keptText(kept)}`).join('; ')
  const standing = `There ${now === 1 ? 'is' : 'are'} ${countText(now, 'standing credential')}`
  const were = keptText(kept)
  if (!holds) return `${standing}, and ${were}: ${kinds}.`
  return now < kept
    ? `${standing}, and ${were}: keep the fewer with --write-ratchet.`
    : `${standing}, as many as were kept.`
}
