import { type RawBuilder, sql } from 'kysely'
import type { Ms } from '../../../core/contract/ref.ts'
import { type BytePage, bytePages } from '../../../core/store/byte-pages.ts'
import { type Db, isPostgres } from '../../../core/store/store.ts'
import { CODE_SYSTEMS } from '../../ownership/relations.ts'
import { ByteHeap, type BytesKept, ByteTexts, widened } from '../../../core/store/byte-texts.ts'
import { CopiesInCode, type InCode } from './copies-in-code.ts'
import { PlaceNames } from './place-names.ts'
import { SeenPairs } from './seen-pairs.ts'
import { GROUP, Groups, NONE, sortColumn, VALUE, VALUE_WIDTH, type ValuesKept } from './values-of-copies.ts'

/** What is less likely than this to be a secret is counted for none. */
export const LEAST_CONFIDENCE = 0.5

export const CODE = new Set(['git', 'github', 'gitlab', 'registry'])
export const CHATS = new Set(['slack'])
const REPORTS = new Set(['report'])
const OWNED = new Set(CODE_SYSTEMS)
const PRODUCTION_WORDS = 'prod|production|live'
const OTHER_WORDS = 'dev|development|stage|staging|test|qa|sandbox'
/** Folders, and parts of the names of files, by which an environment is called. */
const PRODUCTION = inEnvironment(PRODUCTION_WORDS)
const OTHERS = inEnvironment(OTHER_WORDS)
/** What a person's own programs write and read. */
const PERSONAL = /(?:history|\/\.(?:netrc|pgpass|my\.cnf|aws\/credentials|git-credentials))$/
/** Whatever fits none of the three fits this neither, as most paths do. */
const ANY = new RegExp(`[/.-](?:${PRODUCTION_WORDS}|${OTHER_WORDS})(?:[/.]|$)|${PERSONAL.source}`)

function inEnvironment(words: string): RegExp {
  return new RegExp(`[/-](?:${words})[/.]|\\.(?:${words})(?:\\.|$)`)
}

/** What is read of all copies. */
export interface CopiesRead {
  readonly values: ValuesKept
  /** By the store's own keys: the copies that are new since, and what stands, or stood, of their values in the same documents. */
  readonly newKeys: readonly CopyKey[]
}

/** As SQLite keeps rows, which spares it an index; PostgreSQL has no such number. */
export type CopyKey = string | number
export function copyKeyOf(db: Db): 'id' | 'rowid' {
  return isPostgres(db) ? 'id' : 'rowid'
}

/**
 * Reads all copies, and keeps something of each value, not of each copy. The store would sort all of them to do the same. `inCode`
 * gives where in code copies stand, which tells of owners.
 */
