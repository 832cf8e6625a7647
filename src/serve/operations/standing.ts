import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { byText } from '../../core/contract/text-order.ts'
import type { Db } from '../../core/store/store.ts'
import type { CopyView, CredentialView } from '../../know/inventory/queries.ts'

/** One line on which a credential stands, in one version of one document. What is not known is null. */
export interface Standing {
  /** The source: `git:/srv/app`, `directory:/srv/app`. */
  readonly place: string
  readonly path: string
  /** The report that tells of it, where nothing else does. */
  readonly reportedBy?: string
  /** The path within it, where it is an archive. */
  readonly member: string | null
  readonly line: number | null
  /** Why this is held to be a secret. */
  readonly reasons: readonly string[]
  readonly commit: string | null
  readonly author: string | null
  /** ISO 8601. */
  readonly date: string | null
  readonly atHead: boolean | null
  /** When it was first found to be no longer there, ISO 8601. */
  readonly goneAt: string | null
  /** The reason given beside it for its standing there; empty where a mark gives none. */
  readonly allowance: string | null
}

/** The place of what was piped in. */
export const PIPED = 'input:'

/** The name that each source is shown by. */
export async function sourceNames(db: Db): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('source')
    .select(['id', 'system', 'instance', 'label'])
    // Of several at one instance the last names it: one that is still connected, where there is any.
    .orderBy(({ eb }) => eb('disconnected_at', 'is', null))
    .orderBy('id')
    .execute()
  const names = new Map(rows.map(row => [row.id, `${row.system}:${row.label}`]))
  for (const { system, instance, label } of rows) names.set(`${system} ${instance}`, `${system}:${label}`)
  return names
}

function reportOf({ sourceId }: CopyView, names: ReadonlyMap<string, string>): string | undefined {
  const own = names.get(sourceId)
  return own?.startsWith('report:') ? own.slice('report:'.length) : undefined
}

/** What a report tells of stands in the repository, and not in the report. */
function placeName(copy: CopyView, names: ReadonlyMap<string, string>): string {
  const { sourceId, place } = copy
  if (place.in.system !== 'git' || reportOf(copy, names) === undefined) return names.get(sourceId) ?? sourceId
  return names.get(`git ${place.in.instance}`) ?? `git:${place.in.instance.replace(/^\?/, '')}`
}

/** One for each copy, occurrence of its document, and line of it; what stands now before what is gone. */
export function standingsOf(view: Pick<CredentialView, 'copies'>, names: Map<string, string>): Standing[] {
  const places = view.copies.filter(copy => copy.reportOf === undefined)
  const standings = places.flatMap(copy => {
    const report = reportOf(copy, names)
    // The user name beside it belongs to the copy, but is not where the secret stands.
    const secret = copy.place.slots.filter(slot => slot.part !== 'id')
    const lines = [...new Set(secret.map(slot => slot.line ?? null))]
    // The document is known by its place alone where its source keeps no history.
    const occurrences =
      copy.occurrences.length > 0 ? copy.occurrences : [{ path: copy.place.path, atHead: null }]
    return occurrences.flatMap(occurrence =>
      (lines.length > 0 ? lines : [null]).map(line => ({
        place: placeName(copy, names),
        ...(report !== undefined && { reportedBy: report }),
        path: occurrence.path,
        member: copy.place.member ?? null,
        line,
        reasons: copy.reasons,
        commit: ('commit' in occurrence && occurrence.commit) || null,
        author: ('author' in occurrence && occurrence.author) || null,
        date: 'at' in occurrence && occurrence.at != null ? isoTime(occurrence.at) : null,
        atHead: occurrence.atHead,
        goneAt: copy.goneAt == null ? null : isoTime(copy.goneAt),
        allowance: copy.allowance ?? null,
      })),
    )
  })
  return standings.sort(compareStandings)
}

export function compareStandings(a: Standing, b: Standing): number {
  return (
    Number(a.goneAt !== null) - Number(b.goneAt !== null) ||
    Number(standsNow(b)) - Number(standsNow(a)) ||
    byText(a.path, b.path) ||
    byText(a.member ?? '', b.member ?? '') ||
    (a.line ?? 0) - (b.line ?? 0) ||
    byText(a.date ?? '', b.date ?? '')
  )
}

/** Before the path of what is staged and at no branch's tip, as `git` tells it. */
const STAGED = /^\(index\) /

/** Whether it stands there as things are, or in a history only, or as an object that no commit has. */
export function standsNow({ goneAt, atHead, path }: Pick<Standing, 'goneAt' | 'atHead' | 'path'>): boolean {
  return goneAt === null && (atHead !== false || STAGED.test(path))
}

/** The source's own path: of a repository, a directory, or one file. */
export function rootOf({ place }: Pick<Standing, 'place'>): string {
  return place.slice(place.indexOf(':') + 1)
}

/** The file's whole path, whether it is there or only in a history. */
function fileOf(standing: Pick<Standing, 'place' | 'path'>): string {
  const root = rootOf(standing)
  // Of which tree a report speaks that names none is not known. What was piped in lies in none.
  if (standing.place.startsWith('report:') || standing.place === PIPED) return standing.path
  // A source that is one file is itself the place. There may be hundreds of thousands of others, for which nothing is asked.
  const isFile =
    basename(root) === standing.path && statSync(root, { throwIfNoEntry: false })?.isFile() === true
  return isFile ? root : join(root, standing.path)
}

/** The path of what is staged as well: a working tree has it there too, or will have. */
export function pathInTree({ path }: Pick<Standing, 'path'>): string {
  return path.replace(STAGED, '')
}

/** The same as a whole path. */
export function fileInTree(standing: Pick<Standing, 'place' | 'path'>): string {
  return fileOf({ place: standing.place, path: pathInTree(standing) })
}

/** Where a person finds it: relative to where they stand, if it is below. */
export function whereOf(standing: Pick<Standing, 'place' | 'path' | 'member' | 'line'>): string {
  const path = fileOf(standing)
  const here = `${process.cwd()}/`
  const outer = path.startsWith(here) ? path.slice(here.length) : path
  const short = standing.member === null ? outer : `${outer}!/${standing.member}`
  return standing.line === null ? short : `${short}:${standing.line}`
}

/** Enough of a fingerprint to name a credential by: a beginning is taken for the whole. */
export function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, 11)
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
