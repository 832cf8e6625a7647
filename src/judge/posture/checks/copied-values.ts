import { type RawBuilder, sql } from 'kysely'
import type { Ms } from '../../../core/contract/ref.ts'
import { type ColumnPage, columnPages } from '../../../core/store/column-pages.ts'
import { type Db, isPostgres } from '../../../core/store/store.ts'
import { CODE_SYSTEMS, MOST_PLACES } from '../../ownership/relations.ts'
import { PlaceNames } from './place-names.ts'
import { hashOf, SeenPairs } from './seen-pairs.ts'

/** What is less likely than this to be a secret is counted for none. */
export const LEAST_CONFIDENCE = 0.5

/** Sorts of places that say something of whatever stands there. */
export type Sort = 'code' | 'chat' | 'production' | 'other' | 'personal'
export const CODE = new Set(['git', 'github', 'gitlab', 'registry'])
export const CHATS = new Set(['slack'])
const REPORTS = new Set(['report'])
const OWNED = new Set(CODE_SYSTEMS)
/** Folders, and parts of the names of files, by which an environment is called. */
const PRODUCTION = inEnvironment(['prod', 'production', 'live'])
const OTHERS = inEnvironment(['dev', 'development', 'stage', 'staging', 'test', 'qa', 'sandbox'])
/** What a person's own programs write and read. */
const PERSONAL = /(?:history|\/\.(?:netrc|pgpass|my\.cnf|aws\/credentials|git-credentials))$/

function inEnvironment(words: readonly string[]): RegExp {
  const any = `(?:${words.join('|')})`
  return new RegExp(`[/-]${any}[/.]|\\.${any}(?:\\.|$)`)
}

/** The copies of a value that stand, and name the same identity, or none. */
export interface CopyGroup {
  readonly claimId: string | null
  /** In how many documents, each counted once; the first of them and the last. */
  places: number
  first: string | undefined
  last: string | undefined
  /** One place of each sort. */
  readonly sorts: Partial<Record<Sort, string>>
  /** How many of the places are in sources that were never read to the end, and one of these. */
  unsettledPlaces: number
  unsettled: string | undefined
}

/** What is asked of all copies of one value; places are told by their keys. */
export interface CopiedValue {
  /** In how many documents it stands, whomever it names there; told where there are several groups. */
  places?: number
  readonly groups: readonly CopyGroup[]
  /** Since when it was seen where others read it, also where it does not stand any more. */
  exposedSince: Ms | undefined
}

/** What is kept of the values; a thread can send it. */
export interface ValuesOfCopies {
  readonly byFingerprint: ReadonlyMap<string, CopiedValue>
  /** By the store's own keys: the copies that are new since, and what stands, or stood, of their values in the same documents. */
  readonly newKeys: readonly CopyKey[]
}

/** Where in code copies stand, which tells of owners. */
export interface CopiesInCode {
  /** Of each claim some places, by the numbers of the source and the container. */
  readonly inCode: ReadonlyMap<string, readonly PlaceInCode[]>
  readonly sources: readonly string[]
  readonly containers: readonly string[]
}

export type PlaceInCode = readonly [source: number, container: number, path: string]

/** As SQLite keeps rows, which spares it an index; PostgreSQL has no such number. */
export type CopyKey = string | number
export function copyKeyOf(db: Db): 'id' | 'rowid' {
  return isPostgres(db) ? 'id' : 'rowid'
}

/** Reads all copies, and keeps something of each value, not of each copy. The store would sort all of them to do the same. */
export async function readCopies(db: Db): Promise<ValuesOfCopies & CopiesInCode> {
  const { places, baselines } = await placesAndBaselines(db)
  const tally = new Tally(places, baselines, copyKeyOf(db) === 'rowid')
  for await (const page of pages(db)) tally.take(page)
  return tally.result()
}

export interface SourcesOfCopies {
  readonly places: PlaceNames
  /** When each source had first been read to the end. */
  readonly baselines: ReadonlyMap<string, Ms>
}

export async function placesAndBaselines(db: Db): Promise<SourcesOfCopies> {
  const watched = await db.selectFrom('watch').select(['source_id', 'baseline_at']).execute()
  const baselines = new Map(
    watched.flatMap(({ source_id, baseline_at }) => (baseline_at === null ? [] : [[source_id, baseline_at]])),
  )
  return { places: await PlaceNames.load(db), baselines }
}

interface Value extends CopiedValue {
  readonly number: number
  readonly groups: Group[]
}

interface Group extends CopyGroup {
  readonly number: number
}

/** What is to be known of a source for each of its copies. */
interface Source {
  readonly number: number
  readonly id: string
  readonly mayBeOwned: boolean
  readonly isCode: boolean
  readonly isChat: boolean
  readonly isReport: boolean
  readonly baseline: Ms | undefined
}

