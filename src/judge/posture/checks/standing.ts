import { join } from 'node:path'
import { type RawBuilder, sql } from 'kysely'
import { z } from 'zod'
import { STRONG_BITS } from '../../../core/keys/strength.ts'
import type { Db } from '../../../core/store/store.ts'
import { claimedIdentities } from '../../../know/inventory/claim.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { oncePerRun } from '../check.ts'

/** What is less likely than this to be a secret is counted for none. */
export const LEAST_CONFIDENCE = 0.5

/** A credential that is not dead, and stands somewhere. */
export interface Standing {
  readonly id: string
  readonly fingerprint: string
  readonly identityId: string | undefined
  readonly isStrong: boolean
  /** Its system does not list it any more. */
  readonly isGone: boolean
  /** In how many files and other documents, each counted once. */
  readonly places: number
  /** Two of them, as people read them. */
  readonly among: readonly string[]
  /** One place of each sort in which it stands. */
  readonly sorts: Readonly<Partial<Record<Sort, string>>>
}

/** Sorts of places that say something of whatever stands there. */
export type Sort = 'code' | 'chat' | 'production' | 'other' | 'personal'
const SORTS: readonly Sort[] = ['code', 'chat', 'production', 'other', 'personal']
const CODE = ['git', 'github', 'gitlab', 'registry']
const CHATS = ['slack']
/** Folders, and parts of the names of files, by which an environment is called. */
const PRODUCTION = ['prod', 'production', 'live']
const OTHERS = ['dev', 'development', 'stage', 'staging', 'test', 'qa', 'sandbox']
/** What a person's own programs write and read. */
const PERSONAL = [
  '%_history',
  '%/.netrc',
  '%/.pgpass',
  '%/.my.cnf',
  '%/.aws/credentials',
  '%/.git-credentials',
]

interface Group {
  readonly identityId: string | undefined
  readonly places: number
  readonly first: string | null
  readonly last: string | null
  readonly sorts: Readonly<Record<Sort, string | null>>
}

/**
 * Every credential that stands anywhere, by its id. The store counts the copies, of which there may be ten times as many as
 * there are credentials.
 */
export const standing = oncePerRun(async ({ db }): Promise<ReadonlyMap<string, Standing>> => {
  const roots = await loadRoots(db)
  const places = await placeNames(db)
  // The index by fingerprint is of no use here: by it each copy would be looked up by itself.
  const { rows } = await sql<{
    fingerprint: string
    claim_id: string | null
    places: number | string
    first: string | null
    last: string | null
    code: string | null
    chat: string | null
    production: string | null
    other: string | null
    personal: string | null
  }>`select fingerprint, claim_id, count(distinct place) as places, min(place) as first, max(place) as last,
      min(case when is_code = 1 then place end) as code, min(case when is_chat = 1 then place end) as chat,
      min(case when is_production = 1 then place end) as production, min(case when is_other = 1 then place end) as other,
      min(case when is_personal = 1 then place end) as personal
    from (
      select copy.fingerprint || '' as fingerprint, copy.claim_id,
        case when copy.confidence >= ${sql.lit(LEAST_CONFIDENCE)} and not (${places.isReported}) then ${places.key} end as place,
        ${flag(sql`coalesce(copy.allowance, '') = '' and ${places.isIn(CODE)}`)} as is_code,
        ${flag(sql`coalesce(copy.allowance, '') = '' and ${places.isIn(CHATS)}`)} as is_chat,
        ${flag(inEnvironment(PRODUCTION))} as is_production, ${flag(inEnvironment(OTHERS))} as is_other,
        ${flag(like(sql`('/' || copy.path)`, PERSONAL))} as is_personal
      from copy
      where copy.gone_at is null
    ) as stands
    group by fingerprint, claim_id`.execute(db)
  const claims = [...new Set(rows.flatMap(({ claim_id }) => claim_id ?? []))]
  const identities = await claimedIdentities(db, roots, claims)
  const byFingerprint = new Map<string, Group[]>()
  for (const row of rows) {
    const groups = byFingerprint.get(row.fingerprint)
    const group: Group = {
      identityId: row.claim_id === null ? undefined : identities.get(row.claim_id),
      places: Number(row.places),
      first: row.first,
      last: row.last,
      sorts: row,
    }
    if (groups) groups.push(group)
    else byFingerprint.set(row.fingerprint, [group])
  }
  const found = new Map<string, Standing>()
  const severally: string[] = []
  for (const one of await livingCredentials(db)) {
    const groups = (byFingerprint.get(one.fingerprint) ?? []).filter(({ identityId }) =>
      isOwn(one, identityId),
    )
    if (groups.length === 0) continue
    // What is named in two ways may stand in one place under both.
    if (groups.length > 1) severally.push(one.fingerprint)
    const keys = groups.flatMap(({ first, last }) => [first, last]).filter(key => key !== null)
    found.set(one.id, {
      id: one.id,
      fingerprint: one.fingerprint,
      identityId: one.identityId,
      isStrong: one.isStrong,
      isGone: one.isGone,
      places: Math.max(...groups.map(group => group.places)),
      among: [...new Set(keys.sort())].slice(0, 2).map(places.nameOf),
      sorts: Object.fromEntries(
        SORTS.flatMap(sort => {
          const key = groups.map(group => group.sorts[sort]).find(one => one !== null)
          return key === undefined || key === null ? [] : [[sort, places.nameOf(key)]]
        }),
      ),
    })
  }
  const exactly = await countedPlaces(db, severally, places.key)
  for (const one of found.values()) {
    const counted = exactly.get(one.fingerprint)
    if (counted !== undefined) found.set(one.id, { ...one, places: counted })
  }
  return found
})

