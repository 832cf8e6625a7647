import { names, withFolders } from '../../../core/contract/path-glob.ts'
import type { CopyView } from '../../../know/inventory/queries.ts'
import type { Coverage } from '../coverage.ts'
import type { ShownFact } from '../shown-fact.ts'
import {
  compareStandings,
  fileInTree,
  pathInTree,
  rootOf,
  type Standing,
  standingsOf,
  standsNow,
  whereOf,
} from '../standing.ts'

/** Why a copy needs no answer: a reason beside it, the baseline, or that its path is left out. */
export type Acceptance = 'allowed' | 'baseline' | 'excluded'

export interface FoundCopy extends Standing {
  /** The rule that found this copy. */
  readonly rule: string
  readonly accepted: Acceptance | null
}

export interface Found {
  readonly fingerprint: string | null
  readonly kind: string
  readonly preview: string | null
  readonly identity: string | null
  readonly confidence: number
  /** What it says of itself: an account, an issuer, when it ends. */
  readonly facts: readonly ShownFact[]
  /** What was answered when it was tried, where that was asked for. */
  readonly verified?: { readonly state: string; readonly why: string; readonly access: readonly string[] }
  readonly copies: readonly FoundCopy[]
}

export interface Scan {
  /** Those with a copy that nothing accepts. */
  readonly credentials: readonly Found[]
  /** Those of which every copy is allowed or in the baseline. */
  readonly accepted: readonly Found[]
  readonly identities: readonly { ref: string; names: readonly string[] }[]
  readonly coverage: Coverage
  /** How many were left out for their low confidence. */
  readonly leftOut: number
  readonly failures: readonly Error[]
  /** Nothing of it was kept: `show` and `trace` know nothing of it. */
  readonly kept: boolean
  readonly written: readonly string[]
}

export function foundCopies(copies: readonly CopyView[], names: Map<string, string>): FoundCopy[] {
  const found = copies.flatMap(copy =>
    standingsOf({ copies: [copy] }, names).map(standing => ({
      ...standing,
      rule: copy.kind,
      accepted: null,
    })),
  )
  return found.sort(compareStandings)
}

/**
 * Who writes a reason beside a secret speaks of what stands there: older versions of the same file, which cannot be
 * changed any more, hold the same value at the same path for the same reason.
 */
export function withAllowances(found: Found): Found {
  const reasons = new Map<string, string>()
  for (const copy of found.copies)
    if (copy.allowance && standsNow(copy)) reasons.set(placeKey(copy), copy.allowance)
  return {
    ...found,
    copies: found.copies.map(copy => {
      const reason = copy.allowance || reasons.get(placeKey(copy))
      return reason ? { ...copy, allowance: reason, accepted: 'allowed' as const } : copy
    }),
  }
}

/**
 * Whether a copy stands at paths that are set aside. A glob is held against the path as the source has it, as it is shown, and as a whole; all
 * that lies in a folder that it names is meant.
 */
export function setAside(given: readonly string[]): (copy: FoundCopy) => boolean {
  const globs = given.map(glob => glob.replace(/^(?:\.\/)+/, '').replace(/(?<=.)\/$/, ''))
  const known = new Map<string, boolean>()
  return copy => {
    if (globs.length === 0) return false
    const spot = { place: copy.place, path: pathInTree(copy), member: null, line: null }
    const file = JSON.stringify(spot)
    const before = known.get(file)
    if (before !== undefined) return before
    const folders = [spot.path, whereOf(spot), fileInTree(spot)].flatMap(withFolders)
    const is = [...new Set(folders)].some(path => globs.some(glob => names(glob, path)))
    known.set(file, is)
    return is
  }
}

/** With those excluded that nothing else accepts. */
export function withExclusions(
  copies: readonly FoundCopy[],
  isOut: (copy: FoundCopy) => boolean,
): readonly FoundCopy[] {
  return copies.map(copy =>
    copy.accepted === null && isOut(copy) ? { ...copy, accepted: 'excluded' as const } : copy,
  )
}

/** The same file of a repository, in its history or in its checkout. */
function placeKey(copy: Standing): string {
  return JSON.stringify([rootOf(copy), copy.path, copy.member])
}

export function isAccepted(found: Found): boolean {
  return found.copies.every(copy => copy.accepted !== null)
}