export async function readCopies(db: Db): Promise<CopiesRead & { readonly inCode: InCode }> {
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

/** What is to be known of a source for each of its copies. */
interface Source {
  /** What the keys of its places begin with. */
  readonly before: Uint8Array
  readonly rank: number
  readonly mayBeOwned: boolean
  readonly isCode: boolean
  readonly isChat: boolean
  readonly isReport: boolean
  readonly baseline: Ms | undefined
}

/** Each copy passes through here: what could be written shorter and costs more is not. No copy becomes a text. */
class Tally {
  readonly #names: PlaceNames
  readonly #ranks: ReadonlyMap<string, number>
  readonly #baselines: ReadonlyMap<string, Ms>
  readonly #isByNumber: boolean
  readonly #sourceIds = new ByteTexts()
  readonly #sources: Source[] = []
  readonly #fingerprints = new ByteTexts()
  readonly #claims = new ByteTexts()
  readonly #places = new Places()
  readonly #groups = new Groups()
  #values = new Float64Array(VALUE_WIDTH << 10)
  readonly #severally = new Set<number>()
  readonly #counted = new SeenPairs()
  readonly #unsettled = new SeenPairs()
  readonly #rows = new Rows()
  readonly #newRows: number[] = []
  readonly #inCode: CopiesInCode
  readonly #place = new Place()

  constructor(names: PlaceNames, baselines: ReadonlyMap<string, Ms>, isByNumber: boolean) {
    this.#names = names
    this.#ranks = names.ranks()
    this.#baselines = baselines
    this.#isByNumber = isByNumber
    this.#inCode = new CopiesInCode(this.#claims, this.#sourceIds)
  }

  take({ bytes, ends, count }: BytePage): void {
    const place = this.#place
    for (let at = 0; at < count; at++) {
      const column = at * COLUMNS.length
      const sourceNumber = this.#sourceIds.add(bytes, ends[column + 2]! + 1, ends[column + 3]!)
      const source = this.#sources[sourceNumber] ?? this.#source(sourceNumber)
      const pathStart = ends[column + 4]! + 1
      const pathEnd = ends[column + 5]!
      place.is(source, bytes, pathStart, pathEnd, ends[column + 6]!)
      const firstSeen = numberIn(bytes, ends[column + 6]! + 1, ends[column + 7]!)
      const flags = numberIn(bytes, ends[column + 7]! + 1, ends[column + 8]!)
      const isLikely = (flags & LIKELY) !== 0
      const isFree = (flags & FREE) !== 0
      const value = this.#value(bytes, ends[column]! + 1, ends[column + 1]!)
      const [keyStart, keyEnd] = [at === 0 ? 0 : ends[column - 1]! + 1, ends[column]!]
      const row = this.#rows.add(
        this.#isByNumber ? numberIn(bytes, keyStart, keyEnd) : bytes.toString('latin1', keyStart, keyEnd),
        value,
        place,
      )
      const own = value * VALUE_WIDTH
      if (firstSeen < this.#values[own + VALUE.firstSeen]!) this.#values[own + VALUE.firstSeen] = firstSeen
      // Where others read what stands, it is known to them from then on.
      if (isLikely && isFree && (source.isCode || source.isChat))
        if (firstSeen < this.#values[own + VALUE.exposedSince]!)
          this.#values[own + VALUE.exposedSince] = firstSeen
      if ((flags & STANDS) === 0) continue
      const group = this.#group(value, bytes, ends[column + 1]! + 1, ends[column + 2]!)
      const claim = this.#groups.get(group, GROUP.claim)
      if (source.mayBeOwned && claim !== NONE)
        this.#inCode.take(claim, sourceNumber, bytes, ends[column + 3]! + 1, ends[column + 4]!, pathEnd)
      const isReported = (flags & REPORTED) !== 0
      if (source.baseline === undefined ? isReported : firstSeen > source.baseline) this.#newRows.push(row)
      if (!isLikely) continue
      if (!source.isReport) {
        this.#rows.count(row)
        if (isFree && source.isCode) this.#least(group, sortColumn.code)
        if (isFree && source.isChat) this.#least(group, sortColumn.chat)
        if (this.#counted.add(group, place.high, place.low)) this.#stands(group, bytes, pathStart, pathEnd)
      }
      if (source.baseline === undefined && isFree && !isReported)
        if (this.#unsettled.add(group, place.high, place.low)) {
          this.#groups.set(group, GROUP.unsettledPlaces, this.#groups.get(group, GROUP.unsettledPlaces) + 1)
          this.#least(group, GROUP.unsettled)
        }
    }
  }

  /** In a document in which it was not yet counted. */
  #stands(group: number, bytes: Buffer, pathStart: number, pathEnd: number): void {
    this.#groups.set(group, GROUP.places, this.#groups.get(group, GROUP.places) + 1)
    const last = this.#groups.get(group, GROUP.last)
    if (last === NONE || this.#place.isAfter(this.#places, last))
      this.#groups.set(group, GROUP.last, this.#place.keptIn(this.#places))
    // What separates it from the value before is not looked at any more: a path at the root begins with a slash.
    bytes[pathStart - 1] = SLASH
    const rooted = bytes.toString('latin1', pathStart - 1, pathEnd)
    const mayBeSaid = ANY.test(rooted)
    const isProduction = mayBeSaid && PRODUCTION.test(rooted)
    const isOther = mayBeSaid && OTHERS.test(rooted)
    if (isProduction) this.#least(group, sortColumn.production)
    if (isOther) this.#least(group, sortColumn.other)
    if (!isProduction && !isOther) this.#least(group, sortColumn.unnamed)
    if (mayBeSaid && PERSONAL.test(rooted)) this.#least(group, sortColumn.personal)
  }

  #least(group: number, column: number): void {
    const before = this.#groups.get(group, column)
    if (before === NONE || this.#place.isBefore(this.#places, before))
      this.#groups.set(group, column, this.#place.keptIn(this.#places))
  }

  #source(number: number): Source {
    const id = this.#sourceIds.textOf(number)
    const source = {
      before: Buffer.from(this.#names.beforeOf(id)),
      rank: this.#ranks.get(id)!,
      mayBeOwned: this.#names.isIn(id, OWNED),
      isCode: this.#names.isIn(id, CODE),
      isChat: this.#names.isIn(id, CHATS),
      isReport: this.#names.isIn(id, REPORTS),
      baseline: this.#baselines.get(id),
    }
    this.#sources[number] = source
    return source
  }

  #value(bytes: Uint8Array, start: number, end: number): number {
    const known = this.#fingerprints.count
    const value = this.#fingerprints.add(bytes, start, end)
    if (value < known) return value
    const at = value * VALUE_WIDTH
    if (at === this.#values.length) this.#values = widened(this.#values, new Float64Array(at * 2))
    this.#values[at + VALUE.group] = NONE
    this.#values[at + VALUE.firstSeen] = Infinity
    this.#values[at + VALUE.exposedSince] = Infinity
    return value
  }

  /** Copies of one value mostly name the same one: that is compared before it is looked for among all. */
  #group(value: number, bytes: Uint8Array, start: number, end: number): number {
    const first = this.#values[value * VALUE_WIDTH + VALUE.group]!
    if (first !== NONE) {
      const named = this.#groups.get(first, GROUP.claim)
      if (named === NONE ? start === end : this.#claims.isSame(named, bytes, start, end)) return first
    }
    const claim = start === end ? NONE : this.#claims.add(bytes, start, end)
    let last = NONE
    for (let group = first; group !== NONE; group = this.#groups.get(group, GROUP.next)) {
      if (this.#groups.get(group, GROUP.claim) === claim) return group
      last = group
    }
    const group = this.#groups.add(claim)
    if (last === NONE) this.#values[value * VALUE_WIDTH + VALUE.group] = group
    else {
      this.#groups.set(last, GROUP.next, group)
      this.#severally.add(value)
    }
    return group
  }

  result(): CopiesRead & { readonly inCode: InCode } {
    const isNew = new SeenPairs()
    const rows = this.#rows
    for (const row of this.#newRows) isNew.add(rows.valueOf(row), rows.highOf(row), rows.lowOf(row))
    const newKeys: CopyKey[] = []
    if (this.#newRows.length > 0)
      for (let row = 0; row < rows.length; row++)
        if (isNew.has(rows.valueOf(row), rows.highOf(row), rows.lowOf(row))) newKeys.push(rows.keyOf(row))
    return {
      values: {
        fingerprints: this.#fingerprints.kept,
        claims: this.#claims.kept,
        places: this.#places.kept,
        groups: { numbers: this.#groups.numbers, count: this.#groups.count },
        values: this.#values,
        placesOf: this.#countSeverally(),
      },
      newKeys,
      inCode: this.#inCode.kept,
    }
  }

  /** What is named in two ways may stand in one place under both. */
  #countSeverally(): Map<number, number> {
    const counts = new Map<number, number>()
    if (this.#severally.size === 0) return counts
    for (const value of this.#severally) counts.set(value, 0)
    const seen = new SeenPairs()
    const rows = this.#rows
    for (let row = 0; row < rows.length; row++) {
      const value = rows.valueOf(row)
      const count = rows.isCounted(row) ? counts.get(value) : undefined
      if (count !== undefined && seen.add(value, rows.highOf(row), rows.lowOf(row)))
        counts.set(value, count + 1)
    }
    return counts
  }
}

/** Places that are kept. Which of two comes first is mostly told by their sources' ranks alone, and their bytes are far apart. */
class Places {
  readonly #heap = new ByteHeap()
  #ranks = new Int32Array(1 << 8)

  get kept(): BytesKept {
    return this.#heap.kept
  }

  keep(rank: number, bytes: Uint8Array, length: number): number {
    const number = this.#heap.keep(bytes, 0, length)
    if (number === this.#ranks.length) this.#ranks = widened(this.#ranks, new Int32Array(number * 2))
    this.#ranks[number] = rank
    return number
  }

  compare(number: number, rank: number, bytes: Uint8Array, length: number): number {
    return this.#ranks[number]! - rank || this.#heap.compare(number, bytes, 0, length)
  }
}

/** By what its key says, the place of the copy that is looked at, and its hash of 64 bits. */
class Place {
  #bytes = new Uint8Array(1 << 12)
  #length = 0
  #rank = 0
  #kept = NONE
  high = 0
  low = 0

  /** As `PlaceNames` makes the key: the member stands one byte behind the path. */
  is({ before, rank }: Source, bytes: Uint8Array, start: number, end: number, memberEnd: number): void {
    const most = before.length + memberEnd - start + 1
    if (most > this.#bytes.length) this.#bytes = new Uint8Array(most * 2)
    const own = this.#bytes
    let length = 0
    for (let at = 0; at < before.length; at++) own[length++] = before[at]!
    for (let at = start; at < end; at++) own[length++] = bytes[at]!
    if (memberEnd > end + 1) {
      own[length++] = EXCLAMATION
      own[length++] = SLASH
      for (let at = end + 1; at < memberEnd; at++) own[length++] = bytes[at]!
    }
    this.#length = length
    this.#rank = rank
    this.#kept = NONE
    this.#hash()
  }

  isBefore(places: Places, other: number): boolean {
    return places.compare(other, this.#rank, this.#bytes, this.#length) > 0
  }

  isAfter(places: Places, other: number): boolean {
    return places.compare(other, this.#rank, this.#bytes, this.#length) < 0
  }

  /** Its number among those that are kept; it is kept once. */
  keptIn(places: Places): number {
    if (this.#kept === NONE) this.#kept = places.keep(this.#rank, this.#bytes, this.#length)
    return this.#kept
  }

  #hash(): void {
    let high = 0xdeadbeef
    let low = 0x41c6ce57
    for (let at = 0; at < this.#length; at++) {
      const byte = this.#bytes[at]!
      high = Math.imul(high ^ byte, 2654435761)
      low = Math.imul(low ^ byte, 1597334677)
    }
    this.high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
    this.low =
      Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(this.high ^ (this.high >>> 13), 3266489909)
  }
}

/** Of every copy its key, and by number its value and its place. */
class Rows {
  readonly #keys: CopyKey[] = []
  #values = new Int32Array(1 << 16)
  /** Two for each: the hash of its place. */
  #places = new Int32Array(1 << 17)
  #counted = new Uint8Array(1 << 16)

  get length(): number {
    return this.#keys.length
  }

  add(key: CopyKey, value: number, { high, low }: Place): number {
    const row = this.#keys.length
    if (row === this.#values.length) {
      this.#values = widened(this.#values, new Int32Array(row * 2))
      this.#places = widened(this.#places, new Int32Array(row * 4))
      this.#counted = widened(this.#counted, new Uint8Array(row * 2))
    }
    this.#keys.push(key)
    this.#values[row] = value
    this.#places[row * 2] = high
    this.#places[row * 2 + 1] = low
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

  highOf(row: number): number {
    return this.#places[row * 2]!
  }

  lowOf(row: number): number {
    return this.#places[row * 2 + 1]!
  }
}

const SLASH = 0x2f
const EXCLAMATION = 0x21
const ZERO = 0x30

/** A whole number that is not negative, as the store writes it. */
function numberIn(bytes: Uint8Array, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) number = number * 10 + bytes[at]! - ZERO
  return number
}

/** Flags: it stands; it is likely enough; nobody wrote beside it why it may stand there; another tool's report tells of it. */
const STANDS = 1
const LIKELY = 2
const FREE = 4
const REPORTED = 8

const flag = (bit: number, condition: RawBuilder<unknown>) =>
  sql`case when ${condition} then ${sql.lit(bit)} else 0 end`

/** After the copy's key. */
const COLUMNS = [
  'key',
  sql`fingerprint`,
  sql`claim_id`,
  sql`source_id`,
  sql`container_id`,
  sql`path`,
  sql`member`,
  sql`first_seen`,
  sql`${flag(STANDS, sql`gone_at is null`)} +
    ${flag(LIKELY, sql`confidence >= ${sql.lit(LEAST_CONFIDENCE)}`)} +
    ${flag(FREE, sql`coalesce(allowance, '') = ''`)} +
    ${flag(REPORTED, sql`coalesce(version, '') like 'reported:%'`)}`,
] as const

function pages(db: Db): AsyncGenerator<BytePage> {
  return bytePages(
    db,
    'copy',
    COLUMNS.map(column => (column === 'key' ? sql.ref(copyKeyOf(db)) : column)),
  )
}