function flag(condition: RawBuilder<unknown>): RawBuilder<number> {
  return sql<number>`case when ${condition} then 1 else 0 end`
}

function like(text: RawBuilder<unknown>, patterns: readonly string[]): RawBuilder<unknown> {
  return sql`(${sql.join(
    patterns.map(pattern => sql`${text} like ${sql.lit(pattern)}`),
    sql` or `,
  )})`
}

function inEnvironment(words: readonly string[]): RawBuilder<unknown> {
  return like(
    sql`('/' || copy.path)`,
    words.flatMap(word => [
      `%/${word}/%`,
      `%/${word}.%`,
      `%.${word}`,
      `%.${word}.%`,
      `%-${word}/%`,
      `%-${word}.%`,
    ]),
  )
}

/** Whether a copy that names somebody, or nobody, is one of the credential. */
export function isOwn(
  credential: { readonly identityId: string | undefined; readonly isStrong: boolean },
  claimed: string | undefined,
): boolean {
  return claimed === credential.identityId || (claimed === undefined && credential.isStrong)
}

type LivingCredential = Pick<Standing, 'id' | 'fingerprint' | 'identityId' | 'isStrong' | 'isGone'>

/** Those whose value is known and that are not known to be dead, by whichever of what became one was asked last. */
async function livingCredentials(db: Db): Promise<LivingCredential[]> {
  const roots = await loadRoots(db)
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select([
      'credential.entity_id',
      'credential.identity_id',
      'credential.fingerprint',
      'credential.strength_bits',
      'credential.state',
      'credential.state_at',
      'entity.merged_into',
      'entity.gone_at',
      'entity.native',
    ])
    .orderBy('entity.id')
    .execute()
  const latest = new Map<string, (typeof rows)[number]>()
  for (const row of rows) {
    const root = roots.of(row.entity_id)
    const before = latest.get(root)
    if (!before || (row.state_at ?? -1) > (before.state_at ?? -1)) latest.set(root, row)
  }
  return rows.flatMap(({ entity_id: id, identity_id, fingerprint, strength_bits, ...row }) => {
    const isGone = row.gone_at !== null
    if (row.merged_into !== null || fingerprint === null || latest.get(id)?.state === 'dead') return []
    // A copy that is read anew with another claim leaves a credential of which nothing tells any more.
    if (isGone && row.native.startsWith('fp:')) return []
    const identityId = identity_id === null ? undefined : roots.of(identity_id)
    return [{ id, fingerprint, identityId, isStrong: (strength_bits ?? 0) >= STRONG_BITS, isGone }]
  })
}

