import { join } from 'node:path'
import type { Ms } from '../../../core/contract/ref.ts'
import { isValue } from '../../../core/contract/secret-parts.ts'
import type { Row } from '../../../core/store/schema.ts'
import { type CopyView, type CredentialView, listCredentials } from '../../../know/inventory/queries.ts'
import { type CheckContext, defineCheck, type Judgement } from '../check.ts'

/** What is less likely than this to be a secret raises no alarm. */
const LEAST_CONFIDENCE = 0.5
const MOST_SHOWN = 5

/**
 * A credential that stood where it may, or that was not there when its source was first read to the end, now stands
 * somewhere that nobody approved. What stood there from the beginning is shown by a scan, and is no news.
 */
export const copyOutsideApprovedStore = defineCheck<CredentialView>({
  id: 'copy-outside-approved-store',
  title: 'A copy appeared outside approved stores',
  why: 'Whoever reads that place has the credential, and no rotation will reach the copy.',
  fix: 'Contain the credential if others can read the place; else remove the copy, or approve the place with connect.',
  severity: 'high',
  frameworks: ['NHI2:2025'],

  async population({ db, keys }) {
    const views = await listCredentials(db, keys)
    const alive = views.filter(view => view.state !== 'dead' && view.copies.some(stands))
    return new Map(alive.map(view => [view.id, view]))
  },

  async find(context, population) {
    const world = await placesOf(context, [...population.values()])
    return [...population.values()].flatMap(view => judge(view, world) ?? [])
  },
})

interface Places {
  readonly sources: ReadonlyMap<string, Row<'source'>>
  /** When each source had first been read to the end. */
  readonly baselines: ReadonlyMap<string, Ms>
  /** Approved files as they are called on this machine: one file may be seen by several sources. */
  readonly approved: ReadonlySet<string>
}

async function placesOf({ db }: CheckContext, views: readonly CredentialView[]): Promise<Places> {
  const sources = new Map(
    (await db.selectFrom('source').selectAll().execute()).map(source => [source.id, source]),
  )
  const watched = await db.selectFrom('watch').select(['source_id', 'baseline_at']).execute()
  const baselines = new Map(
    watched.flatMap(({ source_id, baseline_at }) => (baseline_at === null ? [] : [[source_id, baseline_at]])),
  )
  const approved = views.flatMap(view => view.copies).filter(copy => copy.approved)
  return { sources, baselines, approved: new Set(approved.map(copy => fileOf(copy, sources))) }
}

function judge(view: CredentialView, places: Places): Judgement | undefined {
  const isApproved = (copy: CopyView) => copy.approved || places.approved.has(fileOf(copy, places.sources))
  const home = view.copies
    .filter(isApproved)
    .reduce((first, copy) => Math.min(first, copy.firstSeen), Infinity)
  // Someone who wrote beside it why it may stand there has seen it.
  const raises = (copy: CopyView) =>
    copy.confidence >= LEAST_CONFIDENCE && !copy.allowance && copy.reportOf === undefined
  const outside = view.copies.filter(copy => !isApproved(copy) && raises(copy))
  const fails: { where: string; since: Ms }[] = []
  const unknown: string[] = []
  for (const copies of Map.groupBy(outside, copy => fileOf(copy, places.sources)).values()) {
    const since = standsSince(copies)
    const [copy] = copies
    if (since === undefined || !copy) continue
    const baseline = places.baselines.get(copy.sourceId)
    const where = whereOf(copies.findLast(stands) ?? copy, places.sources)
    if (since > home || (baseline !== undefined && since > baseline)) fails.push({ where, since })
    else if (baseline === undefined) unknown.push(where)
  }
  if (fails.length > 0) {
    const shown = fails
      .sort((a, b) => a.since - b.since || (a.where < b.where ? -1 : 1))
      .map(({ where, since }) => `${where} since ${new Date(since).toISOString()}`)
    return { entityId: view.id, outcome: 'fails', why: `it stands, unapproved, in ${listed(shown)}` }
  }
  if (unknown.length === 0) return undefined
  const why = `whether it is new in ${listed(unknown.sort())} is known when that was once read to the end`
  return { entityId: view.id, outcome: 'unknown', why }
}

function stands(copy: CopyView): boolean {
  return copy.goneAt === undefined
}

/**
 * Since when a value has stood in one document without a break; undefined where it does no more. Changed content is
 * another copy, which takes over in the run in which the former is found to be gone.
 */
function standsSince(copies: readonly CopyView[]): Ms | undefined {
  let since: Ms | undefined
  let until = -Infinity
  for (const copy of copies.toSorted((a, b) => a.firstSeen - b.firstSeen)) {
    if (since === undefined || until < copy.firstSeen) since = copy.firstSeen
    until = Math.max(until, copy.goneAt ?? Infinity)
  }
  return until === Infinity ? since : undefined
}

/** The document that a copy stands in: two sources that see one file of this machine agree on it. */
function fileOf({ sourceId, place }: CopyView, sources: Places['sources']): string {
  const source = sources.get(sourceId)
  const member = place.member ?? ''
  const root = source?.system === 'directory' ? pathOf(source) : undefined
  return root === undefined
    ? JSON.stringify([sourceId, place.path, member])
    : JSON.stringify([join(root, place.path), member])
}

function pathOf(source: Row<'source'>): string | undefined {
  const config: unknown = JSON.parse(source.config)
  if (typeof config !== 'object' || config === null || !('path' in config)) return undefined
  return typeof config.path === 'string' ? config.path : undefined
}

function whereOf({ sourceId, place }: CopyView, sources: Places['sources']): string {
  const source = sources.get(sourceId)
  const line = place.slots.find(isValue)?.line
  const member = place.member === undefined ? '' : `!${place.member}`
  return `${source?.system}:${source?.label}/${place.path}${member}${line === undefined ? '' : `:${line}`}`
}

function listed(places: readonly string[]): string {
  const more = places.length - MOST_SHOWN
  return `${places.slice(0, MOST_SHOWN).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}