/** Each copy passes through here: what could be written shorter and costs more is not. */
class Tally {
  readonly #places: PlaceNames
  readonly #baselines: ReadonlyMap<string, Ms>
  readonly #sources = new Map<string, Source>()
  readonly #byFingerprint = new Map<string, Value>()
  readonly #values: Value[] = []
  readonly #severally = new Set<number>()
  #groups = 0
  readonly #counted = new SeenPairs()
  readonly #unsettled = new SeenPairs()
  readonly #rows = new Rows()
  readonly #newRows: number[] = []
  readonly #inCode = new Map<string, { lookedAt: number; readonly places: PlaceInCode[] }>()
  readonly #containers = new Map<string, number>()

  readonly #isByNumber: boolean

  constructor(places: PlaceNames, baselines: ReadonlyMap<string, Ms>, isByNumber: boolean) {
    this.#isByNumber = isByNumber
    this.#places = places
    this.#baselines = baselines
  }

  take(copies: Copies): void {
    const { count } = copies
    for (let at = 0; at < count; at++) {
      const source = this.#source(copies.source[at]!)
      const flags = Number(copies.flags[at])
      const isLikely = (flags & LIKELY) !== 0
      const isFree = (flags & FREE) !== 0
      const firstSeen = Number(copies.firstSeen[at])
      const value = this.#value(copies.fingerprint[at]!)
      const path = copies.path[at]!
      const place = this.#places.keyOf(copies.source[at]!, path, copies.member[at]!)
      const hash = hashOf(place)
      const row = this.#rows.add(
        this.#isByNumber ? Number(copies.key[at]) : copies.key[at]!,
        value.number,
        hash,
      )
      // Where others read what stands, it is known to them from then on.
      if (isLikely && isFree && (source.isCode || source.isChat))
        if (value.exposedSince === undefined || firstSeen < value.exposedSince) value.exposedSince = firstSeen
      if ((flags & STANDS) === 0) continue
      const group = this.#group(value, copies.claim[at]!)
      if (source.mayBeOwned && group.claimId !== null)
        this.#isInCode(group.claimId, source, copies.container[at]!, path)
      const isReported = (flags & REPORTED) !== 0
      if (source.baseline === undefined ? isReported : firstSeen > source.baseline) this.#newRows.push(row)
      if (!isLikely) continue
      if (!source.isReport) this.#stands(row, group, hash, isFree, source, path, place)
      if (source.baseline === undefined && isFree && !isReported && this.#unsettled.add(group.number, hash)) {
        group.unsettledPlaces++
        group.unsettled = least(group.unsettled, place)
      }
    }
  }

  #stands(
    row: number,
    group: Group,
    hash: number,
    isFree: boolean,
    source: Source,
    path: string,
    place: string,
  ): void {
    this.#rows.count(row)
    const { sorts } = group
    if (isFree && source.isCode) sorts.code = least(sorts.code, place)
    if (isFree && source.isChat) sorts.chat = least(sorts.chat, place)
    if (!this.#counted.add(group.number, hash)) return
    group.places++
    group.first = least(group.first, place)
    if (group.last === undefined || place > group.last) group.last = place
    const rooted = `/${path}`
    if (PRODUCTION.test(rooted)) sorts.production = least(sorts.production, place)
    if (OTHERS.test(rooted)) sorts.other = least(sorts.other, place)
    if (PERSONAL.test(rooted)) sorts.personal = least(sorts.personal, place)
  }

  #isInCode(claimId: string, source: Source, containerId: string, path: string): void {
    const own = this.#inCode.get(claimId) ?? { lookedAt: 0, places: [] }
    if (own.lookedAt === 0) this.#inCode.set(claimId, own)
    if (++own.lookedAt > MOST_PLACES * 2 || own.places.length === MOST_PLACES) return
    if (own.places.some(([number, , other]) => number === source.number && other === path)) return
    const known = this.#containers.get(containerId)
    const container = known ?? this.#containers.size
    if (known === undefined) this.#containers.set(kept(containerId), container)
    own.places.push([source.number, container, kept(path)])
  }

  #source(id: string): Source {
    const known = this.#sources.get(id)
    if (known) return known
    const own = kept(id)
    const source = {
      number: this.#sources.size,
      id: own,
      mayBeOwned: this.#places.isIn(id, OWNED),
      isCode: this.#places.isIn(id, CODE),
      isChat: this.#places.isIn(id, CHATS),
      isReport: this.#places.isIn(id, REPORTS),
      baseline: this.#baselines.get(id),
    }
    this.#sources.set(own, source)
    return source
  }

  #value(fingerprint: string): Value {
    const known = this.#byFingerprint.get(fingerprint)
    if (known) return known
    const number = this.#values.length
    const value: Value = { number, groups: [], exposedSince: undefined }
    this.#values.push(value)
    this.#byFingerprint.set(kept(fingerprint), value)
    return value
  }

  #group({ number, groups }: Value, claim: string): Group {
    const claimId = claim === '' ? null : claim
    for (const group of groups) if (group.claimId === claimId) return group
    const group: Group = {
      number: this.#groups++,
      claimId: claimId === null ? null : kept(claimId),
      places: 0,
      first: undefined,
      last: undefined,
      sorts: {},
      unsettledPlaces: 0,
      unsettled: undefined,
    }
    groups.push(group)
    if (groups.length > 1) this.#severally.add(number)
    return group
  }

  result(): ValuesOfCopies & CopiesInCode {
    this.#countSeverally()
    const isNew = new SeenPairs()
    for (const row of this.#newRows) isNew.add(this.#rows.valueOf(row), this.#rows.placeOf(row))
    const newKeys: CopyKey[] = []
    if (this.#newRows.length > 0)
      for (let row = 0; row < this.#rows.length; row++)
        if (isNew.has(this.#rows.valueOf(row), this.#rows.placeOf(row))) newKeys.push(this.#rows.keyOf(row))
    return {
      byFingerprint: this.#byFingerprint,
      newKeys,
      inCode: new Map([...this.#inCode].map(([claimId, { places }]) => [claimId, places])),
      sources: [...this.#sources.keys()],
      containers: [...this.#containers.keys()],
    }
  }

  /** What is named in two ways may stand in one place under both. */
  #countSeverally(): void {
    if (this.#severally.size === 0) return
    const seen = new SeenPairs()
    for (let row = 0; row < this.#rows.length; row++) {
      const number = this.#rows.valueOf(row)
      if (!this.#rows.isCounted(row) || !this.#severally.has(number)) continue
      const value = this.#values[number]!
      if (seen.add(number, this.#rows.placeOf(row))) value.places = (value.places ?? 0) + 1
    }
  }
}

/** Of every copy its key, and by number its value and its place. */
class Rows {
  readonly #keys: CopyKey[] = []
  #values = new Int32Array(1 << 16)
  #places = new Float64Array(1 << 16)
  #counted = new Uint8Array(1 << 16)

  get length(): number {
    return this.#keys.length
  }

  add(key: CopyKey, value: number, place: number): number {
    const row = this.#keys.length
    if (row === this.#values.length) {
      this.#values = widened(this.#values, new Int32Array(row * 2))
      this.#places = widened(this.#places, new Float64Array(row * 2))
      this.#counted = widened(this.#counted, new Uint8Array(row * 2))
    }
    this.#keys.push(key)
    this.#values[row] = value
    this.#places[row] = place
    return row
  }

  count(row: number): void {
    this.#counted[row] = 1
  }

  isCounted(row: number): boolean {
    return this.#counted[row] === 1
  }

  keyOf(row: number): CopyKey {
    return this.#keys[row]!
  }

  valueOf(row: number): number {
    return this.#values[row]!
  }

  placeOf(row: number): number {
    return this.#places[row]!
  }
}

function widened<Numbers extends { set(from: Numbers): void }>(from: Numbers, to: Numbers): Numbers {
  to.set(from)
  return to
}

function least(before: string | undefined, place: string): string {
  return before === undefined || place < before ? place : before
}

/** A text of its own: a part of a page would keep all of it. */
function kept(text: string): string {
  return Buffer.from(text).toString()
}

/** Flags: it stands; it is likely enough; nobody wrote beside it why it may stand there; another tool's report tells of it. */
const STANDS = 1
const LIKELY = 2
const FREE = 4
const REPORTED = 8

type Copies = ColumnPage<
  'key' | 'fingerprint' | 'claim' | 'source' | 'container' | 'path' | 'member' | 'firstSeen' | 'flags'
>

function pages(db: Db): AsyncGenerator<Copies> {
  const flag = (bit: number, condition: RawBuilder<unknown>) =>
    sql`case when ${condition} then ${sql.lit(bit)} else 0 end`
  return columnPages(db, 'copy', {
    key: sql.ref(copyKeyOf(db)),
    fingerprint: sql`fingerprint`,
    claim: sql`claim_id`,
    source: sql`source_id`,
    container: sql`container_id`,
    path: sql`path`,
    member: sql`member`,
    firstSeen: sql`first_seen`,
    flags: sql`${flag(STANDS, sql`gone_at is null`)} +
      ${flag(LIKELY, sql`confidence >= ${sql.lit(LEAST_CONFIDENCE)}`)} +
      ${flag(FREE, sql`coalesce(allowance, '') = ''`)} +
      ${flag(REPORTED, sql`coalesce(version, '') like 'reported:%'`)}`,
  })
}