async function countedPlaces(
  db: Db,
  fingerprints: readonly string[],
  key: RawBuilder<string>,
): Promise<ReadonlyMap<string, number>> {
  const rows = await inChunks(fingerprints, chunk =>
    db
      .selectFrom('copy')
      .innerJoin('source', 'source.id', 'copy.source_id')
      .select(['copy.fingerprint', sql<number | string>`count(distinct ${key})`.as('places')])
      .where('copy.fingerprint', 'in', chunk)
      .where('copy.gone_at', 'is', null)
      .where('copy.confidence', '>=', LEAST_CONFIDENCE)
      .where('source.system', '<>', 'report')
      .groupBy('copy.fingerprint')
      .execute(),
  )
  return new Map(rows.map(({ fingerprint, places }) => [fingerprint, Number(places)]))
}

const rooted = z.looseObject({ path: z.string().optional().catch(undefined) })

export interface PlaceNames {
  /** In SQL: whether another tool's report tells of the copy. */
  readonly isReported: RawBuilder<boolean>
  /** In SQL: whether the copy is in a source of one of these systems. */
  isIn(systems: readonly string[]): RawBuilder<boolean>
  /** Tells the documents of all copies apart, in SQL: two sources that see one file of this machine agree on it. */
  readonly key: RawBuilder<string>
  /** What a person reads for such a key. */
  nameOf(key: string): string
  /** As this machine has it, where the source is a directory of it. */
  absolute(sourceId: string, path: string): string | undefined
  /** A file of this machine by the paths that directories have for it. */
  pathsOf(file: string): string[]
}

/** How places of copies are called. */
export async function placeNames(db: Db): Promise<PlaceNames> {
  const sources = await db.selectFrom('source').select(['id', 'system', 'label', 'config']).execute()
  const names = new Map(sources.map(({ id, system, label }) => [id, `${system}:${label}`]))
  const roots = new Map(
    sources.flatMap(({ id, system, config }) => {
      const path = system === 'directory' ? rooted.parse(JSON.parse(config)).path : undefined
      return path === undefined ? [] : [[id, path] as const]
    }),
  )
  const all = [...roots.values()]
  const overlapping = [...roots].filter(
    ([, root]) => all.filter(other => isWithin(root, other) || isWithin(other, root)).length > 1,
  )
  const cases = overlapping.map(([id, root]) => sql`when ${id} then ${root.replace(/\/*$/, '/')}`)
  const before =
    cases.length === 0
      ? sql`copy.source_id || ' '`
      : sql`case copy.source_id ${sql.join(cases, sql` `)} else copy.source_id || ' ' end`
  const isIn = (systems: readonly string[]) => {
    const own = sources.filter(({ system }) => systems.includes(system)).map(({ id }) => id)
    return own.length === 0 ? sql<boolean>`1 = 0` : sql<boolean>`copy.source_id in (${sql.join(own)})`
  }
  return {
    isReported: isIn(['report']),
    isIn,
    key: sql<string>`(${before} || copy.path || case when copy.member = '' then '' else '!/' || copy.member end)`,
    nameOf(key) {
      const end = key.indexOf(' ')
      const id = key.slice(0, end)
      const name = names.get(id)
      if (name === undefined) return key
      const path = key.slice(end + 1)
      const root = roots.get(id)
      return root === undefined ? `${name}/${path}` : join(root, path)
    },
    absolute(sourceId, path) {
      const root = roots.get(sourceId)
      return root === undefined ? undefined : join(root, path)
    },
    pathsOf: file =>
      all.flatMap(root => (isWithin(file, root) ? [file.slice(root.replace(/\/*$/, '/').length)] : [])),
  }
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.replace(/\/*$/, '/'))
}
