import type { Ms } from '../../../core/contract/ref.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { type Copies, copiesToJudge, type StoredCopy } from './copies-to-judge.ts'
import { LEAST_CONFIDENCE } from './copied-values.ts'
import { type Standing, standing } from './standing.ts'

const MOST_SHOWN = 5

/**
 * A credential that stood where it may, or that was not there when its source was first read to the end, now stands
 * somewhere that nobody approved. What stood there from the beginning is shown by a scan, and is no news.
 */
export const copyOutsideApprovedStore = defineCheck<Standing>({
  id: 'copy-outside-approved-store',
  title: 'A copy appeared outside approved stores',
  why: 'Whoever reads that place has the credential, and no rotation will reach the copy.',
  fix: 'Contain the credential if others can read the place; else remove the copy, or approve the place with connect.',
  severity: 'high',
  frameworks: ['NHI2:2025'],
  population: standing,
  async find(context, population) {
    const copies = await copiesToJudge(context, population)
    const ids = new Set([...copies.byCredential.keys(), ...copies.unsettled.keys()])
    return [...ids].flatMap(id => judge(id, copies) ?? [])
  },
})

function judge(entityId: string, copies: Copies): Judgement | undefined {
  const own = copies.byCredential.get(entityId) ?? []
  const isApproved = (copy: StoredCopy) => copy.isApproved || copies.approvedFiles.has(copy.file)
  const home = own.filter(isApproved).reduce((first, copy) => Math.min(first, copy.firstSeen), Infinity)
  // Someone who wrote beside it why it may stand there has seen it.
  const raises = (copy: StoredCopy) =>
    copy.confidence >= LEAST_CONFIDENCE && !copy.allowance && !copy.isReport
  const outside = own.filter(copy => !isApproved(copy) && raises(copy))
  const fails: { where: string; since: Ms }[] = []
  const unknown: string[] = []
  for (const same of Map.groupBy(outside, copy => copy.file).values()) {
    const since = standsSince(same)
    const [copy] = same
    if (since === undefined || !copy) continue
    const baseline = copies.baselines.get(copy.sourceId)
    const where = (same.findLast(one => one.goneAt === undefined) ?? copy).where
    if (since > home || (baseline !== undefined && since > baseline)) fails.push({ where, since })
    else if (baseline === undefined) unknown.push(where)
  }
  if (fails.length > 0) {
    // A line that moves is no news, and neither is a place that is left.
    const news = (since: Ms) => `since ${new Date(since).toISOString()}`
    fails.sort((a, b) => b.since - a.since || (a.where < b.where ? -1 : 1))
    const why = `it stands, unapproved, in ${listed(fails.map(({ where, since }) => `${where} ${news(since)}`))}`
    return {
      entityId,
      outcome: 'fails',
      why,
      news: fails.slice(0, MOST_SHOWN).map(({ since }) => news(since)),
    }
  }
  const unsettled = copies.unsettled.get(entityId)
  if (unsettled) {
    unknown.push(unsettled.place)
    if (unsettled.places > 1) unknown.push(`${unsettled.places - 1} more`)
  }
  if (unknown.length === 0) return undefined
  const why = `whether it is new in ${listed(unknown.sort())} is known when that was once read to the end`
  return { entityId, outcome: 'unknown', why }
}

/**
 * Since when a value has stood in one document without a break; undefined where it does no more. Changed content is
 * another copy, which takes over in the run in which the former is found to be gone.
 */
function standsSince(copies: readonly StoredCopy[]): Ms | undefined {
  let since: Ms | undefined
  let until = -Infinity
  for (const copy of copies.toSorted((a, b) => a.firstSeen - b.firstSeen)) {
    if (since === undefined || until < copy.firstSeen) since = copy.firstSeen
    until = Math.max(until, copy.goneAt ?? Infinity)
  }
  return until === Infinity ? since : undefined
}

function listed(places: readonly string[]): string {
  const more = places.length - MOST_SHOWN
  return `${places.slice(0, MOST_SHOWN).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}
